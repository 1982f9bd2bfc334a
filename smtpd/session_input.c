/*
 * What a session does with its input: the table of verbs, and the framing of commands.
 *
 * RCPT is answered when tabled has answered, and several RCPTs of a pipelined group (RFC 2920) are asked about
 * at once. Their replies keep their order because any other command waits until all of them are answered.
 */
#include "smtpd/command.h"
#include "smtpd/content.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"
#include "smtpd/verb.h"

enum {
	IN_ANY = 0xff,
	IN_READY = 1 << SESSION_READY,
	IN_MAIL = 1 << SESSION_MAIL,
	IN_RCPT = 1 << SESSION_RCPT,
	IN_GREETED = IN_ANY & ~(1 << SESSION_START),
};

enum arguments_rule {
	ARGUMENTS_NONE,
	ARGUMENTS_ANY,  /* the verb looks for itself */
	ARGUMENTS_SOME, /* not empty */
};

struct verb {
	const char *name;
	verb_function *run;
	unsigned states; /* in which it is allowed */
	enum arguments_rule arguments;
	bool eight_bit;  /* bytes above 127 are allowed (RFC 6531 3.3, 3.7.4.2) */
};

static const struct verb verbs[] = {
	{ "MAIL", verb_mail, IN_READY, ARGUMENTS_ANY, true },
	{ "RCPT", verb_rcpt, IN_MAIL | IN_RCPT, ARGUMENTS_ANY, true },
	{ "DATA", verb_data, IN_RCPT, ARGUMENTS_NONE, false },
	{ "BDAT", verb_bdat, IN_ANY, ARGUMENTS_ANY, false },
	{ "EHLO", verb_ehlo, IN_ANY, ARGUMENTS_ANY, false },
	{ "HELO", verb_helo, IN_ANY, ARGUMENTS_ANY, false },
	{ "AUTH", verb_auth, IN_READY, ARGUMENTS_ANY, false },
	{ "STARTTLS", verb_starttls, IN_GREETED, ARGUMENTS_NONE, false },
	{ "RSET", verb_rset, IN_ANY, ARGUMENTS_NONE, false },
	{ "NOOP", verb_noop, IN_ANY, ARGUMENTS_ANY, false },
	{ "QUIT", verb_quit, IN_ANY, ARGUMENTS_NONE, false },
	{ "VRFY", verb_vrfy, IN_ANY, ARGUMENTS_SOME, true },
	{ "EXPN", verb_expn, IN_ANY, ARGUMENTS_SOME, true },
	{ "HELP", verb_help, IN_ANY, ARGUMENTS_ANY, false },
	{ "SEND", verb_not_implemented, IN_ANY, ARGUMENTS_ANY, false },
	{ "SOML", verb_not_implemented, IN_ANY, ARGUMENTS_ANY, false },
	{ "SAML", verb_not_implemented, IN_ANY, ARGUMENTS_ANY, false },
	{ "TURN", verb_not_implemented, IN_ANY, ARGUMENTS_ANY, false },
};

/* NULL when it is unknown. */
static const struct verb *
find_verb(struct slice name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (slice_equal_nocase(slice_from_string(verbs[i].name), name))
			return &verbs[i];
	return NULL;
}

enum reply
session_missing(const struct session *session)
{
	switch (session->state) {
	case SESSION_START:
		return REPLY_HELLO_FIRST;
	case SESSION_READY:
		return REPLY_MAIL_FIRST;
	case SESSION_MAIL:
		return session->transaction->refused_count > 0 ? REPLY_NO_RECIPIENTS : REPLY_RECIPIENT_FIRST;
	case SESSION_RCPT:
	case SESSION_CHUNKS:
		break;
	}
	return REPLY_NONE;
}

/* What is wrong when VERB comes in this state. */
static enum reply
wrong_state(const struct session *session, const struct verb *verb)
{
	if (session->state == SESSION_CHUNKS)
		return REPLY_IN_CHUNKS;
	if (session->state == SESSION_RCPT || (session->state == SESSION_MAIL && verb->run == verb_mail))
		return REPLY_NESTED_MAIL;
	return session_missing(session);
}

/* REPLY_NONE when VERB may run. */
static enum reply
check_command(const struct session *session, const struct verb *verb, const struct command *command)
{
	if (verb == NULL)
		return REPLY_UNKNOWN_COMMAND;
	if (command->eight_bit && !verb->eight_bit)
		return REPLY_COMMAND_NOT_ASCII;
	if ((verb->states & (1u << session->state)) == 0)
		return wrong_state(session, verb);
	if (verb->arguments == ARGUMENTS_NONE && command->arguments.length > 0)
		return REPLY_ARGUMENTS;
	if (verb->arguments == ARGUMENTS_SOME && command->arguments.length == 0)
		return REPLY_ARGUMENTS;
	return REPLY_NONE;
}

/*
 * True when VERB (NULL: something else that needs an answer) cannot be handled before pending recipients are
 * answered.
 */
static bool
must_wait(const struct session *session, const struct verb *verb)
{
	const struct transaction *transaction = session->transaction;

	if (transaction == NULL || transaction->pending_count == 0)
		return false;
	if (verb == NULL || verb->run != verb_rcpt)
		return true;
	/* At the limit of recipients it depends on them whether one more is taken. */
	return transaction->pending_count >= VERB_RCPT_WINDOW ||
	       transaction->accepted_count + transaction->pending_count >= session->host->config->recipients_limit;
}

/* Returns how many bytes of input are done with: LENGTH, or 0 when the line must wait. */
static size_t
take_line(struct session *session, struct slice line, size_t length)
{
	const struct verb *verb = NULL;
	struct command command;
	enum reply problem = REPLY_CONTROL;

	if (command_parse(line, &command) == 0) {
		verb = find_verb(command.verb);
		problem = check_command(session, verb, &command);
	}
	if (must_wait(session, verb)) {
		session_wait(session, SESSION_WAIT_LOOKUPS);
		return 0;
	}
	if (problem != REPLY_NONE)
		session_reply(session, problem);
	else
		verb->run(session, command.arguments);
	session_arm(session);
	return length;
}

static size_t
take_bad_line(struct session *session, enum reply reply, enum session_mode rest, size_t length)
{
	if (must_wait(session, NULL)) {
		session_wait(session, SESSION_WAIT_LOOKUPS);
		return 0;
	}
	session_reply(session, reply);
	session_arm(session);
	session->mode = rest;
	return length;
}

static size_t
take_command(struct session *session, struct slice input)
{
	struct slice line;
	size_t length;

	switch (command_cut(input, &line, &length)) {
	case COMMAND_LINE_WHOLE:
		return take_line(session, line, length);
	case COMMAND_LINE_BARE_LF:
		return take_bad_line(session, REPLY_BARE_LF, SESSION_REMAINDER, length);
	case COMMAND_LINE_TOO_LONG:
		/* No byte is taken here, but the mode is another: what was too long is skipped at once. */
		take_bad_line(session, REPLY_LINE_TOO_LONG, SESSION_SKIP, 0);
		return session->mode == SESSION_SKIP ? session_take(session, input) : 0;
	case COMMAND_LINE_MORE:
		break;
	}
	return 0;
}

/*
 * A bare LF did not end its command. It was answered at once, because a client that knows no CRLF would wait
 * for ever; what follows up to CRLF belongs to the same command and is never run. Each further bare LF is
 * answered too.
 */
static size_t
take_remainder(struct session *session, struct slice input)
{
	struct slice line;
	size_t length;

	switch (command_cut(input, &line, &length)) {
	case COMMAND_LINE_WHOLE:
		session->mode = SESSION_COMMANDS;
		return length;
	case COMMAND_LINE_BARE_LF:
		return take_bad_line(session, REPLY_BARE_LF, SESSION_REMAINDER, length);
	case COMMAND_LINE_TOO_LONG:
		session->mode = SESSION_SKIP;
		return session_take(session, input);
	case COMMAND_LINE_MORE:
		break;
	}
	return 0;
}

static size_t
take_skip(struct session *session, struct slice input)
{
	bool ended;
	size_t length = command_skip(input, &ended);

	if (ended)
		session->mode = SESSION_COMMANDS;
	return length;
}

size_t
session_take(struct session *session, struct slice input)
{
	switch (session->mode) {
	case SESSION_COMMANDS:
		return take_command(session, input);
	case SESSION_REMAINDER:
		return take_remainder(session, input);
	case SESSION_SKIP:
		return take_skip(session, input);
	case SESSION_AUTH:
		return auth_take(session, input);
	case SESSION_DATA:
		return content_take_data(session, input);
	case SESSION_CHUNK:
		return content_take_chunk(session, input);
	}
	return 0;
}
