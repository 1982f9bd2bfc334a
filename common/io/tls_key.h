/*
 * Private keys that are somewhere else: what stands for one in this process, and who signs with it.
 */
#ifndef ANGARIUM_IO_TLS_KEY_H
#define ANGARIUM_IO_TLS_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"
#include "common/io/tls_certificate.h"

enum { TLS_SIGNATURE_MAX = 2048 }; /* bytes: RSA of 16384 bits */

/* The signatures that a server makes in a handshake (RFC 8446 4.2.3). The digest is SHA-256, 384 or 512, by its length. */
enum tls_signature {
	TLS_SIGN_ECDSA = 1,
	TLS_SIGN_RSA_PSS = 2,   /* the salt as long as the digest */
	TLS_SIGN_RSA_PKCS1 = 3, /* TLS 1.2 */
};

struct tls_signer {
	/* True when signing is likely to succeed. */
	bool (*ready)(void *context);
	/*
	 * Signs DIGEST with the key of that id (TLS_KEY_ID_SIZE bytes), at once. SIGNATURE has room for TLS_SIGNATURE_MAX bytes. 0 or a negative
	 * errno value.
	 */
	int (*sign)(void *context, const unsigned char *key, enum tls_signature kind, struct slice digest, unsigned char *signature,
	            size_t *length_r);
	void *context;
};

/* Who signs for this process. SIGNER must stay valid. */
void tls_key_set_signer(const struct tls_signer *signer);
/* True when handshakes have a chance. */
bool tls_key_ready(void);

/* Used by tls_prepare: makes the provider of such keys known to OpenSSL. Once more does nothing. 0 or -ENOMEM. */
int tls_key_prepare(void);
/* What stands for the private key that belongs to PUBLIC (ECDSA or RSA). NULL when out of memory. */
EVP_PKEY *tls_key_new(EVP_PKEY *public);

/* The signer's work: signs with KEY. *length_r bytes in SIGNATURE (TLS_SIGNATURE_MAX). 0, or -EINVAL when KEY does not make such signatures. */
int tls_key_sign(EVP_PKEY *key, enum tls_signature kind, struct slice digest, unsigned char *signature, size_t *length_r);

#endif
