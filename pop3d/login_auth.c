/*
 * Carries a client's login to tabled, and its outcome to the client. What failed is answered late by tabled: guessing is slow, and nobody
 * else waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "pop3d/login.h"

enum {
	AUTH_TIMEOUT_MS = 30 * 1000, /* hashes may queue up in tabled, and what failed is answered late */
	UNSENT_MAX = 1024 * 1024,    /* bytes of questions that wait for tabled */
};

const struct link_protocol login_tabled_protocol = {
	.channel = "tabled-login",
	.timeout_ms = AUTH_TIMEOUT_MS,
	.input_limit = AUTH_LINK_REPLY_MAX,
	.output_limit = UNSENT_MAX,
	.secret = true,
};

struct sasl_terms
login_terms(const struct login *login)
{
	const struct config *config = process_config(login->worker->process);

	return (struct sasl_terms){
		.plaintext = login->tls || login->loopback || config->auth_without_tls == CONFIG_YES,
		.binding = login->tls,
	};
}

static void
forget(struct login *login)
{
	if (login->auth == NULL)
		return;
	auth_cancel(login->auth);
	free(login->auth);
	login->auth = NULL;
}

/* The client may try again. */
static bool
refuse(struct login *login, const char *line)
{
	forget(login);
	conn_printf(login->conn, "-ERR %s\r\n", line);
	login->state = LOGIN_NO_USER;
	return true;
}

static bool
refuse_wrong(struct login *login)
{
	log_event(LOG_NOTICE, "pop3.auth_failed", LOG_STRING("session", login->session), LOG_STRING("client", login->client));
	if (++login->failures < LOGIN_FAILURES_MAX)
		return refuse(login, "[AUTH] wrong user name or password");
	refuse(login, "[AUTH] wrong user name or password; too many attempts");
	login_close(login);
	return false;
}

/* Not a matter of the password. */
static bool
refuse_temporary(struct login *login)
{
	log_event(LOG_WARNING, "pop3.auth_temporary", LOG_STRING("session", login->session), LOG_STRING("client", login->client));
	return refuse(login, "[SYS/TEMP] logging in is not possible at the moment; please try again later");
}

static void
leave(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	login_handoff(context);
}

/* A socket cannot leave while its input is handled: the loop's next turn does it. */
static bool
admit(struct login *login)
{
	memcpy(login->ticket, login->auth->ticket, sizeof(login->ticket));
	forget(login);
	login->state = LOGIN_LEAVING;
	conn_pause(login->conn);
	login->leave = evtimer_new(process_base(login->worker->process), leave, login);
	if (login->leave != NULL && evtimer_add(login->leave, &(struct timeval){ .tv_sec = 0 }) == 0)
		return true;
	login_close_temporary(login);
	return false;
}

/* Does what RESULT asks for. False when there is no session any more. */
static bool
go_on(struct login *login, enum auth_result result)
{
	switch (result) {
	case AUTH_WAIT:
		login->state = LOGIN_CHECKING;
		conn_pause(login->conn);
		return true;
	case AUTH_CHALLENGE:
		login->state = LOGIN_SASL;
		conn_printf(login->conn, "+ %s\r\n", login->auth->challenge);
		return true;
	case AUTH_OK:
		return admit(login);
	case AUTH_FAILED:
		return refuse_wrong(login);
	case AUTH_TEMPORARY:
		return refuse_temporary(login);
	case AUTH_CANCELLED:
		return refuse(login, "cancelled");
	case AUTH_MALFORMED:
		break;
	}
	return refuse(login, "that is malformed");
}

static void
answered(struct auth *auth, enum auth_result result)
{
	struct login *login = auth->context;

	if (go_on(login, result) && login->state != LOGIN_LEAVING)
		conn_resume(login->conn);
}

static bool
begin(struct login *login)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (auth == NULL)
		return false;
	auth->link = login->worker->tabled;
	auth->service = "pop3";
	auth->client = login->client;
	auth->answered = answered;
	auth->context = login;
	login->auth = auth;
	return true;
}

bool
login_password(struct login *login, struct slice password)
{
	if (!begin(login))
		return refuse_temporary(login);
	return go_on(login, auth_password(login->auth, slice_from_string(login->user), password));
}

bool
login_sasl(struct login *login, enum sasl_mechanism mechanism, struct slice initial)
{
	if (!begin(login))
		return refuse_temporary(login);
	(void)conn_tls_binding(login->conn, &login->auth->binding);
	return go_on(login, auth_begin(login->auth, mechanism, initial));
}

bool
login_sasl_line(struct login *login, struct slice line)
{
	return go_on(login, auth_line(login->auth, line));
}

void
login_authenticate_cancel(struct login *login)
{
	forget(login);
	if (login->leave != NULL)
		event_free(login->leave);
	explicit_bzero(login->ticket, sizeof(login->ticket));
}
