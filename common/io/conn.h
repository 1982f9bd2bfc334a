/*
 * A client's connection: buffered lines and bytes over a non-blocking stream socket in an event loop.
 *
 * All connections of a process read into one shared scratch area; a connection keeps only what its protocol did not
 * consume, so an idle one holds no buffer. What one read caused to be written leaves in one write.
 */
#ifndef ANGARIUM_IO_CONN_H
#define ANGARIUM_IO_CONN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/io/tls.h"
#include "common/io/tls_client.h"

struct conn;

enum conn_end {
	CONN_EOF,     /* the peer closed */
	CONN_ERROR,   /* a socket error */
	CONN_TIMEOUT, /* the deadline passed */
};

struct conn_protocol {
	/*
	 * INPUT is all that is unconsumed. Returns how many bytes were consumed. Called again when more has arrived, and again at once
	 * while something was consumed and bytes are left. May write, close, pause.
	 */
	size_t (*input)(void *context, struct conn *conn, struct slice input);
	/*
	 * The connection ended by itself (conn_close does not call this). The protocol may write a last reply on CONN_TIMEOUT and
	 * must then call conn_close_after_flush or conn_close. For CONN_EOF and CONN_ERROR it must call conn_close.
	 */
	void (*ended)(void *context, struct conn *conn, enum conn_end end);
	/* Optional: output has fallen to LOW bytes or less, after conn_unsent was above it. */
	void (*drained)(void *context, struct conn *conn);
	/* Optional: the TLS handshake is done. */
	void (*secured)(void *context, struct conn *conn);
	size_t input_limit; /* unconsumed bytes after which reading stops until some are consumed */
	bool stay_awake;    /* after an answer, for the next input of a client that is quick (common/io/loop.h) */
};

/* Takes FD (non-blocking). NULL when out of memory (FD is closed). PROTOCOL must outlive the connection. */
struct conn *conn_new(struct event_base *base, int fd, const struct conn_protocol *protocol, void *context);
/* Closes at once and frees; allowed in callbacks. Sets *conn to NULL. */
void conn_close(struct conn **conn);
/* Reads nothing more, closes and frees once the output is sent, at the latest after 10 seconds. Callbacks are no more called. Sets *conn to NULL. */
void conn_close_after_flush(struct conn **conn);
/* The peer has said that nothing more will come (QUIT): conn_close_after_flush need not wait for it. */
void conn_farewell(struct conn *conn);

/* Queues bytes. 0, -ENOMEM, or -ENOBUFS (more than 64 MiB unsent). They leave at the end of the callback or of the loop's turn. */
int conn_write(struct conn *conn, const void *data, size_t length);
/* The same without a copy: room for LENGTH bytes. conn_commit says how many were put there, before anything else is done with the connection. */
int conn_reserve(struct conn *conn, size_t length, char **room_r);
void conn_commit(struct conn *conn, size_t length);
int conn_printf(struct conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t conn_unsent(const struct conn *conn);
/* True: what is written from now on holds a password, and is wiped from memory when it has been sent. */
void conn_set_secret(struct conn *conn, bool secret);
/* Sets the level at which DRAINED is called; 0 at first. */
void conn_set_low_water(struct conn *conn, size_t low);

/* Input is not delivered while paused (a command is being answered asynchronously). Resuming delivers what is waiting. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* The connection times out this long from now (milliseconds), whatever arrives until then; 0: never. */
void conn_set_deadline(struct conn *conn, uint32_t milliseconds);

/*
 * Takes the socket out, for another process: the connection is freed, unconsumed input is copied to *input_r (malloc; free it; may be NULL when
 * empty). Not inside an input callback. Fails with -EBUSY while output is unsent, and with -ENOTSUP under TLS, which cannot move. Sets *conn to
 * NULL on success, and returns the descriptor.
 */
int conn_detach(struct conn **conn, char **input_r, size_t *length_r);
/*
 * The other side of it: bytes that another process has read from the socket already, delivered before what will be read. Not inside an
 * input callback. 0, -ENOBUFS over the input limit, or -ENOMEM.
 */
int conn_feed(struct conn *conn, const void *data, size_t length);
/* Why it ended with CONN_ERROR: a negative errno value. 0 for other ends. */
int conn_error(const struct conn *conn);
/* From now on another protocol is spoken to; not inside an input callback. What is unconsumed stays. */
void conn_set_protocol(struct conn *conn, const struct conn_protocol *protocol, void *context);

/*
 * Goes over to TLS, as its server: at once for a new connection, or in the input callback after the reply to STARTTLS was written. What was
 * written is sent in the clear before; what the client sent in the clear after its command is thrown away. What is written from now on waits for
 * the handshake, and so does input. A handshake that fails ends the connection with CONN_ERROR. 0, -EBUSY when the socket does not
 * take what was written, -EALREADY, or -ENOMEM: close it then.
 */
int conn_start_tls(struct conn *conn, struct tls_context *context);
/*
 * The same as its client: at once for a new connection, or in the input callback for the reply to STARTTLS. What the server sent in the clear
 * behind that is thrown away. Also -EINVAL for settings that cannot be fulfilled (tls_client_new). A server that cannot be authenticated as
 * SETTINGS ask fails in the handshake: nothing that was written goes to it.
 */
int conn_start_tls_client(struct conn *conn, const struct tls_client_context *context, const struct tls_client_settings *settings);
/* False while there is no TLS, or its handshake is not done. */
bool conn_tls_info(const struct conn *conn, struct tls_info *info_r);
/* What a login over this connection can be bound to. False as conn_tls_info; all of it is 0 then. */
bool conn_tls_binding(const struct conn *conn, struct tls_binding *binding_r);
/* Why TLS failed (a static text), or NULL. */
const char *conn_tls_failure(const struct conn *conn);

#endif
