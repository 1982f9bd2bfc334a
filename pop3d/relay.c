/*
 * Passes bytes between a TLS connection and a session worker, in both directions, until one of them ends. It looks at none of them.
 *
 * What one side does not take stops the other from being read. A session worker ends an idle session by itself; the deadline here is for
 * a client that takes nothing any more, whose session worker is gone for long.
 */
#include "pop3d/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/login.h"

enum {
	READ_AHEAD = 4 * 1024,  /* bytes of a side that wait unread in this process */
	UNSENT_HIGH = 64 * 1024, /* bytes for one side at which the other is not read any more, */
	UNSENT_LOW = 16 * 1024, /* and is read again */
	GRACE_MS = 60 * 1000,   /* on top of pop3_timeout */
};

struct relay {
	struct login_worker *worker;
	struct limits_client *limited; /* it counts on */
	struct conn *client;
	struct conn *session;
};

static void
relay_rearm(struct relay *relay)
{
	conn_set_deadline(relay->client, process_config(relay->worker->process)->pop3_timeout * 1000 + GRACE_MS);
}

/* Ends both sides. What the client still has to get it gets, and the session worker too. */
static void
relay_end(struct relay *relay)
{
	conn_close_after_flush(&relay->client);
	conn_close_after_flush(&relay->session);
	limits_leave(&relay->worker->limits, relay->limited, clock_monotonic_ms());
	free(relay);
}

static size_t
pass(struct relay *relay, struct conn *from, struct conn *to, struct slice input)
{
	if (conn_write(to, input.data, input.length) != 0) {
		relay_end(relay);
		return input.length;
	}
	if (conn_unsent(to) > UNSENT_HIGH)
		conn_pause(from);
	relay_rearm(relay);
	return input.length;
}

static size_t
client_input(void *context, struct conn *conn, struct slice input)
{
	struct relay *relay = context;

	return pass(relay, conn, relay->session, input);
}

static size_t
session_input(void *context, struct conn *conn, struct slice input)
{
	struct relay *relay = context;

	return pass(relay, conn, relay->client, input);
}

static void
client_drained(void *context, struct conn *conn)
{
	struct relay *relay = context;

	(void)conn;
	conn_resume(relay->session);
}

static void
session_drained(void *context, struct conn *conn)
{
	struct relay *relay = context;

	(void)conn;
	conn_resume(relay->client);
}

static void
client_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct relay *relay = context;

	(void)conn;
	(void)end;
	conn_close(&relay->client);
	relay_end(relay);
}

static void
session_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct relay *relay = context;

	(void)conn;
	(void)end;
	conn_close(&relay->session);
	relay_end(relay);
}

static const struct conn_protocol client_protocol = {
	.input = client_input,
	.ended = client_ended,
	.drained = client_drained,
	.input_limit = READ_AHEAD,
};

static const struct conn_protocol session_protocol = {
	.input = session_input,
	.ended = session_ended,
	.drained = session_drained,
	.input_limit = UNSENT_HIGH,
};

int
relay_begin(struct login *login)
{
	struct login_worker *worker = login->worker;
	struct relay *relay = calloc(1, sizeof(*relay));
	int ends[2];

	if (relay == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
		free(relay);
		return -errno;
	}
	relay->worker = worker;
	relay->session = conn_new(process_base(worker->process), ends[0], &session_protocol, relay);
	if (relay->session == NULL) {
		close(ends[1]);
		free(relay);
		return -ENOMEM;
	}
	relay->limited = login->limited;
	login->limited = NULL;
	relay->client = login->conn;
	login->conn = NULL;
	conn_set_low_water(relay->client, UNSENT_LOW);
	conn_set_low_water(relay->session, UNSENT_LOW);
	conn_set_protocol(relay->client, &client_protocol, relay);
	relay_rearm(relay);
	conn_resume(relay->client); /* it was paused while its password was checked */
	return ends[1];
}
