/*
 * A client's connection. The socket's errors end in the protocol's ended callback, never in the process.
 *
 * Reading goes into one scratch area for the whole process. That is safe because input callbacks never nest: everything that
 * could deliver input to another connection is put off to a later event.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/conn_private.h"

enum {
	SCRATCH_SIZE = 64 * 1024,         /* bytes of one read */
	OUTPUT_LIMIT = 64 * 1024 * 1024,  /* bytes unsent */
	FLUSH_MS = 10 * 1000,             /* for the last output to leave */
};

static char scratch[SCRATCH_SIZE];

static void conn_on_readable(evutil_socket_t fd, short what, void *context);
static void conn_on_timer(evutil_socket_t fd, short what, void *context);

static void
conn_free(struct conn *conn)
{
	if (conn->readable != NULL)
		event_free(conn->readable);
	if (conn->writable != NULL)
		event_free(conn->writable);
	if (conn->timer != NULL)
		event_free(conn->timer);
	tls_stream_free(&conn->tls);
	buffer_free(&conn->in);
	buffer_free(&conn->out);
	if (conn->fd >= 0)
		close(conn->fd);
	free(conn);
}

void
conn_die(struct conn *conn)
{
	conn->dead = true;
	if (conn->depth == 0)
		conn_free(conn);
}

void
conn_enter(struct conn *conn)
{
	conn->depth++;
}

void
conn_leave(struct conn *conn)
{
	if (--conn->depth == 0 && conn->dead)
		conn_free(conn);
}

/* Input came that is not wanted. */
static void
conn_stop_reading(struct conn *conn)
{
	/* event_del takes an activation back: a delivery that was arranged is arranged anew. */
	bool arranged = event_pending(conn->readable, EV_TIMEOUT, NULL) != 0;

	conn->reading = false;
	event_del(conn->readable);
	if (arranged)
		event_active(conn->readable, EV_TIMEOUT, 0);
}

void
conn_wait(struct conn *conn, struct event *event)
{
	if (event_add(event, NULL) == 0)
		return;
	conn->error = -ENOMEM;
	event_active(conn->timer, EV_READ, 0); /* an EV_TIMEOUT would be taken back when the timer is armed anew */
}

/*
 * A client that waits for its answer sends nothing. So the read event stays where it is when input is no longer wanted, until some comes
 * nevertheless: a pause costs no system call.
 */
void
conn_want_input(struct conn *conn, bool want)
{
	conn->wanted = want;
	if (want && !conn->reading) {
		/* libevent adds no event that is active. */
		bool arranged = event_pending(conn->readable, EV_TIMEOUT, NULL) != 0;

		conn->reading = true;
		event_del(conn->readable);
		conn_wait(conn, conn->readable);
		if (arranged)
			event_active(conn->readable, EV_TIMEOUT, 0);
	}
	/* What OpenSSL has read already makes no socket readable. */
	if (want && conn->tls != NULL && tls_stream_more(conn->tls))
		event_active(conn->readable, EV_READ, 0);
}

struct conn *
conn_new(struct event_base *base, int fd, const struct conn_protocol *protocol, void *context)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return NULL;
	}
	conn->protocol = protocol;
	conn->context = context;
	conn->base = base;
	conn->fd = fd;
	buffer_init(&conn->in, protocol->input_limit);
	buffer_init(&conn->out, OUTPUT_LIMIT);
	conn->readable = event_new(base, fd, EV_READ | EV_PERSIST, conn_on_readable, conn);
	conn->writable = event_new(base, fd, EV_WRITE, conn_on_writable, conn);
	conn->timer = evtimer_new(base, conn_on_timer, conn);
	if (conn->readable == NULL || conn->writable == NULL || conn->timer == NULL) {
		conn_free(conn);
		return NULL;
	}
	conn_want_input(conn, true);
	return conn;
}

void
conn_close(struct conn **conn_p)
{
	struct conn *conn = *conn_p;

	*conn_p = NULL;
	if (conn != NULL)
		conn_die(conn);
}

void
conn_farewell(struct conn *conn)
{
	conn->farewell = true;
}

void
conn_close_after_flush(struct conn **conn_p)
{
	struct conn *conn = *conn_p;

	*conn_p = NULL;
	if (conn == NULL)
		return;
	conn->protocol = NULL;
	conn_want_input(conn, false);
	/* What was to be said in secret is not said at all when there is no secret yet. */
	if (conn->security == CONN_HANDSHAKE) {
		conn->security = CONN_PLAIN;
		tls_stream_free(&conn->tls);
		buffer_free(&conn->out);
	}
	conn_set_deadline(conn, FLUSH_MS);
	event_active(conn->writable, EV_WRITE, 0);
}

static void
conn_arm(struct conn *conn, int64_t now)
{
	int64_t wait = conn->deadline > now ? conn->deadline - now : 1;

	conn->armed = now + wait;
	event_add(conn->timer, &(struct timeval){ .tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000 });
}

void
conn_set_deadline(struct conn *conn, uint32_t milliseconds)
{
	int64_t now;

	if (milliseconds == 0) {
		conn->deadline = 0;
		return;
	}
	now = clock_monotonic_ms();
	conn->deadline = now + milliseconds;
	/* A timer that fires too early is armed again then: a deadline that moves with each command costs nothing here. */
	if (conn->armed == 0 || conn->armed > conn->deadline)
		conn_arm(conn, now);
}

/* The connection ended by itself: tells the protocol. */
static void
conn_end(struct conn *conn, enum conn_end end)
{
	if (conn->dead)
		return;
	if (conn->protocol == NULL) {
		conn_die(conn);
		return;
	}
	conn_want_input(conn, false);
	conn->protocol->ended(conn->context, conn, end);
}

void
conn_fail(struct conn *conn, int error)
{
	conn->error = error;
	conn_end(conn, CONN_ERROR);
}

static void
conn_on_timer(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	int64_t now = clock_monotonic_ms();

	(void)fd;
	(void)what;
	conn->armed = 0;
	if (conn->error != 0) {
		conn_enter(conn);
		conn_fail(conn, conn->error);
		conn_leave(conn);
		return;
	}
	if (conn->deadline == 0)
		return;
	if (conn->deadline > now) {
		conn_arm(conn, now);
		return;
	}
	conn->deadline = 0;
	conn_enter(conn);
	conn_end(conn, CONN_TIMEOUT);
	conn_leave(conn);
}

/*
 * Gives INPUT to the protocol until it consumes no more. Returns how much it consumed. What came in the clear after the command that
 * began TLS counts as consumed, and nobody sees it (RFC 3207 4.2, RFC 2595 4): it could be anybody's.
 */
static size_t
conn_deliver(struct conn *conn, struct slice input)
{
	size_t consumed = 0;

	while (!conn->dead && !conn->paused && conn->protocol != NULL && consumed < input.length &&
	       conn->security != CONN_HANDSHAKE) {
		size_t used = conn->protocol->input(conn->context, conn, slice_from(input, consumed));

		if (used == 0)
			break;
		consumed += used;
	}
	return conn->security == CONN_HANDSHAKE ? input.length : consumed;
}

/* True when more should be read from the socket. */
static bool
conn_has_room(const struct conn *conn)
{
	if (conn->security == CONN_HANDSHAKE)
		return true;
	return !conn->paused && !conn->stalled && buffer_length(&conn->in) < conn->in.limit;
}

void
conn_settle(struct conn *conn)
{
	if (conn->dead || conn->protocol == NULL)
		return;
	if (conn->security != CONN_HANDSHAKE && buffer_length(&conn->out) > 0 && !event_pending(conn->writable, EV_WRITE, NULL))
		conn_flush(conn);
	if (conn->dead || conn->protocol == NULL)
		return;
	conn_want_input(conn, conn_has_room(conn));
}

/* Delivers what was left over from earlier reads. */
static void
conn_deliver_kept(struct conn *conn)
{
	size_t consumed = conn_deliver(conn, buffer_slice(&conn->in));

	if (!conn->dead && conn->protocol != NULL)
		buffer_consume(&conn->in, consumed);
	if (!conn->dead && buffer_length(&conn->in) == 0)
		buffer_free(&conn->in);
}

/* Delivers GOT new bytes that are in the scratch area. */
static void
conn_deliver_new(struct conn *conn, size_t got)
{
	struct slice fresh = slice_of(scratch, got);
	int error;

	if (buffer_length(&conn->in) == 0) {
		fresh = slice_from(fresh, conn_deliver(conn, fresh));
		if (conn->dead || conn->protocol == NULL || fresh.length == 0)
			return;
	}
	error = buffer_append_slice(&conn->in, fresh);
	if (error != 0) {
		conn_fail(conn, error);
		return;
	}
	if (fresh.length == got)
		conn_deliver_kept(conn);
}

/* Reads into the scratch area. Bytes, 0 at the end, -EAGAIN, or another negative errno value. */
static ssize_t
conn_read(struct conn *conn, size_t room)
{
	ssize_t got;

	if (room > SCRATCH_SIZE)
		room = SCRATCH_SIZE;
	/* What comes after our end is read away as it is. */
	if (conn->tls != NULL && conn->protocol != NULL)
		return tls_stream_read(conn->tls, scratch, room);
	/* MSG_DONTWAIT here and below: a process that handed the socket over could have made it a blocking one. */
	got = recv(conn->fd, scratch, room, MSG_DONTWAIT);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return got;
}

static void
conn_receive(struct conn *conn)
{
	size_t room = conn->in.limit - buffer_length(&conn->in);
	ssize_t got;

	if (conn->protocol == NULL)
		room = SCRATCH_SIZE;
	if (room == 0)
		return;
	got = conn_read(conn, room);
	if (got > 0 && conn->protocol != NULL) {
		if (conn->protocol->stay_awake)
			loop_heard(&conn->pace, clock_monotonic_us());
		conn_deliver_new(conn, (size_t)got);
	} else if (got == 0) {
		conn_end(conn, CONN_EOF);
	} else if (got < 0 && got != -EAGAIN) {
		conn_fail(conn, (int)got);
	} else if (got == -EAGAIN && conn->tls != NULL && tls_stream_wants_write(conn->tls)) {
		conn->stalled = true;
		conn_wait(conn, conn->writable);
	}
}

static void
conn_on_readable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;

	(void)fd;
	conn_enter(conn);
	if (conn->security == CONN_HANDSHAKE) {
		conn_shake(conn);
	} else {
		if ((what & EV_TIMEOUT) != 0 && !conn->paused)
			conn_deliver_kept(conn);
		if ((what & EV_READ) != 0 && !conn->dead && conn->security != CONN_HANDSHAKE) {
			if (conn->wanted)
				conn_receive(conn);
			else
				conn_stop_reading(conn);
		}
	}
	conn_settle(conn);
	conn_leave(conn);
}

void
conn_pause(struct conn *conn)
{
	conn->paused = true;
	if (conn->depth == 0 && conn->security != CONN_HANDSHAKE)
		conn_want_input(conn, false);
}

void
conn_resume(struct conn *conn)
{
	if (!conn->paused)
		return;
	conn->paused = false;
	if (buffer_length(&conn->in) > 0)
		event_active(conn->readable, EV_TIMEOUT, 0);
	else
		conn_want_input(conn, true);
}

int
conn_error(const struct conn *conn)
{
	return conn->error;
}

int
conn_feed(struct conn *conn, const void *data, size_t length)
{
	int error = buffer_append(&conn->in, data, length);

	if (error == 0 && length > 0 && !conn->paused)
		event_active(conn->readable, EV_TIMEOUT, 0);
	return error;
}

int
conn_detach(struct conn **conn_p, char **input_r, size_t *length_r)
{
	struct conn *conn = *conn_p;
	struct slice kept = buffer_slice(&conn->in);
	int fd = conn->fd;

	*input_r = NULL;
	*length_r = 0;
	if (conn->tls != NULL)
		return -ENOTSUP;
	if (buffer_length(&conn->out) > 0)
		return -EBUSY;
	if (kept.length > 0) {
		*input_r = malloc(kept.length);
		if (*input_r == NULL)
			return -ENOMEM;
		memcpy(*input_r, kept.data, kept.length);
		*length_r = kept.length;
	}
	*conn_p = NULL;
	event_del(conn->readable);
	event_del(conn->writable);
	conn->fd = -1;
	conn_die(conn);
	return fd;
}

void
conn_set_protocol(struct conn *conn, const struct conn_protocol *protocol, void *context)
{
	conn->protocol = protocol;
	conn->context = context;
	conn->in.limit = protocol->input_limit;
}
