/*
 * TLS of a server (RFC 8446, RFC 5246): the certificates and rules that its connections are made with; and what connections of a server and of a
 * client (common/io/tls_client.h) have in common.
 *
 * There is no private key here. Signatures are made by a signer (common/io/tls_key.h), in practice another process.
 */
#ifndef ANGARIUM_IO_TLS_H
#define ANGARIUM_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

struct ssl_ctx_st;
struct tls_context;

/* How the other side showed who it is. Clients of ours never are asked to. */
enum tls_peer {
	TLS_PEER_NONE = 0,      /* not at all */
	TLS_PEER_AUTHORITY = 1, /* by a certificate of an authority, for the name */
	TLS_PEER_DANE = 2,      /* by a TLSA record */
};

/* What a connection has agreed on. The strings are static, but for the server's name, which lives as long as the connection. */
struct tls_info {
	const char *version;     /* "TLSv1.3" */
	const char *cipher;      /* as registered: "TLS_AES_256_GCM_SHA384" */
	const char *group;       /* of the key exchange: "x25519"; NULL when there was none */
	int bits;                /* of the cipher's key */
	bool resumed;
	enum tls_peer peer;
	const char *server_name; /* that the client asked for, or NULL */
};

enum {
	TLS_EXPORTER_SIZE = 32,  /* bytes (RFC 9266 4.2) */
	TLS_END_POINT_MAX = 64,  /* bytes of the largest digest */
};

/* What a login can be bound to (RFC 5056); a length of 0: there is none of that kind. */
struct tls_binding {
	unsigned char exporter[TLS_EXPORTER_SIZE];   /* tls-exporter (RFC 9266) */
	size_t exporter_length;
	unsigned char end_point[TLS_END_POINT_MAX]; /* tls-server-end-point (RFC 5929 4) */
	size_t end_point_length;
};

/*
 * Makes OpenSSL ready, before the process is confined; once more does nothing: no configuration file is read, and none will be looked for
 * later. 0, or -ENOMEM.
 */
int tls_prepare(void);

/*
 * A context of COUNT certificates, each a chain in PEM (leaf first). The first is used for clients that name no server, or one that
 * no certificate is for (RFC 6066 3). An ECDSA and an RSA certificate for the same names are used together.
 * VERSION_1_3 allows nothing older. *reason_r says what is wrong with which of them (*index_r). 0, -EINVAL or -ENOMEM.
 */
int tls_context_new(const struct slice *chains, size_t count, bool version_1_3, struct tls_context **context_r,
                    size_t *index_r, const char **reason_r);
/* Contexts are counted: whoever keeps one takes it, and frees it later. Both set or return the pointer. */
struct tls_context *tls_context_take(struct tls_context *context);
void tls_context_free(struct tls_context **context);

/* For tls_stream.c. */
struct ssl_ctx_st *tls_context_first(const struct tls_context *context);
/* For tls_client.c: the rules that hold for both sides. */
void tls_set_common_rules(struct ssl_ctx_st *ssl);

#endif
