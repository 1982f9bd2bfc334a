/*
 * What a client may say before it has logged in: USER, PASS, AUTH, CAPA, UTF8, STLS, QUIT (RFC 1939 section 4, RFC 5034,
 * RFC 2449, RFC 6856, RFC 2595).
 */
#include "pop3d/login.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "pop3d/capability.h"
#include "pop3d/command.h"

/* What a verb leaves behind. */
enum outcome {
	OUTCOME_OK,    /* go on */
	OUTCOME_ERROR, /* go on; it was a mistake */
	OUTCOME_WAIT,  /* the answer comes later */
	OUTCOME_FREED, /* there is no session any more */
};

static enum outcome
reply(struct login *login, enum outcome outcome, const char *line)
{
	conn_printf(login->conn, "%s\r\n", line);
	return outcome;
}

#define NEEDS_TLS "-ERR a password is taken over TLS only; STLS comes first"

/* After a step of a login: no more input is taken while tabled is asked, nor when the client is to leave. */
static enum outcome
after(const struct login *login, bool there)
{
	if (!there)
		return OUTCOME_FREED;
	return login->state == LOGIN_CHECKING || login->state == LOGIN_LEAVING ? OUTCOME_WAIT : OUTCOME_OK;
}

static enum outcome
verb_user(struct login *login, struct slice argument)
{
	struct slice user = slice_trim(argument);

	if (!login_terms(login).plaintext)
		return reply(login, OUTCOME_ERROR, NEEDS_TLS);
	if (user.length == 0)
		return reply(login, OUTCOME_ERROR, "-ERR USER needs a name");
	free(login->user);
	login->user = slice_dup(user);
	login->state = login->user == NULL ? LOGIN_NO_USER : LOGIN_USER;
	if (login->user == NULL)
		return reply(login, OUTCOME_OK, "-ERR [SYS/TEMP] out of memory");
	/* The same for every name: whether there is such a mailbox is nobody's business (RFC 1939 section 13). */
	return reply(login, OUTCOME_OK, "+OK now the password");
}

static enum outcome
verb_pass(struct login *login, struct slice argument)
{
	bool alive;

	if (login->state != LOGIN_USER)
		return reply(login, OUTCOME_ERROR, "-ERR USER comes first");
	if (argument.length == 0)
		return reply(login, OUTCOME_ERROR, "-ERR PASS needs a password");
	alive = login_password(login, argument);
	explicit_bzero((void *)(uintptr_t)argument.data, argument.length);
	return after(login, alive);
}

static enum outcome
verb_auth(struct login *login, struct slice argument)
{
	struct sasl_terms terms = login_terms(login);
	struct slice rest = argument;
	bool alive;
	enum sasl_mechanism mechanism = sasl_find(slice_word(&rest));

	if (command_end(argument))
		return reply(login, OUTCOME_ERROR, "-ERR AUTH needs the name of a mechanism; CAPA lists them");
	if (sasl_is_plaintext(mechanism) && !terms.plaintext)
		return reply(login, OUTCOME_ERROR, NEEDS_TLS);
	if (!sasl_allowed(mechanism, &terms))
		return reply(login, OUTCOME_ERROR, "-ERR there is no such mechanism; CAPA lists them");
	alive = login_sasl(login, mechanism, slice_trim(rest));
	explicit_bzero((void *)(uintptr_t)rest.data, rest.length);
	return after(login, alive);
}

static enum outcome
verb_capa(struct login *login, struct slice argument)
{
	struct sasl_terms terms = login_terms(login);
	char names[SASL_NAMES_SIZE], text[CAPABILITY_SIZE];
	struct capability capability = { .user = terms.plaintext, .stls = login_offers_tls(login), .sasl = names };
	struct slice response;

	(void)argument;
	sasl_names(&terms, names);
	response = capability_response(&capability, text);
	conn_write(login->conn, response.data, response.length);
	return OUTCOME_OK;
}

/* What follows in the same input is nobody's word (conn_start_tls). */
static enum outcome
verb_stls(struct login *login, struct slice argument)
{
	const char *refusal = login_refuse_tls(login);

	if (!command_end(argument))
		return reply(login, OUTCOME_ERROR, "-ERR STLS takes no argument");
	if (refusal != NULL)
		return reply(login, OUTCOME_ERROR, refusal);
	reply(login, OUTCOME_OK, "+OK begin TLS");
	if (login_start_tls(login) == 0)
		return OUTCOME_WAIT;
	login_close(login);
	return OUTCOME_FREED;
}

static enum outcome
verb_utf8(struct login *login, struct slice argument)
{
	if (!command_end(argument))
		return reply(login, OUTCOME_ERROR, "-ERR UTF8 takes no argument");
	login->utf8 = true;
	return reply(login, OUTCOME_OK, "+OK UTF-8 it is");
}

static enum outcome
verb_quit(struct login *login, struct slice argument)
{
	(void)argument;
	reply(login, OUTCOME_OK, "+OK bye");
	login_close(login);
	return OUTCOME_FREED;
}

static enum outcome
verb_later(struct login *login, struct slice argument)
{
	(void)argument;
	return reply(login, OUTCOME_ERROR, "-ERR log in first");
}

static const struct verb {
	struct slice name;
	enum outcome (*handle)(struct login *login, struct slice argument);
} verbs[] = {
	{ { "USER", 4 }, verb_user },
	{ { "PASS", 4 }, verb_pass },
	{ { "AUTH", 4 }, verb_auth },
	{ { "CAPA", 4 }, verb_capa },
	{ { "QUIT", 4 }, verb_quit },
	{ { "UTF8", 4 }, verb_utf8 },
	{ { "STLS", 4 }, verb_stls },
	{ { "STAT", 4 }, verb_later },
	{ { "LIST", 4 }, verb_later },
	{ { "UIDL", 4 }, verb_later },
	{ { "RETR", 4 }, verb_later },
	{ { "TOP", 3 }, verb_later },
	{ { "DELE", 4 }, verb_later },
	{ { "RSET", 4 }, verb_later },
	{ { "NOOP", 4 }, verb_later },
};

static enum outcome
dispatch(struct login *login, const struct command *command)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (slice_equal_nocase(verbs[i].name, command->verb))
			return verbs[i].handle(login, command->argument);
	return reply(login, OUTCOME_ERROR, "-ERR unknown command");
}

/* False when there is no session any more. */
static bool
settle(struct login *login, enum outcome outcome)
{
	if (outcome == OUTCOME_ERROR && (!login_limit_error(login) || ++login->errors >= LOGIN_ERRORS_MAX)) {
		log_event(LOG_NOTICE, "pop3.errors", LOG_STRING("session", login->session),
		          LOG_STRING("client", login->client));
		reply(login, OUTCOME_OK, "-ERR too many mistakes; bye");
		login_close(login);
		return false;
	}
	return outcome != OUTCOME_FREED;
}

/* Takes the next line in *used on, and does what it says. */
static enum outcome
take_command(struct login *login, struct slice input, size_t *used)
{
	enum command_result result;
	struct slice complaint;
	struct command command;

	*used += command_next(slice_from(input, *used), &login->skipping, &command, &result);
	if (result == COMMAND_NONE)
		return OUTCOME_WAIT;
	if (result == COMMAND_READY)
		return dispatch(login, &command);
	complaint = command_complaint(result);
	conn_write(login->conn, complaint.data, complaint.length);
	return OUTCOME_ERROR;
}

/* The same for a line that answers a challenge, which may be longer (RFC 5034 section 4). */
static enum outcome
take_sasl(struct login *login, struct slice input, size_t *used)
{
	struct slice rest = slice_from(input, *used);
	size_t end = slice_find(rest, '\n');
	struct slice line = slice_first(rest, end);
	bool alive;

	if (end == rest.length && rest.length <= SASL_LINE_MAX)
		return OUTCOME_WAIT;
	if (end > SASL_LINE_MAX) {
		/* It is no base64 of anything; the rest of it is thrown away. */
		*used += rest.length < end + 1 ? rest.length : end + 1;
		login->skipping = end == rest.length;
		return after(login, login_sasl_line(login, SLICE("?")));
	}
	*used += end + 1;
	if (line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	alive = login_sasl_line(login, line);
	explicit_bzero((void *)(uintptr_t)line.data, line.length);
	return after(login, alive);
}

size_t
login_input(void *context, struct conn *conn, struct slice input)
{
	struct login *login = context;
	enum outcome outcome = OUTCOME_OK;
	size_t used = 0;

	(void)conn;
	while (outcome != OUTCOME_WAIT && used < input.length) {
		if (conn_unsent(login->conn) > LOGIN_UNSENT_MAX) {
			conn_pause(login->conn); /* until login_drained */
			break;
		}
		if (login->state == LOGIN_SASL)
			outcome = take_sasl(login, input, &used);
		else
			outcome = take_command(login, input, &used);
		if (!settle(login, outcome))
			return input.length;
	}
	return used;
}
