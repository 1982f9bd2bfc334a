/*
 * For tests of TLS: certificates made on the spot, a signer in the same process, and a client.
 */
#ifndef ANGARIUM_T_TLS_PEER_H
#define ANGARIUM_T_TLS_PEER_H

#include <openssl/ssl.h>

#include "common/base/slice.h"

enum { TLS_PEER_TEXT = 8192 };

struct tls_pair {
	EVP_PKEY *key;
	char chain[TLS_PEER_TEXT];       /* PEM */
	char private_key[TLS_PEER_TEXT]; /* PEM */
};

/* A self-signed certificate for NAMES ("DNS:a.example,DNS:*.example"), from FROM to TO seconds from now. TYPE is "EC" or "RSA". */
void tls_pair_make(struct tls_pair *pair, const char *type, const char *names, long from, long to);
void tls_pair_free(struct tls_pair *pair);
/* Lets this process sign with the keys of COUNT pairs, which must stay. Signing fails while tls_peer_refuse is set. */
void tls_peer_sign_with(const struct tls_pair *pairs, size_t count);
extern bool tls_peer_refuse;

#endif
