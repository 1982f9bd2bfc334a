/*
 * AUTH (RFC 4954). The client's messages go to tabled, which decides (common/mail/auth.h); what failed it answers late.
 */
#include "smtpd/verb.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/mail/auth.h"
#include "smtpd/command.h"
#include "smtpd/session.h"

enum { FAILURES_MAX = 3 }; /* wrong passwords after which a session is closed */

bool
session_offers_auth(const struct session *session)
{
	return session->submission || session->host->config->auth_on_smtp == CONFIG_YES;
}

struct sasl_terms
session_terms(const struct session *session)
{
	return (struct sasl_terms){
		.plaintext = session->secure || session->loopback || session->host->config->auth_without_tls == CONFIG_YES,
		.binding = session->secure,
	};
}

static void
end(struct session *session, enum reply reply)
{
	session_forget_auth(session);
	session->mode = SESSION_COMMANDS;
	session_reply(session, reply);
}

static void
succeed(struct session *session)
{
	char *login = strdup(session->auth->login);

	if (login == NULL) {
		end(session, REPLY_AUTH_TEMPORARY);
		return;
	}
	session->login = login;
	log_event(LOG_INFO, "smtp.auth", LOG_STRING("session", session->id), LOG_STRING("client", session->client),
	          LOG_STRING("login", login));
	end(session, REPLY_AUTH_OK);
}

static void
fail(struct session *session)
{
	log_event(LOG_NOTICE, "smtp.auth_failed", LOG_STRING("session", session->id), LOG_STRING("client", session->client));
	end(session, REPLY_AUTH_FAILED);
	if (++session->auth_failures >= FAILURES_MAX)
		session_end_by_errors(session);
}

/* Does what RESULT asks for. */
static void
go_on(struct session *session, enum auth_result result)
{
	switch (result) {
	case AUTH_WAIT:
		session_wait(session, SESSION_WAIT_AUTH);
		break;
	case AUTH_CHALLENGE:
		session->mode = SESSION_AUTH;
		session_check(session, reply_challenge(session->conn, session->auth->challenge));
		break;
	case AUTH_OK:
		succeed(session);
		break;
	case AUTH_FAILED:
		fail(session);
		break;
	case AUTH_TEMPORARY:
		end(session, REPLY_AUTH_TEMPORARY);
		break;
	case AUTH_MALFORMED:
		end(session, REPLY_AUTH_MALFORMED);
		break;
	case AUTH_CANCELLED:
		end(session, REPLY_AUTH_CANCELLED);
		break;
	}
}

static void
answered(struct auth *auth, enum auth_result result)
{
	struct session *session = auth->context;

	go_on(session, result);
	session_wake(session, SESSION_WAIT_AUTH);
}

/* REPLY_NONE when this mechanism may be used now. */
static enum reply
judge(const struct session *session, struct slice name, enum sasl_mechanism mechanism)
{
	struct sasl_terms terms = session_terms(session);

	if (!session_offers_auth(session))
		return REPLY_NOT_IMPLEMENTED;
	if (session->login != NULL)
		return REPLY_AUTH_TWICE;
	if (name.length == 0)
		return REPLY_ARGUMENTS;
	if (sasl_is_plaintext(mechanism) && !terms.plaintext)
		return REPLY_AUTH_NEEDS_TLS;
	return sasl_allowed(mechanism, &terms) ? REPLY_NONE : REPLY_AUTH_UNKNOWN;
}

void
verb_auth(struct session *session, struct slice arguments)
{
	struct slice name = slice_word(&arguments);
	enum sasl_mechanism mechanism = sasl_find(name);
	enum reply reply = judge(session, name, mechanism);
	enum auth_result result;

	if (reply == REPLY_NONE) {
		session->auth = calloc(1, sizeof(*session->auth));
		reply = session->auth == NULL ? REPLY_AUTH_TEMPORARY : REPLY_NONE;
	}
	if (reply != REPLY_NONE) {
		session_reply(session, reply);
		return;
	}
	session->auth->link = session->host->tabled;
	session->auth->service = "smtp";
	session->auth->client = session->client;
	session->auth->answered = answered;
	session->auth->context = session;
	(void)conn_tls_binding(session->conn, &session->auth->binding);
	result = auth_begin(session->auth, mechanism, slice_trim(arguments));
	explicit_bzero((void *)(uintptr_t)arguments.data, arguments.length);
	go_on(session, result);
}

size_t
auth_take(struct session *session, struct slice input)
{
	enum auth_result result;
	struct slice line;
	size_t length;

	switch (command_cut(input, &line, &length)) {
	case COMMAND_LINE_WHOLE:
		session_arm(session);
		result = auth_line(session->auth, line);
		explicit_bzero((void *)(uintptr_t)line.data, line.length);
		go_on(session, result);
		return length;
	case COMMAND_LINE_BARE_LF:
		end(session, REPLY_BARE_LF);
		session->mode = SESSION_REMAINDER;
		return length;
	case COMMAND_LINE_TOO_LONG:
		end(session, REPLY_LINE_TOO_LONG);
		session->mode = SESSION_SKIP;
		return session_take(session, input);
	case COMMAND_LINE_MORE:
		break;
	}
	return 0;
}

void
session_forget_auth(struct session *session)
{
	if (session->auth == NULL)
		return;
	auth_cancel(session->auth);
	free(session->auth);
	session->auth = NULL;
}
