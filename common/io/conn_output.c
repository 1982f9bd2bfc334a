/*
 * A connection's output: gathered in one buffer, sent at the end of each turn, and the orderly end after it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/io/conn_private.h"

enum {
	LINGER_MS = 2 * 1000, /* for the peer to see the last output */
	LINE_SIZE = 1024,     /* bytes of a reply that is formatted without allocation */
};

/* True when the peer has sent more than it may have: closing now would reset the connection. */
static bool
conn_has_rest(const struct conn *conn)
{
	char byte;

	return recv(conn->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Everything is sent: shut our side down and read the peer's rest away, so that a reset does not overtake our last reply. */
static void
conn_linger(struct conn *conn)
{
	if (conn->shut)
		return;
	if (conn->farewell && conn->tls == NULL && !conn_has_rest(conn)) {
		conn_die(conn);
		return;
	}
	conn->shut = true;
	if (conn->security == CONN_SECURE)
		tls_stream_close(conn->tls);
	if (shutdown(conn->fd, SHUT_WR) != 0) {
		conn_die(conn);
		return;
	}
	conn_set_deadline(conn, LINGER_MS);
	conn_want_input(conn, true);
}

static void
conn_check_drained(struct conn *conn)
{
	if (!conn->above_low || buffer_length(&conn->out) > conn->low)
		return;
	conn->above_low = false;
	if (conn->protocol != NULL && conn->protocol->drained != NULL)
		conn->protocol->drained(conn->context, conn);
}

/* Sends once. Bytes sent, -EAGAIN, or another negative errno value. */
static ssize_t
conn_send(struct conn *conn, struct slice out)
{
	ssize_t sent;

	if (conn->tls != NULL)
		return tls_stream_write(conn->tls, out.data, out.length);
	do
		sent = send(conn->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

void
conn_flush(struct conn *conn)
{
	while (buffer_length(&conn->out) > 0) {
		struct slice out = buffer_slice(&conn->out);
		ssize_t sent = conn_send(conn, out);

		if (sent >= 0) {
			buffer_consume(&conn->out, (size_t)sent);
			continue;
		}
		if (sent == -EAGAIN) {
			conn_wait(conn, conn->writable);
			break;
		}
		buffer_free(&conn->out);
		conn_fail(conn, (int)sent);
		return;
	}
	if (buffer_length(&conn->out) == 0) {
		buffer_free(&conn->out);
		if (conn->protocol != NULL && conn->protocol->stay_awake)
			loop_answered(&conn->pace, clock_monotonic_us());
	}
	conn_check_drained(conn);
	if (conn->dead)
		return;
	if (conn->protocol == NULL && buffer_length(&conn->out) == 0)
		conn_linger(conn);
	/* What the drained callback wrote goes after the other connections had their turn. */
	if (buffer_length(&conn->out) > 0 && !event_pending(conn->writable, EV_WRITE, NULL))
		event_active(conn->writable, EV_WRITE, 0);
}

void
conn_on_writable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;

	(void)fd;
	(void)what;
	conn_enter(conn);
	if (conn->security == CONN_HANDSHAKE) {
		conn_shake(conn);
	} else if (!conn->dead) {
		conn_flush(conn);
		if (conn->stalled) {
			conn->stalled = false;
			conn_settle(conn);
		}
	}
	conn_leave(conn);
}

/* Output was added: it leaves when the callback under way returns, or in this turn of the loop. */
static void
conn_wrote(struct conn *conn)
{
	if (buffer_length(&conn->out) > conn->low)
		conn->above_low = true;
	if (conn->depth == 0 && !event_pending(conn->writable, EV_WRITE, NULL))
		event_active(conn->writable, EV_WRITE, 0);
}

int
conn_write(struct conn *conn, const void *data, size_t length)
{
	int error = buffer_append(&conn->out, data, length);

	if (error == 0)
		conn_wrote(conn);
	return error;
}

int
conn_reserve(struct conn *conn, size_t length, char **room_r)
{
	return buffer_reserve(&conn->out, length, room_r);
}

void
conn_commit(struct conn *conn, size_t length)
{
	buffer_commit(&conn->out, length);
	conn_wrote(conn);
}

int
conn_printf(struct conn *conn, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int length;
	char *room;
	int error;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0)
		return -EINVAL;
	if ((size_t)length < sizeof(line))
		return conn_write(conn, line, (size_t)length);
	error = buffer_reserve(&conn->out, (size_t)length + 1, &room);
	if (error != 0)
		return error;
	va_start(arguments, format);
	vsnprintf(room, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer_commit(&conn->out, (size_t)length);
	conn_wrote(conn);
	return 0;
}

size_t
conn_unsent(const struct conn *conn)
{
	return buffer_length(&conn->out);
}

void
conn_set_secret(struct conn *conn, bool secret)
{
	conn->out.secret = secret;
}

void
conn_set_low_water(struct conn *conn, size_t low)
{
	conn->low = low;
}

