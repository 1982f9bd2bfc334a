/*
 * The keys of session tickets (RFC 5077, RFC 8446 4.6.1), the same in all workers of a service: a client resumes its session with any of
 * them. The parent makes them and makes new ones in time.
 */
#ifndef ANGARIUM_IO_TLS_TICKET_H
#define ANGARIUM_IO_TLS_TICKET_H

#include <stddef.h>

#include "common/base/slice.h"

struct ssl_ctx_st;

enum {
	TLS_TICKET_NAME_SIZE = 16,    /* bytes */
	TLS_TICKET_SECRET_SIZE = 32,  /* bytes, of each of two */
	TLS_TICKET_KEY_SIZE = TLS_TICKET_NAME_SIZE + 2 * TLS_TICKET_SECRET_SIZE,
	TLS_TICKET_KEYS = 2,          /* the one that tickets are made with, and the one before it */
	TLS_TICKET_SECONDS = 4 * 3600, /* for which tickets are made with a key, and the longest life of a ticket */
};

/* Replaces the keys of this process: whole keys one after the other, the newest first. 0 or -EINVAL. */
int tls_ticket_set_keys(struct slice keys);
/* Used by tls.c: lets CONTEXT use them. */
void tls_ticket_use(struct ssl_ctx_st *context);

#endif
