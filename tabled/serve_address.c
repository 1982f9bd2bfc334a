/*
 * Answers queued: what does this address stand for? And what all sockets of the owner share.
 */
#include <errno.h>

#include "tabled/owner.h"

enum {
	PAUSE_AT = 1024 * 1024,              /* unsent bytes above which a peer is not read from */
	OUTPUT_LIMIT = 2 * TABLE_FRAME_MAX,  /* bytes */
	QUESTION_MAX = 1024,                 /* bytes of the largest question */
};

int
serve_send(struct channel *channel, struct wire_writer *writer)
{
	int error = channel_send(channel, writer);

	if (error == 0 && channel_unsent(channel) > PAUSE_AT)
		channel_pause(channel);
	return error;
}

void
serve_drained(struct channel *channel, void *context)
{
	(void)context;
	channel_resume(channel);
}

static int
serve_expand(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct owner *owner = context;
	struct slice address = wire_get_slice(&frame->body);
	struct wire_writer writer;
	enum table_class class;
	uint32_t count;

	if (!wire_done(&frame->body))
		return -EBADMSG;
	buffer_clear(&owner->targets);
	class = resolve_expand(&owner->view, &owner->settings, address, &owner->targets, &count);
	writer = channel_begin(channel, TABLE_EXPAND_REPLY, frame->request, -1);
	wire_put_u8(&writer, (uint8_t)class);
	if (count > 0) {
		wire_put_u32(&writer, count);
		if (writer.error == 0)
			writer.error = buffer_append_slice(writer.out, buffer_slice(&owner->targets));
	}
	buffer_consume(&owner->targets, buffer_length(&owner->targets));
	return serve_send(channel, &writer);
}

void
serve_queued(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = TABLE_EXPAND, .states = CHANNEL_ANY, .handle = serve_expand },
	};
	static struct channel_count count = { .most = CHANNEL_PEERS_MAX };
	static const struct channel_protocol protocol = {
		.name = "tabled-queued",
		.count = &count,
		.handlers = handlers,
		.handler_count = 1,
		.input_limit = QUESTION_MAX,
		.output_limit = OUTPUT_LIMIT,
		.drained = serve_drained,
	};
	struct owner *owner = context;

	(void)channel_new(process_base(owner->process), fd, &protocol, owner);
}
