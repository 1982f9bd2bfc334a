#include "t/unit/tls_peer.h"

#include <check.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/io/tls_key.h"

bool tls_peer_refuse;

static const struct tls_pair *signing_pairs;
static size_t signing_count;

static void
add_names(X509 *certificate, const char *names)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	ck_assert_ptr_nonnull(extension);
	ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void
write_text(BIO *text, char *out)
{
	int length = BIO_read(text, out, TLS_PEER_TEXT - 1);

	ck_assert_int_gt(length, 0);
	out[length] = '\0';
	BIO_free(text);
}

void
tls_pair_make(struct tls_pair *pair, const char *type, const char *names, long from, long to)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	BIO *text;

	pair->key = strcmp(type, "EC") == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
	ck_assert_ptr_nonnull(pair->key);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"common.example", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, pair->key);
	if (names != NULL)
		add_names(certificate, names);
	ck_assert_int_gt(X509_sign(certificate, pair->key, EVP_sha256()), 0);

	text = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(text, certificate);
	write_text(text, pair->chain);
	text = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(text, pair->key, NULL, NULL, 0, NULL, NULL);
	write_text(text, pair->private_key);
	X509_free(certificate);
}

void
tls_pair_free(struct tls_pair *pair)
{
	EVP_PKEY_free(pair->key);
}

static bool
peer_ready(void *context)
{
	(void)context;
	return !tls_peer_refuse;
}

static int
peer_sign(void *context, const unsigned char *key, enum tls_signature kind, struct slice digest, unsigned char *signature,
          size_t *length_r)
{
	unsigned char id[TLS_KEY_ID_SIZE];

	(void)context;
	for (size_t i = 0; !tls_peer_refuse && i < signing_count; i++)
		if (tls_key_id(signing_pairs[i].key, id) == 0 && memcmp(id, key, sizeof(id)) == 0)
			return tls_key_sign(signing_pairs[i].key, kind, digest, signature, length_r);
	return -ENOENT;
}

void
tls_peer_sign_with(const struct tls_pair *pairs, size_t count)
{
	static const struct tls_signer signer = { .ready = peer_ready, .sign = peer_sign };

	signing_pairs = pairs;
	signing_count = count;
	tls_key_set_signer(&signer);
}
