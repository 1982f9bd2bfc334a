/*
 * A client's connection. The socket's errors end in the protocol's ended callback, never in the process.
 *
 * Reading goes into one scratch area for the whole process. That is safe because input callbacks never nest: everything that
 * could deliver input to another connection is put off to a later event.
 */
#include "common/io/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"

enum {
	SCRATCH_SIZE = 64 * 1024,         /* bytes of one read */
	OUTPUT_LIMIT = 64 * 1024 * 1024,  /* bytes unsent */
	FLUSH_MS = 10 * 1000,             /* for the last output to leave */
	LINGER_MS = 2 * 1000,             /* for the peer to see it */
	LINE_SIZE = 1024,                 /* bytes of a reply that is formatted without allocation */
};

struct conn {
	const struct conn_protocol *protocol; /* NULL: only the rest of the output is still to be sent */
	void *context;
	struct event_base *base;
	struct event *readable;
	struct event *writable;
	struct event *timer;
	struct buffer in;
	struct buffer out;
	int64_t deadline; /* clock_monotonic_ms; 0: none */
	int64_t armed;    /* when the timer fires; 0: not armed */
	size_t low;
	int fd;
	unsigned depth;   /* callbacks under way */
	bool dead;        /* to be freed when depth is 0 */
	bool paused;
	bool reading;     /* the read event is added */
	bool above_low;   /* output has been above the low-water mark */
	bool shut;        /* our side is shut down; waiting for the peer's */
};

static char scratch[SCRATCH_SIZE];

static void conn_on_readable(evutil_socket_t fd, short what, void *context);
static void conn_on_writable(evutil_socket_t fd, short what, void *context);
static void conn_on_timer(evutil_socket_t fd, short what, void *context);
static void conn_flush(struct conn *conn);

static void
conn_free(struct conn *conn)
{
	if (conn->readable != NULL)
		event_free(conn->readable);
	if (conn->writable != NULL)
		event_free(conn->writable);
	if (conn->timer != NULL)
		event_free(conn->timer);
	buffer_free(&conn->in);
	buffer_free(&conn->out);
	if (conn->fd >= 0)
		close(conn->fd);
	free(conn);
}

static void
conn_die(struct conn *conn)
{
	conn->dead = true;
	if (conn->depth == 0)
		conn_free(conn);
}

static void
conn_enter(struct conn *conn)
{
	conn->depth++;
}

static void
conn_leave(struct conn *conn)
{
	if (--conn->depth == 0 && conn->dead)
		conn_free(conn);
}

static void
conn_want_input(struct conn *conn, bool want)
{
	bool arranged;

	if (want == conn->reading)
		return;
	conn->reading = want;
	/* libevent adds no event that is active, and event_del takes an activation back: a delivery that was arranged is arranged anew. */
	arranged = event_pending(conn->readable, EV_TIMEOUT, NULL) != 0;
	event_del(conn->readable);
	if (want)
		event_add(conn->readable, NULL);
	if (arranged)
		event_active(conn->readable, EV_TIMEOUT, 0);
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
conn_close_after_flush(struct conn **conn_p)
{
	struct conn *conn = *conn_p;

	*conn_p = NULL;
	if (conn == NULL)
		return;
	conn->protocol = NULL;
	conn_want_input(conn, false);
	conn_set_deadline(conn, FLUSH_MS);
	event_active(conn->writable, EV_WRITE, 0);
}

/* Everything is sent: shut our side down and read the peer's rest away, so that a reset does not overtake our last reply. */
static void
conn_linger(struct conn *conn)
{
	if (conn->shut)
		return;
	conn->shut = true;
	if (shutdown(conn->fd, SHUT_WR) != 0) {
		conn_die(conn);
		return;
	}
	conn_set_deadline(conn, LINGER_MS);
	conn_want_input(conn, true);
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

static void
conn_on_timer(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;
	int64_t now = clock_monotonic_ms();

	(void)fd;
	(void)what;
	conn->armed = 0;
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

/* Gives INPUT to the protocol until it consumes no more. Returns how much it consumed. */
static size_t
conn_deliver(struct conn *conn, struct slice input)
{
	size_t consumed = 0;

	while (!conn->dead && !conn->paused && conn->protocol != NULL && consumed < input.length) {
		size_t used = conn->protocol->input(conn->context, conn, slice_from(input, consumed));

		if (used == 0)
			break;
		consumed += used;
	}
	return consumed;
}

/* After a delivery: sends what it wrote, and reads on only while there is room. */
static void
conn_settle(struct conn *conn)
{
	if (conn->dead || conn->protocol == NULL)
		return;
	if (buffer_length(&conn->out) > 0 && !event_pending(conn->writable, EV_WRITE, NULL))
		conn_flush(conn);
	if (conn->dead || conn->protocol == NULL)
		return;
	conn_want_input(conn, !conn->paused && buffer_length(&conn->in) < conn->in.limit);
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

	if (buffer_length(&conn->in) == 0) {
		fresh = slice_from(fresh, conn_deliver(conn, fresh));
		if (conn->dead || conn->protocol == NULL || fresh.length == 0)
			return;
	}
	if (buffer_append_slice(&conn->in, fresh) != 0) {
		conn_end(conn, CONN_ERROR);
		return;
	}
	if (fresh.length == got)
		conn_deliver_kept(conn);
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
	/* MSG_DONTWAIT here and below: a process that handed the socket over could have made it a blocking one. */
	got = recv(conn->fd, scratch, room < SCRATCH_SIZE ? room : SCRATCH_SIZE, MSG_DONTWAIT);
	if (got > 0 && conn->protocol != NULL)
		conn_deliver_new(conn, (size_t)got);
	else if (got == 0)
		conn_end(conn, CONN_EOF);
	else if (got < 0 && errno != EAGAIN && errno != EINTR)
		conn_end(conn, CONN_ERROR);
}

static void
conn_on_readable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;

	(void)fd;
	conn_enter(conn);
	if ((what & EV_READ) != 0)
		conn_receive(conn);
	else if (!conn->paused)
		conn_deliver_kept(conn);
	conn_settle(conn);
	conn_leave(conn);
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

static void
conn_flush(struct conn *conn)
{
	while (buffer_length(&conn->out) > 0) {
		struct slice out = buffer_slice(&conn->out);
		ssize_t sent = send(conn->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			buffer_consume(&conn->out, (size_t)sent);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			event_add(conn->writable, NULL);
			break;
		}
		buffer_free(&conn->out);
		conn_end(conn, CONN_ERROR);
		return;
	}
	if (buffer_length(&conn->out) == 0)
		buffer_free(&conn->out);
	conn_check_drained(conn);
	if (conn->dead)
		return;
	if (conn->protocol == NULL && buffer_length(&conn->out) == 0)
		conn_linger(conn);
	/* What the drained callback wrote goes after the other connections had their turn. */
	if (buffer_length(&conn->out) > 0 && !event_pending(conn->writable, EV_WRITE, NULL))
		event_active(conn->writable, EV_WRITE, 0);
}

static void
conn_on_writable(evutil_socket_t fd, short what, void *context)
{
	struct conn *conn = context;

	(void)fd;
	(void)what;
	conn_enter(conn);
	if (!conn->dead)
		conn_flush(conn);
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
conn_set_low_water(struct conn *conn, size_t low)
{
	conn->low = low;
}

void
conn_pause(struct conn *conn)
{
	conn->paused = true;
	if (conn->depth == 0)
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
conn_fd(const struct conn *conn)
{
	return conn->fd;
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
