/*
 * The states of a session: which reply each waits for, for how long, and who handles it.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "relayd/client_private.h"

enum {
	INPUT_LIMIT = 4 * REPLY_LINE_MAX, /* bytes: many short replies in one piece */
	CODE_CLOSING = 421,               /* RFC 5321 3.8: at any time */
};

typedef void client_handler(struct client *client);

#define TIMEOUT(which) offsetof(struct client_settings, which##_timeout)

static const struct client_step {
	const char *name;          /* of what is waited for, in a sentence */
	unsigned expected;         /* class of the reply; 0: none is expected */
	size_t timeout;            /* in struct client_settings; 0: none */
	client_handler *accepted;
	client_handler *refused;
} steps[CLIENT_STATES] = {
	[CLIENT_GREETING] = { "the greeting", 2, TIMEOUT(command), client_greeted, client_refused },
	[CLIENT_EHLO] = { "the reply to EHLO", 2, TIMEOUT(command), client_ehlo_accepted, client_ehlo_refused },
	[CLIENT_HELO] = { "the reply to HELO", 2, TIMEOUT(command), client_continue, client_refused },
	[CLIENT_STARTTLS] = { "the reply to STARTTLS", 2, TIMEOUT(command), client_starttls_accepted, client_starttls_refused },
	[CLIENT_HANDSHAKE] = { "the TLS handshake", 0, TIMEOUT(command), NULL, NULL },
	[CLIENT_AUTH_LOGIN] = { "the reply to AUTH", 3, TIMEOUT(command), client_auth_login, client_auth_refused },
	[CLIENT_AUTH_NAME] = { "the reply to the login", 3, TIMEOUT(command), client_auth_name, client_auth_refused },
	[CLIENT_AUTH] = { "the reply to AUTH", 2, TIMEOUT(command), client_auth_accepted, client_auth_refused },
	[CLIENT_READY] = { "a message to send", 0, 0, NULL, NULL },
	[CLIENT_RSET] = { "the reply to RSET", 2, TIMEOUT(command), client_rset_accepted, client_rset_refused },
	[CLIENT_MAIL] = { "the reply to MAIL", 2, TIMEOUT(command), client_mail_accepted, client_mail_refused },
	[CLIENT_RCPT] = { "the reply to RCPT", 2, TIMEOUT(command), client_rcpt_answered, client_rcpt_answered },
	[CLIENT_DATA] = { "the reply to DATA", 3, TIMEOUT(data), client_data_accepted, client_data_refused },
	[CLIENT_BODY] = { "the message to leave", 0, TIMEOUT(data), NULL, NULL },
	[CLIENT_CHUNK] = { "the reply to BDAT", 2, TIMEOUT(end), client_chunk_accepted, client_chunk_refused },
	[CLIENT_END] = { "the reply to the end of the message", 2, TIMEOUT(end), client_end_answered, client_end_answered },
	[CLIENT_OVER] = { "the end", 0, 0, NULL, NULL },
};

void
client_enter(struct client *client, enum client_state state)
{
	size_t timeout = steps[state].timeout;

	client->state = state;
	if (client->conn != NULL)
		conn_set_deadline(client->conn, timeout == 0 ? 0 : *(const uint32_t *)((const char *)client->settings + timeout));
}

/* Gives up with WHAT and the name of what was waited for. */
static void
client_fail_step(struct client *client, const char *status, const char *what, const char *words)
{
	char text[JOBS_TEXT_MAX];

	snprintf(text, sizeof(text), "%s %s%s%s", what, steps[client->state].name, words[0] != '\0' ? ": " : "", words);
	client_give_up(client, status, text);
}

static void
client_violated(struct client *client, const char *what)
{
	log_event(LOG_INFO, "relay.violation", LOG_STRING("remote", client->settings->remote), LOG_STRING("while", steps[client->state].name),
	          LOG_STRING("fault", what));
	client_fail_step(client, "4.5.0", "The remote broke the protocol in", what);
}

void
client_result_of_reply(const struct client *client, struct client_result *out)
{
	static const enum relay_result results[] = { [2] = RELAY_DONE, [4] = RELAY_TEMPORARY, [5] = RELAY_PERMANENT };

	_Static_assert((int)CLIENT_STATUS_SIZE == (int)REPLY_STATUS_SIZE, "reply_status writes into it");
	out->result = results[client->reply.code / 100];
	reply_status(&client->reply, out->status);
	snprintf(out->text, sizeof(out->text), "%s", client->reply.text);
}

/* 421: whatever it answers, nothing more comes. */
static void
client_dismissed(struct client *client)
{
	struct client_result result;

	client->busy = true;
	client_result_of_reply(client, &result);
	client_end_session(client, &result);
}

/*
 * A reply before anything is due. While the message is sent, it refuses what has come so far (RFC 5321 3.3 does not foresee it,
 * servers do it).
 */
static void
client_unasked(struct client *client)
{
	struct client_result result;

	if (client->state != CLIENT_BODY || client->reply.code < 400) {
		client_violated(client, "a reply that answers nothing");
		return;
	}
	if (client_chunking_unknown(client))
		return;
	client_result_of_reply(client, &result);
	client_end_session(client, &result);
}

/* A whole reply is there. */
static void
client_handle(struct client *client)
{
	const struct client_step *step = &steps[client->state];
	unsigned class = client->reply.code / 100;

	if (client->reply.code == CODE_CLOSING) {
		client_dismissed(client);
		return;
	}
	if (client->unanswered == 0 || client->state == CLIENT_BODY) {
		client_unasked(client);
		return;
	}
	client->unanswered--;
	client->answered = true;
	if (class == step->expected)
		step->accepted(client);
	else if (class == 4 || class == 5)
		step->refused(client);
	else
		client_violated(client, client->reply.text);
}

static void
client_take_whole(struct client *client, size_t left)
{
	/* What stands behind the last reply that is due was said before its question could have been read. */
	client->premature = client->unanswered <= 1 && left > 0 && client->state != CLIENT_READY;
	client_handle(client);
	if (client->premature && !client->closed && client->state != CLIENT_OVER)
		client_violated(client, "a reply before the command");
	if (client->closed)
		return;
	client->reply = (struct reply){ .code = 0 };
}

static size_t
client_input(void *context, struct conn *conn, struct slice input)
{
	struct client *client = context;
	struct slice words;
	size_t used;

	(void)conn;
	/* Nobody listens any more. */
	if (client->state == CLIENT_OVER)
		return input.length;
	client_hold(client);
	switch (reply_take(&client->reply, input, &used, &words)) {
	case REPLY_INCOMPLETE:
		break;
	case REPLY_MORE:
		if (client->state == CLIENT_EHLO && client->reply.lines > 1)
			ehlo_take(&client->ehlo, words);
		break;
	case REPLY_WHOLE:
		if (client->state == CLIENT_EHLO && client->reply.lines > 1)
			ehlo_take(&client->ehlo, words);
		client_take_whole(client, input.length - used);
		break;
	case REPLY_MALFORMED:
		client_violated(client, "no reply, or lines with different codes");
		break;
	case REPLY_ENDLESS:
		client_violated(client, "a reply without end");
		break;
	}
	client_release(client);
	return used;
}

static void
client_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct client *client = context;
	const char *failure = conn_tls_failure(conn);
	const char *error = end == CONN_ERROR ? strerror(-conn_error(conn)) : "";

	client_hold(client);
	client->tls_failed = client->state == CLIENT_HANDSHAKE;
	client->in_step = false;
	if (client->state == CLIENT_OVER)
		conn_close(&client->conn);
	else if (client->tls_failed && failure != NULL)
		client_fail_step(client, "4.7.5", "Failure of", failure);
	else if (end == CONN_TIMEOUT)
		client_fail_step(client, "4.4.2", "Timeout while waiting for", "");
	else if (client->state == CLIENT_END)
		client_fail_step(client, "4.4.2", "The message may arrive twice: the connection was lost while waiting for", error);
	else
		client_fail_step(client, "4.4.2", "The connection was lost while waiting for", error);
	client_release(client);
}

static void
client_on_secured(void *context, struct conn *conn)
{
	struct client *client = context;

	(void)conn;
	client_hold(client);
	client_secured(client);
	client_release(client);
}

static void
client_drained(void *context, struct conn *conn)
{
	struct client *client = context;

	(void)conn;
	client_hold(client);
	if (client->state == CLIENT_BODY)
		client_write_body(client);
	client_release(client);
}

const struct conn_protocol client_protocol = {
	.input = client_input,
	.ended = client_ended,
	.drained = client_drained,
	.secured = client_on_secured,
	.input_limit = INPUT_LIMIT,
};
