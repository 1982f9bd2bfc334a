/*
 * TLS over one non-blocking socket, for common/io/conn.c.
 */
#ifndef ANGARIUM_IO_TLS_STREAM_H
#define ANGARIUM_IO_TLS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/io/tls.h"
#include "common/io/tls_client.h"

struct tls_stream;

/* The server's side of FD (borrowed). NULL when out of memory. */
struct tls_stream *tls_stream_new(struct tls_context *context, int fd);
/* The client's side of FD (borrowed). 0, -ENOMEM or -EINVAL (tls_client_new). */
int tls_stream_new_client(const struct tls_client_context *context, const struct tls_client_settings *settings, int fd,
                          struct tls_stream **stream_r);
/* Sets *stream to NULL. Sends nothing. */
void tls_stream_free(struct tls_stream **stream);

/*
 * Each returns -EAGAIN when the socket must become readable, or writable when tls_stream_wants_write, before the same is tried again; -EPROTO when
 * TLS itself failed, and another negative errno value when the socket did.
 */

/* 0 when it is done. */
int tls_stream_handshake(struct tls_stream *stream);
/* Bytes, as many as there are up to SIZE; 0 at the end. */
ssize_t tls_stream_read(struct tls_stream *stream, void *out, size_t size);
/* How many bytes were sent. After -EAGAIN the same bytes must come again, elsewhere in memory if need be, and more may follow them. */
ssize_t tls_stream_write(struct tls_stream *stream, const void *data, size_t length);
/* Says that nothing more comes (close_notify), if the socket takes it. */
void tls_stream_close(struct tls_stream *stream);

bool tls_stream_wants_write(const struct tls_stream *stream);
/* True when reading again would give more at once, though the socket may have nothing. */
bool tls_stream_more(const struct tls_stream *stream);
void tls_stream_info(const struct tls_stream *stream, struct tls_info *info_r);
void tls_stream_binding(const struct tls_stream *stream, struct tls_binding *binding_r);
/* Why it failed, a static text, or NULL. */
const char *tls_stream_failure(const struct tls_stream *stream);

#endif
