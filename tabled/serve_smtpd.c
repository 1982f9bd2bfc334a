/*
 * Answers smtpd: does this address exist? May this client come in? May this user send as that address?
 */
#include <errno.h>

#include "tabled/auth.h"
#include "tabled/may_send.h"

enum {
	OUTPUT_LIMIT = 2 * TABLE_FRAME_MAX, /* bytes */
};

static int
serve_lookup(struct channel *channel, void *context, struct channel_frame *frame)
{
	const struct owner *owner = ((struct auth_peer *)context)->owner;
	struct slice address = wire_get_slice(&frame->body);
	struct wire_writer writer;
	enum table_class class;
	uint32_t count;

	if (!wire_done(&frame->body))
		return -EBADMSG;
	class = resolve_expand(&owner->view, &owner->settings, address, NULL, &count);
	writer = channel_begin(channel, TABLE_LOOKUP_REPLY, frame->request, -1);
	wire_put_u8(&writer, (uint8_t)class);
	return serve_send(channel, &writer);
}

static int
serve_may_send(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct owner *owner = ((struct auth_peer *)context)->owner;
	struct slice login = wire_get_slice(&frame->body);
	struct slice address = wire_get_slice(&frame->body);
	struct record_user user;
	struct name name;
	struct wire_writer writer;
	enum table_may_send answer = TABLE_MAY_SEND_NO;
	int error = -ENOENT;

	if (!wire_done(&frame->body))
		return -EBADMSG;
	if (name_parse(login, &name))
		error = owner_find_user(owner, &name, &user);
	if (error == 0)
		answer = may_send(&owner->view, &owner->settings, &name, &user, address, &owner->targets);
	else if (error != -ENOENT)
		answer = TABLE_MAY_SEND_LATER;
	writer = channel_begin(channel, TABLE_MAY_SEND_REPLY, frame->request, -1);
	wire_put_u8(&writer, (uint8_t)answer);
	return serve_send(channel, &writer);
}

void
serve_smtpd(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = TABLE_LOOKUP, .states = CHANNEL_ANY, .handle = serve_lookup },
		{ .type = TABLE_AUTH, .states = CHANNEL_ANY, .handle = auth_on_password },
		{ .type = TABLE_SCRAM_BEGIN, .states = CHANNEL_ANY, .handle = auth_on_scram_begin },
		{ .type = TABLE_SCRAM_FINISH, .states = CHANNEL_ANY, .handle = auth_on_scram_finish },
		{ .type = TABLE_SCRAM_ABORT, .states = CHANNEL_ANY, .handle = auth_on_scram_abort },
		{ .type = TABLE_MAY_SEND, .states = CHANNEL_ANY, .handle = serve_may_send },
	};
	static struct channel_count count = { .most = CHANNEL_PEERS_MAX };
	static const struct channel_protocol protocol = {
		.name = "tabled-smtpd",
		.count = &count,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.input_limit = AUTH_QUESTION_MAX,
		.output_limit = OUTPUT_LIMIT,
		.closed = auth_peer_closed,
		.drained = serve_drained,
	};

	auth_peer_new(context, fd, &protocol, false);
}
