/*
 * Answers session processes: whose mailbox is this ticket for?
 */
#include <errno.h>

#include "common/base/clock.h"
#include "tabled/owner.h"

enum {
	QUESTION_MAX = 256,             /* bytes of the largest question */
	OUTPUT_LIMIT = 4 * 1024 * 1024, /* bytes */
};

static int
serve_redeem(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct owner *owner = context;
	struct slice number = wire_get_slice(&frame->body);
	char login[TABLE_ADDRESS_MAX + 2];
	struct wire_writer writer;
	struct record_user user;
	struct ticket ticket;
	int error = -ENOENT;

	if (!wire_done(&frame->body))
		return -EBADMSG;
	if (tickets_redeem(owner->tickets, number, clock_monotonic_ms(), &ticket))
		error = owner_find_user(owner, &ticket.name, &user);
	writer = channel_begin(channel, TABLE_REDEEM_REPLY, frame->request, -1);
	if (error != 0) {
		wire_put_u8(&writer, error == -ENOENT ? TABLE_AUTH_FAILED : TABLE_AUTH_TEMPORARY);
		return serve_send(channel, &writer);
	}
	name_address(&ticket.name, login);
	wire_put_u8(&writer, TABLE_AUTH_OK);
	wire_put_string(&writer, login);
	wire_put_string(&writer, ticket.folder);
	wire_put_slice(&writer, user.path);
	wire_put_u64(&writer, user.quota);
	return serve_send(channel, &writer);
}

void
serve_session(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = TABLE_REDEEM, .states = CHANNEL_ANY, .handle = serve_redeem },
	};
	static struct channel_count count = { .most = CHANNEL_PEERS_MAX };
	static const struct channel_protocol protocol = {
		.name = "tabled-session",
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
