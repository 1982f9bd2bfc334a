/*
 * An SMTP session: its life, its waiting and its end. What it does with its input is in session_input.c and in
 * the verbs.
 *
 * A session is closed and freed in one place only, session_settle, at the end of each callback, so that no verb
 * ever works on a session that is gone.
 */
#include "smtpd/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "smtpd/limit.h"
#include "smtpd/lookup.h"
#include "smtpd/submit.h"
#include "smtpd/transaction.h"

enum {
	SESSION_MAGIC = 0x534d5450,
	INPUT_LIMIT = 64 * 1024,  /* bytes of one read, and of what waits while a session is not listening */
	OUTPUT_HIGH = 32 * 1024,  /* bytes of replies that the client has not read, at which it is not heard any more */
	OUTPUT_LOW = 8 * 1024,
};

/* Microseconds and the worker's number: unique among the workers, and short. */
static void
make_id(struct session *session)
{
	struct session_host *host = session->host;
	uint64_t now = (uint64_t)clock_wall_us();
	char id[QUEUEID_SIZE];

	host->last_id = now > host->last_id ? now : host->last_id + 1;
	queueid_format(host->last_id << 8 | (host->index & 0xff), id);
	/* The first of the 13 characters stands for the four highest bits, which stay 0 for some centuries. */
	_Static_assert(SESSION_ID_SIZE == QUEUEID_SIZE - 1, "an id is a queue id without its first character");
	memcpy(session->id, id + 1, SESSION_ID_SIZE);
}

/* The session of a callback's CONTEXT. */
static struct session *
session_of(void *context)
{
	struct session *session = context;

	if (session->magic != SESSION_MAGIC)
		abort();
	return session;
}

static void
session_free(struct session *session)
{
	session->magic = 0;
	session_forget_auth(session);
	free(session->login);
	free(session->helo);
	free(session);
}

static void
session_destroy(struct session *session)
{
	session_reset(session);
	if (session->broken)
		conn_close(&session->conn);
	else
		conn_close_after_flush(&session->conn);
	log_event(LOG_INFO, "smtp.disconnect", LOG_STRING("session", session->id),
	          LOG_STRING("client", session->client), LOG_STRING("end", session->end),
	          LOG_UINT("messages", session->messages), LOG_UINT("recipients", session->recipients),
	          LOG_UINT("refused", session->refused), LOG_UINT("errors", session->errors));
	session->host->ended(session->host, session);
	session_free(session);
}

bool
session_settle(struct session *session)
{
	if (!session->closing && !session->broken)
		return false;
	session_destroy(session);
	return true;
}

void
session_close(struct session *session, const char *why)
{
	if (!session->closing && !session->broken)
		session->end = why;
	session->closing = true;
}

void
session_check(struct session *session, int error)
{
	if (error == 0)
		return;
	if (!session->closing && !session->broken)
		session->end = "unsent";
	session->broken = true;
}

void
session_reply(struct session *session, enum reply reply)
{
	if (session->closing)
		return;
	if (reply_is_bad_command(reply) &&
	    (++session->errors > session->host->config->smtp_errors || !limit_error(session))) {
		session_end_by_errors(session);
		return;
	}
	session_check(session, reply_send(session->conn, reply));
}

void
session_end_by_errors(struct session *session)
{
	if (session->closing)
		return;
	session_check(session, reply_send(session->conn, REPLY_TOO_MANY_ERRORS));
	session_close(session, "errors");
}

void
session_arm(struct session *session)
{
	const struct config *config = session->host->config;
	bool content = session->mode == SESSION_DATA || session->mode == SESSION_CHUNK;
	uint32_t seconds = content ? config->smtp_data_timeout : config->smtp_command_timeout;

	if (session->waiting == 0)
		conn_set_deadline(session->conn, seconds * 1000);
}

void
session_wait(struct session *session, enum session_wait reason)
{
	session->waiting |= reason;
	conn_pause(session->conn);
	/*
	 * While we wait for ourselves, the client's time stands still. The links have deadlines of their own.
	 */
	if (reason != SESSION_WAIT_OUTPUT)
		conn_set_deadline(session->conn, 0);
}

void
session_wake(struct session *session, enum session_wait reason)
{
	bool waited = session->waiting != 0;

	session->waiting &= ~(unsigned)reason;
	if (session_settle(session) || !waited || session->waiting != 0)
		return;
	session_arm(session);
	conn_resume(session->conn);
}

void
session_reset(struct session *session)
{
	struct recipient *recipient;

	if (session->state != SESSION_START)
		session->state = SESSION_READY;
	session->finishing = false;
	if (session->transaction == NULL)
		return;
	STAILQ_FOREACH(recipient, &session->transaction->pending, next)
		lookup_cancel(session->host->tabled, &recipient->lookup);
	may_send_cancel(session->host->tabled, &session->transaction->may_send);
	submit_abandon(session->host->submit, &session->transaction->job);
	transaction_free(&session->transaction);
}

static size_t
session_input(void *context, struct conn *conn, struct slice input)
{
	struct session *session = session_of(context);
	size_t used;

	/* One that reads no replies would keep its memory for long: when there is none, it goes first. */
	if (conn_unsent(conn) > OUTPUT_LOW && limit_memory_more(session) != REPLY_NONE) {
		session_close(session, "memory");
		session->broken = true;
		session_settle(session);
		return 0;
	}
	if (conn_unsent(conn) > OUTPUT_HIGH) {
		session_wait(session, SESSION_WAIT_OUTPUT);
		return 0;
	}
	used = session_take(session, input);
	session_settle(session);
	return used;
}

static void
session_drained(void *context, struct conn *conn)
{
	(void)conn;
	session_wake(session_of(context), SESSION_WAIT_OUTPUT);
}

static void
session_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct session *session = session_of(context);

	if (end == CONN_TIMEOUT) {
		session_reply(session, REPLY_TIMEOUT);
		session_close(session, "timeout");
	} else {
		const char *failure = conn_tls_failure(conn);

		session_close(session, end == CONN_EOF ? "eof" : failure != NULL ? failure : "error");
		session->broken = true;
	}
	session_settle(session);
}

static void
session_secured(void *context, struct conn *conn)
{
	const struct session *session = session_of(context);
	struct tls_info info;

	if (!conn_tls_info(conn, &info))
		return;
	log_event(LOG_INFO, "smtp.tls", LOG_STRING("session", session->id), LOG_STRING("version", info.version),
	          LOG_STRING("cipher", info.cipher), LOG_UINT("resumed", info.resumed),
	          LOG_STRING("name", info.server_name == NULL ? "" : info.server_name));
}

bool
session_offers_tls(const struct session *session)
{
	return !session->secure && session->host->tls != NULL && session->host->tls() != NULL;
}

void
session_start_tls(struct session *session)
{
	struct tls_context *context = session->host->tls == NULL ? NULL : session->host->tls();

	session->secure = true;
	session_check(session, context == NULL ? -ENOTSUP : conn_start_tls(session->conn, context));
}

static const struct conn_protocol protocol = {
	.input = session_input,
	.ended = session_ended,
	.drained = session_drained,
	.secured = session_secured,
	.input_limit = INPUT_LIMIT,
};

static void
session_free_new(struct session *session)
{
	if (session->conn != NULL)
		conn_close(&session->conn);
	free(session);
}

/* Takes the new session's socket and greets its client. False when that fails. */
static bool
session_begin(struct session *session, int fd, enum session_port port)
{
	static const char *const ports[] = { "smtp", "submission", "submissions", "local" };

	make_id(session);
	session->conn = conn_new(session->host->base, fd, &protocol, session);
	if (session->conn == NULL)
		return false;
	conn_set_low_water(session->conn, OUTPUT_LOW);
	if (port == SESSION_PORT_SUBMISSIONS)
		session_start_tls(session);
	if (session->broken || reply_greeting(session->conn, session->host->config->hostname) != 0)
		return false;
	session_arm(session);
	log_event(LOG_INFO, "smtp.connect", LOG_STRING("session", session->id), LOG_STRING("client", session->client),
	          LOG_STRING("port", ports[port]));
	return true;
}

static struct session *
session_alloc(struct session_host *host, int fd)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		close(fd);
		return NULL;
	}
	session->magic = SESSION_MAGIC;
	session->host = host;
	return session;
}

struct session *
session_new(struct session_host *host, int fd, const struct sockaddr *client, enum session_port port)
{
	struct session *session = session_alloc(host, fd);

	if (session == NULL)
		return NULL;
	session->submission = port != SESSION_PORT_SMTP;
	session->may_relay = config_networks_contain(&host->config->relay_networks, client);
	session->loopback = config_is_loopback(client);
	config_address_text(client, session->client, sizeof(session->client));
	if (session_begin(session, fd, port))
		return session;
	session_free_new(session);
	return NULL;
}

struct session *
session_new_local(struct session_host *host, int fd, uid_t uid)
{
	struct session *session = session_alloc(host, fd);

	if (session == NULL)
		return NULL;
	session->submission = session->may_relay = session->loopback = session->local = true;
	snprintf(session->client, sizeof(session->client), "uid:%u", (unsigned)uid);
	if (session_begin(session, fd, SESSION_PORT_LOCAL))
		return session;
	session_free_new(session);
	return NULL;
}

void
session_shut_down(struct session *session)
{
	session->stopping = true;
	if (session->finishing)
		return;
	session_reply(session, REPLY_SHUTDOWN);
	session_close(session, "shutdown");
	session_settle(session);
}
