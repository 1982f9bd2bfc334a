/*
 * What a login can be bound to on a TLS connection (RFC 5056): struct tls_binding of common/io/tls.h.
 */
#ifndef ANGARIUM_IO_TLS_BINDING_H
#define ANGARIUM_IO_TLS_BINDING_H

#include "common/io/tls.h"

struct ssl_st;

/* After the handshake. */
void tls_binding_read(struct ssl_st *ssl, struct tls_binding *binding_r);
/* Used by tls.c: the tickets of a server's CONTEXT say which certificate their session began with. */
void tls_binding_keep(struct ssl_ctx_st *context);

#endif
