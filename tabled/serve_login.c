/*
 * Answers login processes of pop3d: may this client come in? If so they get a ticket, and nothing else.
 */
#include "tabled/auth.h"

enum {
	OUTPUT_LIMIT = 4 * 1024 * 1024, /* bytes */
};

void
serve_login(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = TABLE_AUTH, .states = CHANNEL_ANY, .handle = auth_on_password },
		{ .type = TABLE_SCRAM_BEGIN, .states = CHANNEL_ANY, .handle = auth_on_scram_begin },
		{ .type = TABLE_SCRAM_FINISH, .states = CHANNEL_ANY, .handle = auth_on_scram_finish },
		{ .type = TABLE_SCRAM_ABORT, .states = CHANNEL_ANY, .handle = auth_on_scram_abort },
	};
	static struct channel_count count = { .most = CHANNEL_PEERS_MAX };
	static const struct channel_protocol protocol = {
		.name = "tabled-login",
		.count = &count,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.input_limit = AUTH_QUESTION_MAX,
		.output_limit = OUTPUT_LIMIT,
		.closed = auth_peer_closed,
		.drained = serve_drained,
	};

	auth_peer_new(context, fd, &protocol, true);
}
