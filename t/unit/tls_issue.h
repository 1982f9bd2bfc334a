/*
 * For tests of TLS clients: certificates that sign each other, and the TLSA records that are right for them.
 */
#ifndef ANGARIUM_T_TLS_ISSUE_H
#define ANGARIUM_T_TLS_ISSUE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/io/tls_client.h"

struct issued {
	X509 *certificate;
	EVP_PKEY *key;
};

struct issue {
	const char *subject;          /* the common name */
	const char *names;            /* "DNS:a.example,IP:192.0.2.1", or NULL */
	const struct issued *issuer;  /* NULL: self-signed */
	bool authority;               /* may sign others */
	long from, to;                /* seconds from now */
};

void tls_issue(const struct issue *issue, struct issued *issued_r);
void tls_issued_free(struct issued *issued);
/* Appends it in PEM. */
void tls_issued_write(const struct issued *issued, struct buffer *out);

/* The record that CERTIFICATE matches. DATA is allocated: free it with tls_record_free. */
struct tls_client_tlsa tls_record_make(const struct issued *issued, uint8_t usage, uint8_t selector, uint8_t matching);
void tls_record_free(struct tls_client_tlsa *record);

#endif
