/*
 * The login role's life: connections come, and go on to a session worker or away. It has no file, no
 * directory and no secret.
 */
#include "pop3d/login.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/proc/listener.h"
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
	login->worker->login_count--;
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
	else if (login->state == LOGIN_NO_USER || login->state == LOGIN_USER)
		conn_resume(login->conn); /* it had read too little of what we said */
}

const struct conn_protocol login_protocol = {
	.input = login_input,
	.ended = login_ended,
	.drained = login_drained,
	.secured = login_secured,
	.input_limit = INPUT_LIMIT,
};

/* One more than we may have: told so, and closed; where TLS would come first, only closed. */
static void
refuse(struct login_worker *worker, int client, const char *address, bool tls)
{
	struct conn *conn = NULL;

	if (tls)
		close(client);
	else
		conn = conn_new(process_base(worker->process), client, &login_protocol, NULL);
	log_event(LOG_WARNING, "pop3.too_many", LOG_STRING("client", address), LOG_UINT("sessions", worker->login_count));
	if (conn == NULL)
		return;
	conn_printf(conn, "-ERR [SYS/TEMP] too many connections; please try again later\r\n");
	conn_close_after_flush(&conn);
}

static struct login *
login_new(struct login_worker *worker, int client)
{
	struct login *login = calloc(1, sizeof(*login));

	if (login == NULL) {
		close(client);
		return NULL;
	}
	login->worker = worker;
	login->conn = conn_new(process_base(worker->process), client, &login_protocol, login);
	if (login->conn == NULL) {
		free(login);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&worker->logins, login, next);
	worker->login_count++;
	return login;
}

static void
welcome(struct login_worker *worker, int client, const struct sockaddr *address, bool tls)
{
	const struct config *config = process_config(worker->process);
	unsigned char random[SESSION_BYTES];
	char text[HANDOFF_CLIENT_SIZE];
	struct login *login;

	config_address_text(address, text, sizeof(text));
	if (worker->login_count + worker->relay_count >= config->pop3_sessions) {
		refuse(worker, client, text, tls);
		return;
	}
	login = login_new(worker, client);
	if (login == NULL)
		return;
	arc4random_buf(random, sizeof(random));
	slice_hex(random, sizeof(random), login->session);
	strlcpy(login->client, text, sizeof(login->client));
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
listen_on(struct login_worker *worker, const char *name,
          void (*callback)(void *context, int client, const struct sockaddr *address, socklen_t length))
{
	int fd;

	for (size_t i = 0; (fd = process_listener(worker->process, name, i)) >= 0; i++)
		if (listener_new(worker->process, fd, callback, worker) == NULL)
			return -ENOMEM;
	return 0;
}

int
login_main(struct process *process)
{
	static struct login_worker worker;

	worker.process = process;
	TAILQ_INIT(&worker.logins);
	worker.tabled = link_new(process, &login_tabled_protocol, &worker);
	if (worker.tabled == NULL || login_handoff_links(&worker) != 0)
		return EX_OSERR;
	if (listen_on(&worker, "pop3", accepted) != 0 || listen_on(&worker, "pop3s", accepted_tls) != 0)
		return EX_OSERR;
	return process_run(process);
}
