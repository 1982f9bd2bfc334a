/*
 * The login role's life: connections come, and go on to a session worker or away. It has no file, no
 * directory and no secret.
 */
#include "pop3d/login.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/role_tls.h"

enum {
	INPUT_LIMIT = HANDOFF_INPUT_MAX, /* bytes that a client may send ahead: several command lines */
	SESSION_BYTES = (HANDOFF_SESSION_SIZE - 1) / 2,
};

static void
login_free(struct login *login)
{
	login_authenticate_cancel(login);
	TAILQ_REMOVE(&login->worker->logins, login, next);
	if (login->limited != NULL)
		limits_leave(&login->worker->limits, login->limited, clock_monotonic_ms());
	free(login->user);
	free(login);
}

void
login_close(struct login *login)
{
	if (login->conn != NULL)
		conn_close_after_flush(&login->conn);
	login_free(login);
}

void
login_close_temporary(struct login *login)
{
	conn_printf(login->conn, "-ERR [SYS/TEMP] logging in is not possible at the moment; please try again later\r\n");
	login_close(login);
}

static void
login_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct login *login = context;

	(void)conn;
	if (end == CONN_TIMEOUT) {
		conn_printf(login->conn, "-ERR you took too long to log in\r\n");
		conn_close_after_flush(&login->conn);
	} else {
		login_tls_failed(login);
		conn_close(&login->conn);
	}
	login_free(login);
}

static void
login_drained(void *context, struct conn *conn)
{
	struct login *login = context;

	(void)conn;
	if (login->state == LOGIN_LEAVING)
		login_handoff(login);
	else if (login->state == LOGIN_NO_USER || login->state == LOGIN_USER || login->state == LOGIN_SASL)
		conn_resume(login->conn); /* it had read too little of what we said */
}

const struct conn_protocol login_protocol = {
	.input = login_input,
	.ended = login_ended,
	.drained = login_drained,
	.secured = login_secured,
	.input_limit = INPUT_LIMIT,
};

/*
 * One more than we may have: told so, and closed at once, so that a flood costs nothing. A new socket has room for one line. Where TLS would
 * come first, nothing is said.
 */
static void
refuse(int client, bool tls)
{
	static const char line[] = "-ERR [SYS/TEMP] too many connections; please try again later\r\n";

	if (!tls && send(client, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(client, SHUT_WR);
	close(client);
}

static struct login *
login_new(struct login_worker *worker, int client, struct limits_client *limited)
{
	struct login *login = calloc(1, sizeof(*login));

	if (login == NULL) {
		close(client);
		return NULL;
	}
	login->worker = worker;
	login->limited = limited;
	login->conn = conn_new(process_base(worker->process), client, &login_protocol, login);
	if (login->conn == NULL) {
		free(login);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&worker->logins, login, next);
	return login;
}

static void
welcome(struct login_worker *worker, int client, const struct sockaddr *address, bool tls)
{
	const struct config *config = process_config(worker->process);
	unsigned char random[SESSION_BYTES];
	struct limits_client *limited;
	struct login *login;

	if (!login_limit_enter(worker, address, &limited)) {
		refuse(client, tls);
		return;
	}
	login = login_new(worker, client, limited);
	if (login == NULL) {
		limits_leave(&worker->limits, limited, clock_monotonic_ms());
		return;
	}
	arc4random_buf(random, sizeof(random));
	slice_hex(random, sizeof(random), login->session);
	config_address_text(address, login->client, sizeof(login->client));
	login->loopback = config_is_loopback(address);
	/* One deadline for the whole of AUTHORIZATION: a client that sends a byte now and then does not last longer. */
	conn_set_deadline(login->conn, config->pop3_login_timeout * 1000);
	if (tls && (role_tls_context() == NULL || login_start_tls(login) != 0)) {
		login_close(login);
		return;
	}
	/* No timestamp in angle brackets: that would offer APOP (RFC 1939 section 7). */
	conn_printf(login->conn, "+OK %s POP3 server ready\r\n", config->hostname);
	log_event(LOG_DEBUG, "pop3.connect", LOG_STRING("session", login->session), LOG_STRING("client", login->client));
}

static void
accepted(void *context, int client, const struct sockaddr *address, socklen_t length)
{
	(void)length;
	welcome(context, client, address, false);
}

static void
accepted_tls(void *context, int client, const struct sockaddr *address, socklen_t length)
{
	(void)length;
	welcome(context, client, address, true);
}

static int
listen_to_all(struct login_worker *worker)
{
	int error = listener_set_update(&worker->pop3, worker->process, "pop3", accepted, worker);

	return error != 0 ? error : listener_set_update(&worker->pop3s, worker->process, "pop3s", accepted_tls, worker);
}

/* The first certificate brings listeners, and the last one takes them along. */
static void
reloaded(void *context)
{
	struct login_worker *worker = context;

	login_limit_rules(worker);
	(void)listen_to_all(worker);
}

int
login_main(struct process *process)
{
	static struct login_worker worker;

	worker.process = process;
	TAILQ_INIT(&worker.logins);
	limits_init(&worker.limits);
	login_limit_rules(&worker);
	worker.tabled = link_new(process, &login_tabled_protocol, &worker);
	if (worker.tabled == NULL || login_handoff_links(&worker) != 0)
		return EX_OSERR;
	if (listen_to_all(&worker) != 0)
		return EX_OSERR;
	process_on_reload(process, reloaded, &worker);
	return process_run(process);
}
