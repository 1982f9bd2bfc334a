/*
 * A certificate chain, and whether a private key belongs to it. Pure functions on PEM text.
 */
#ifndef ANGARIUM_IO_TLS_CERTIFICATE_H
#define ANGARIUM_IO_TLS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

enum {
	TLS_KEY_ID_SIZE = 32,       /* bytes: SHA-256 of a key's SubjectPublicKeyInfo */
	TLS_PEM_MAX = 64 * 1024,    /* bytes of a file */
	TLS_CHAIN_MAX = 16,         /* certificates in a chain */
	TLS_NAMES_MAX = 1000,       /* names of one certificate */
};

struct tls_certificate {
	X509 *leaf;
	STACK_OF(X509) *others; /* the rest of the chain */
	bool ecdsa;             /* else RSA */
	size_t name_count;
	char **names;           /* DNS names, in lower case; the first label may be "*" */
};

/*
 * 0 (free it with tls_certificate_free), -ENOMEM, or -EINVAL with *reason_r saying what is wrong.
 */
int tls_certificate_parse(struct slice pem, struct tls_certificate *certificate_r, const char **reason_r);
void tls_certificate_free(struct tls_certificate *certificate);
/* True when it is for the host NAME (RFC 6125 6.4; a wildcard stands for one whole label). */
bool tls_certificate_is_for(const struct tls_certificate *certificate, struct slice name);
/* True when OTHER is for every name of CERTIFICATE. */
bool tls_certificate_covered(const struct tls_certificate *certificate, const struct tls_certificate *other);
/* True when its time is over, or has not begun. */
bool tls_certificate_expired(const struct tls_certificate *certificate);

/*
 * Adds the certificates of the authorities in the text PEM to STORE. 0, -ENOMEM, or -EINVAL with *reason_r, also when there are none.
 */
int tls_authorities_parse(struct slice pem, X509_STORE *store, const char **reason_r);

/* The private key in PEM, without a passphrase, or NULL. Free it with EVP_PKEY_free. */
EVP_PKEY *tls_private_key_parse(struct slice pem);
/* 0, or a negative errno value. */
int tls_key_id(EVP_PKEY *key, unsigned char *id_r);
/* Whether the private key in the text KEY belongs to CERTIFICATE: 0, or -EINVAL with *reason_r. */
int tls_certificate_check_key(const struct tls_certificate *certificate, struct slice key, const char **reason_r);

#endif
