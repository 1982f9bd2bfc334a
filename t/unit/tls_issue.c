/*
 * Certificates made on the spot.
 */
#include "t/unit/tls_issue.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void
extend(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	ck_assert_ptr_nonnull(extension);
	ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

void
tls_issue(const struct issue *issue, struct issued *issued_r)
{
	static long serial = 1;
	const struct issued *issuer = issue->issuer == NULL ? issued_r : issue->issuer;
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	issued_r->certificate = certificate;
	issued_r->key = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(issued_r->key);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), issue->from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), issue->to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)issue->subject, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(certificate, issued_r->key);
	extend(certificate, NID_basic_constraints, issue->authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (issue->names != NULL)
		extend(certificate, NID_subject_alt_name, issue->names);
	ck_assert_int_gt(X509_sign(certificate, issuer->key, EVP_sha256()), 0);
}

void
tls_issued_free(struct issued *issued)
{
	X509_free(issued->certificate);
	EVP_PKEY_free(issued->key);
	*issued = (struct issued){ 0 };
}

void
tls_issued_write(const struct issued *issued, struct buffer *out)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *data;
	long length;

	ck_assert_int_eq(PEM_write_bio_X509(text, issued->certificate), 1);
	length = BIO_get_mem_data(text, &data);
	ck_assert_int_eq(buffer_append(out, data, (size_t)length), 0);
	BIO_free(text);
}

struct tls_client_tlsa
tls_record_make(const struct issued *issued, uint8_t usage, uint8_t selector, uint8_t matching)
{
	unsigned char *content = NULL;
	int length = selector == 0 ? i2d_X509(issued->certificate, &content) : i2d_PUBKEY(issued->key, &content);
	unsigned char *data = malloc(length < 64 ? 64 : (size_t)length);
	unsigned size = (unsigned)length;

	ck_assert_int_gt(length, 0);
	if (matching == 0)
		memcpy(data, content, size);
	else
		ck_assert_int_eq(EVP_Digest(content, (size_t)length, data, &size, matching == 1 ? EVP_sha256() : EVP_sha512(), NULL), 1);
	OPENSSL_free(content);
	return (struct tls_client_tlsa){ .usage = usage, .selector = selector, .matching = matching, .data = slice_of(data, size) };
}

void
tls_record_free(struct tls_client_tlsa *record)
{
	free((char *)(uintptr_t)record->data.data);
	record->data = SLICE("");
}
