/*
 * TLS of a client (RFC 8446, RFC 5246): what a connection to a server is made with, and how the server is to be authenticated.
 *
 * A context once in a process, since it holds the authorities; settings for each connection. Nothing is read from files.
 */
#ifndef ANGARIUM_IO_TLS_CLIENT_H
#define ANGARIUM_IO_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

struct ssl_st;
struct tls_client_context;

enum {
	TLS_CLIENT_NAMES_MAX = 3,           /* reference identifiers: RFC 7672 3.2.2 knows no more */
	TLS_CLIENT_NAME_MAX = 255,          /* bytes of one */
	TLS_CLIENT_AUTHORITIES_MAX = 1024 * 1024, /* bytes of their PEM text */
};

enum tls_client_check {
	TLS_CLIENT_ANY = 0,       /* any certificate */
	TLS_CLIENT_AUTHORITY = 1, /* one that an authority of the context stands for, for one of the names (RFC 6125), at this time */
	TLS_CLIENT_DANE = 2,      /* one that matches a TLSA record (RFC 7672 3) */
};

/* A TLSA record (RFC 6698 2.1). DATA stays its owner's. */
struct tls_client_tlsa {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	struct slice data;
};

/* All of it is copied where it is needed longer than the call. */
struct tls_client_settings {
	enum tls_client_check check;
	/*
	 * Whom the certificate may be for, without a dot at the end. The first is sent to the server too (SNI, RFC 6066 3);
	 * under DANE it is the TLSA base domain (RFC 7672 8.1). None are needed for TLS_CLIENT_ANY. Except under DANE it
	 * may be an IP address, which is not sent, and must be alone.
	 */
	size_t name_count;
	struct slice names[TLS_CLIENT_NAMES_MAX];
	/* For TLS_CLIENT_DANE: one of them must be usable, and the others are left out. */
	size_t tlsa_count;
	const struct tls_client_tlsa *tlsa;
};

/*
 * Does the record mean anything to SMTP? Usages 0 and 1 do not (RFC 7672 3.1.3), nor unknown numbers, nor data that cannot be what its
 * matching type says. A host all of whose records are unusable gets TLS_CLIENT_ANY, and never anything in the clear (RFC 7672 2.2).
 */
bool tls_client_tlsa_usable(const struct tls_client_tlsa *tlsa);

/*
 * AUTHORITIES: certificates in PEM; may be empty: then TLS_CLIENT_AUTHORITY never succeeds. tls_prepare comes first. Connections may
 * outlive the context. 0, -ENOMEM, or -EINVAL with *reason_r (static) saying what is wrong with AUTHORITIES.
 */
int tls_client_context_new(struct slice authorities, struct tls_client_context **context_r, const char **reason_r);
/* Sets *context to NULL. */
void tls_client_context_free(struct tls_client_context **context);

/* For tls_stream.c: 0, -ENOMEM, or -EINVAL for settings that cannot be fulfilled. */
int tls_client_new(const struct tls_client_context *context, const struct tls_client_settings *settings, struct ssl_st **ssl_r);

#endif
