/*
 * A connection, seen from inside common/io/conn*.c.
 *
 * conn.c begins and ends connections and delivers input, conn_output.c sends, conn_tls.c makes them secure.
 */
#ifndef ANGARIUM_IO_CONN_PRIVATE_H
#define ANGARIUM_IO_CONN_PRIVATE_H

#include <sys/types.h>

#include "common/base/buffer.h"
#include "common/io/conn.h"
#include "common/io/loop.h"
#include "common/io/tls_stream.h"

enum conn_security {
	CONN_PLAIN,
	CONN_HANDSHAKE, /* nothing is delivered, and what is written waits */
	CONN_SECURE,
};

struct conn {
	const struct conn_protocol *protocol; /* NULL: only the rest of the output is still to be sent */
	void *context;
	struct event_base *base;
	struct event *readable;
	struct event *writable;
	struct event *timer;
	struct tls_stream *tls; /* NULL when plain */
	struct buffer in;
	struct buffer out;
	int64_t deadline; /* clock_monotonic_ms; 0: none */
	int64_t armed;    /* when the timer fires; 0: not armed */
	struct loop_pace pace;
	size_t low;
	int fd;
	int error;        /* that it ended with */
	unsigned depth;   /* callbacks under way */
	enum conn_security security;
	bool dead;        /* to be freed when depth is 0 */
	bool paused;
	bool wanted;      /* input is */
	bool reading;     /* the read event is added: also for some time after input was wanted, see conn_want_input */
	bool stalled;     /* TLS must write before it can read */
	bool above_low;   /* output has been above the low-water mark */
	bool farewell;    /* the peer has ended its side in words */
	bool shut;        /* our side is shut down; waiting for the peer's */
};

/* ---- conn.c ---- */

void conn_die(struct conn *conn);
/* Around each callback of the loop: the connection is freed at the end of the outermost when it has died meanwhile. */
void conn_enter(struct conn *conn);
void conn_leave(struct conn *conn);
/* The connection ended with CONN_ERROR, because of ERROR: tells the protocol. */
void conn_fail(struct conn *conn, int error);
void conn_want_input(struct conn *conn, bool want);
/* Waits for EVENT. When the kernel has no room for that, the connection fails, not inside of this call: nobody would wake it up any more. */
void conn_wait(struct conn *conn, struct event *event);
/* At the end of a callback of the loop: sends what was written, and reads on only while there is room. */
void conn_settle(struct conn *conn);

/* ---- conn_output.c ---- */

void conn_on_writable(evutil_socket_t fd, short what, void *context);
void conn_flush(struct conn *conn);

/* ---- conn_tls.c ---- */

/* Goes on with the handshake. */
void conn_shake(struct conn *conn);

#endif
