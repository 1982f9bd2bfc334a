/*
 * Reads the commands of TRANSACTION (RFC 1939 section 5) and gives each to its verb. Pipelined commands are
 * carried out one after the other; their replies leave together.
 */
#include "pop3d/session.h"

#include "pop3d/capability.h"

static void
verb_not_now(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_printf(session, "-ERR you are logged in already\r\n");
}

void
verb_noop(struct session *session, struct slice arguments)
{
	if (session_no_more(session, arguments))
		session_reply(session, SLICE("+OK\r\n"));
}

void
verb_capa(struct session *session, struct slice arguments)
{
	static const struct capability capability = { .user = true, .sasl = "" };
	char text[CAPABILITY_SIZE];

	if (session_no_more(session, arguments))
		session_reply(session, capability_response(&capability, text));
}

void
verb_utf8(struct session *session, struct slice arguments)
{
	(void)arguments;
	/* RFC 6856 section 2: in AUTHORIZATION only. */
	session_printf(session, "-ERR UTF8 comes before login\r\n");
}

static const struct {
	struct slice name;
	session_verb *verb;
} verbs[] = {
	{ { "RETR", 4 }, verb_retr },
	{ { "LIST", 4 }, verb_list },
	{ { "UIDL", 4 }, verb_uidl },
	{ { "DELE", 4 }, verb_dele },
	{ { "TOP", 3 }, verb_top },
	{ { "STAT", 4 }, verb_stat },
	{ { "NOOP", 4 }, verb_noop },
	{ { "RSET", 4 }, verb_rset },
	{ { "QUIT", 4 }, verb_quit },
	{ { "CAPA", 4 }, verb_capa },
	{ { "UTF8", 4 }, verb_utf8 },
	{ { "USER", 4 }, verb_not_now },
	{ { "PASS", 4 }, verb_not_now },
};

static void
dispatch(struct session *session, const struct command *command)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (slice_equal_nocase(verbs[i].name, command->verb)) {
			verbs[i].verb(session, command->argument);
			return;
		}
	}
	session_printf(session, "-ERR unknown command\r\n");
}

size_t
session_input(void *context, struct conn *conn, struct slice input)
{
	struct session *session = context;
	size_t used = 0;
	bool rearmed = false;

	(void)conn;
	session_work_begin(session->worker);
	while (used < input.length) {
		struct command command;
		enum command_result result;
		size_t length;

		if (session->pipelined == 0)
			session->pipelined = pipeline_plan(session, slice_from(input, used));
		length = command_next(slice_from(input, used), &session->skipping, &command, &result);
		session->pipelined -= length < session->pipelined ? length : session->pipelined;
		used += length;
		if (result == COMMAND_NONE)
			break;
		/* A whole command: bytes that come now and then are none, and win no time. */
		if (!rearmed)
			session_rearm(session);
		rearmed = true;
		ahead_cancel(session);
		if (result != COMMAND_READY)
			session_reply(session, command_complaint(result));
		else
			dispatch(session, &command);
		if (!session_work(session))
			break;
	}
	return used;
}

bool
session_get_message(struct session *session, struct slice *arguments, uint32_t *message_r)
{
	uint64_t number;

	if (command_number(arguments, &number) != 0) {
		session_printf(session, "-ERR a message number is needed\r\n");
		return false;
	}
	if (number < 1 || number > maildrop_count(session->maildrop)) {
		session_printf(session, "-ERR there is no such message\r\n");
		return false;
	}
	if (maildrop_deleted(session->maildrop, (uint32_t)number - 1)) {
		session_printf(session, "-ERR the message is deleted\r\n");
		return false;
	}
	*message_r = (uint32_t)number - 1;
	return true;
}

bool
session_no_more(struct session *session, struct slice arguments)
{
	if (command_end(arguments))
		return true;
	session_printf(session, "-ERR too many arguments\r\n");
	return false;
}
