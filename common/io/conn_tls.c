/*
 * A connection goes over to TLS. Until the handshake is done nothing is delivered, and nothing sent but the handshake itself.
 */
#include <errno.h>
#include <sys/socket.h>

#include "common/io/conn_private.h"

/* Sends all of the output now. 0, or -EBUSY. */
static int
conn_send_plain(struct conn *conn)
{
	while (buffer_length(&conn->out) > 0) {
		struct slice out = buffer_slice(&conn->out);
		ssize_t sent = send(conn->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -EBUSY;
		buffer_consume(&conn->out, (size_t)sent);
	}
	buffer_free(&conn->out);
	return 0;
}

/* Nothing may be left that was, or is to be, in the clear. */
static int
conn_leave_plain(struct conn *conn)
{
	return conn->security == CONN_PLAIN ? conn_send_plain(conn) : -EALREADY;
}

static void
conn_expect_handshake(struct conn *conn)
{
	conn->security = CONN_HANDSHAKE;
	/* In a callback conn_deliver does it. */
	if (conn->depth == 0) {
		buffer_free(&conn->in);
		conn_want_input(conn, true);
	}
}

int
conn_start_tls(struct conn *conn, struct tls_context *context)
{
	int error = conn_leave_plain(conn);

	if (error != 0)
		return error;
	conn->tls = tls_stream_new(context, conn->fd);
	if (conn->tls == NULL)
		return -ENOMEM;
	conn_expect_handshake(conn);
	return 0;
}

int
conn_start_tls_client(struct conn *conn, const struct tls_client_context *context, const struct tls_client_settings *settings)
{
	int error = conn_leave_plain(conn);

	if (error == 0)
		error = tls_stream_new_client(context, settings, conn->fd, &conn->tls);
	if (error != 0)
		return error;
	conn_expect_handshake(conn);
	/* The client speaks first. */
	event_active(conn->writable, EV_WRITE, 0);
	return 0;
}

void
conn_shake(struct conn *conn)
{
	int error;

	if (conn->dead || conn->protocol == NULL)
		return;
	error = tls_stream_handshake(conn->tls);
	if (error == -EAGAIN) {
		if (tls_stream_wants_write(conn->tls))
			conn_wait(conn, conn->writable);
		return;
	}
	if (error != 0) {
		conn_fail(conn, error);
		return;
	}
	conn->security = CONN_SECURE;
	if (conn->protocol->secured != NULL)
		conn->protocol->secured(conn->context, conn);
	conn_settle(conn);
}

bool
conn_tls_info(const struct conn *conn, struct tls_info *info_r)
{
	if (conn->security != CONN_SECURE)
		return false;
	tls_stream_info(conn->tls, info_r);
	return true;
}

bool
conn_tls_binding(const struct conn *conn, struct tls_binding *binding_r)
{
	*binding_r = (struct tls_binding){ .exporter_length = 0 };
	if (conn->security != CONN_SECURE)
		return false;
	tls_stream_binding(conn->tls, binding_r);
	return true;
}

const char *
conn_tls_failure(const struct conn *conn)
{
	return conn->tls == NULL ? NULL : tls_stream_failure(conn->tls);
}
