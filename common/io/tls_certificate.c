/*
 * Certificate chains and keys, read from text. Nothing here is fatal; OpenSSL's queue of errors is empty afterwards.
 */
#include "common/io/tls_certificate.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static int
refuse(const char **reason_r, const char *reason)
{
	ERR_clear_error();
	*reason_r = reason;
	return -EINVAL;
}

/* A passphrase that is asked for is not given: nobody is there to type it. */
static int
no_passphrase(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

/* ---- names ---- */

static int
add_name(struct tls_certificate *certificate, struct slice name)
{
	char *copy = slice_dup(name);

	if (copy == NULL)
		return memchr(name.data, '\0', name.length) != NULL ? 0 : -ENOMEM; /* a name with NUL names nothing */
	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	certificate->names[certificate->name_count++] = copy;
	return 0;
}

static int
add_asn1_name(struct tls_certificate *certificate, const ASN1_STRING *name)
{
	int length = ASN1_STRING_length(name);

	if (length <= 0)
		return 0;
	return add_name(certificate, slice_of(ASN1_STRING_get0_data(name), (size_t)length));
}

/* The common name counts when there is no DNS name among the alternative ones (RFC 6125 6.4.4). */
static int
add_common_name(struct tls_certificate *certificate)
{
	X509_NAME *subject = X509_get_subject_name(certificate->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return 0;
	return add_asn1_name(certificate, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int
read_names(struct tls_certificate *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	int error = 0;

	if (count > TLS_NAMES_MAX)
		count = TLS_NAMES_MAX;
	certificate->names = calloc((size_t)count + 1, sizeof(char *));
	if (certificate->names == NULL)
		error = -ENOMEM;
	for (int i = 0; error == 0 && i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			error = add_asn1_name(certificate, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	if (error == 0 && certificate->name_count == 0)
		error = add_common_name(certificate);
	return error;
}

static bool
name_matches(struct slice pattern, struct slice name)
{
	size_t dot;

	if (pattern.length < 2 || pattern.data[0] != '*' || pattern.data[1] != '.')
		return slice_equal_nocase(pattern, name);
	dot = slice_find(name, '.');
	return dot > 0 && dot < name.length && slice_equal_nocase(slice_from(pattern, 1), slice_from(name, dot));
}

bool
tls_certificate_is_for(const struct tls_certificate *certificate, struct slice name)
{
	for (size_t i = 0; i < certificate->name_count; i++)
		if (name_matches(slice_from_string(certificate->names[i]), name))
			return true;
	return false;
}

bool
tls_certificate_covered(const struct tls_certificate *certificate, const struct tls_certificate *other)
{
	for (size_t i = 0; i < certificate->name_count; i++)
		if (!tls_certificate_is_for(other, slice_from_string(certificate->names[i])))
			return false;
	return true;
}

bool
tls_certificate_expired(const struct tls_certificate *certificate)
{
	return X509_cmp_current_time(X509_get0_notBefore(certificate->leaf)) > 0 ||
	       X509_cmp_current_time(X509_get0_notAfter(certificate->leaf)) < 0;
}

/* ---- chains ---- */

void
tls_certificate_free(struct tls_certificate *certificate)
{
	X509_free(certificate->leaf);
	sk_X509_pop_free(certificate->others, X509_free);
	for (size_t i = 0; i < certificate->name_count; i++)
		free(certificate->names[i]);
	free(certificate->names);
	*certificate = (struct tls_certificate){ 0 };
}

static BIO *
open_text(struct slice pem)
{
	return pem.length == 0 || pem.length > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.length);
}

static int
read_chain(BIO *text, struct tls_certificate *certificate, const char **reason_r)
{
	certificate->leaf = PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
	if (certificate->leaf == NULL)
		return refuse(reason_r, "holds no certificate in PEM");
	certificate->others = sk_X509_new_null();
	if (certificate->others == NULL)
		return -ENOMEM;
	for (;;) {
		X509 *next = PEM_read_bio_X509(text, NULL, no_passphrase, NULL);

		if (next == NULL)
			break;
		if (sk_X509_num(certificate->others) + 1 >= TLS_CHAIN_MAX || sk_X509_push(certificate->others, next) <= 0) {
			X509_free(next);
			return refuse(reason_r, "holds too many certificates");
		}
	}
	/* Only the end of the text is a good end. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return refuse(reason_r, "has a certificate in its chain that cannot be read");
	ERR_clear_error();
	return 0;
}

int
tls_authorities_parse(struct slice pem, X509_STORE *store, const char **reason_r)
{
	BIO *text = open_text(pem);
	X509 *next;
	int count = 0;
	int error = 0;

	ERR_clear_error();
	while (text != NULL && error == 0 && (next = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)) != NULL) {
		error = X509_STORE_add_cert(store, next) == 1 ? 0 : -ENOMEM;
		X509_free(next);
		count++;
	}
	if (error == 0 && count == 0)
		error = refuse(reason_r, "holds no certificate in PEM");
	else if (error == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		error = refuse(reason_r, "has a certificate that cannot be read");
	BIO_free(text);
	ERR_clear_error();
	return error;
}

static int
check_key_kind(struct tls_certificate *certificate, const char **reason_r)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate->leaf);

	if (key == NULL)
		return refuse(reason_r, "has a public key that cannot be read");
	certificate->ecdsa = EVP_PKEY_is_a(key, "EC");
	if (!certificate->ecdsa && !EVP_PKEY_is_a(key, "RSA"))
		return refuse(reason_r, "is for a key that is neither ECDSA nor RSA");
	if (EVP_PKEY_get_security_bits(key) < 112)
		return refuse(reason_r, "is for a key that is too short; RSA needs 2048 bits, ECDSA 224");
	return 0;
}

int
tls_certificate_parse(struct slice pem, struct tls_certificate *certificate_r, const char **reason_r)
{
	BIO *text = open_text(pem);
	int error;

	*certificate_r = (struct tls_certificate){ 0 };
	if (text == NULL)
		return refuse(reason_r, "holds no certificate in PEM");
	ERR_clear_error();
	error = read_chain(text, certificate_r, reason_r);
	BIO_free(text);
	if (error == 0)
		error = check_key_kind(certificate_r, reason_r);
	if (error == 0)
		error = read_names(certificate_r);
	if (error != 0)
		tls_certificate_free(certificate_r);
	return error;
}

/* ---- keys ---- */

EVP_PKEY *
tls_private_key_parse(struct slice pem)
{
	BIO *text = open_text(pem);
	EVP_PKEY *key;

	if (text == NULL)
		return NULL;
	key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL);
	BIO_free(text);
	ERR_clear_error();
	return key;
}

int
tls_key_id(EVP_PKEY *key, unsigned char *id_r)
{
	unsigned char *encoded = NULL;
	int length = i2d_PUBKEY(key, &encoded);
	int error = 0;

	if (length <= 0)
		return -EINVAL;
	if (EVP_Digest(encoded, (size_t)length, id_r, NULL, EVP_sha256(), NULL) != 1)
		error = -ENOMEM;
	OPENSSL_free(encoded);
	return error;
}

/* The signer is asked for a key by its id: both sides must come to the same. */
static int
check_same_key(EVP_PKEY *public, EVP_PKEY *private, const char **reason_r)
{
	unsigned char one[TLS_KEY_ID_SIZE];
	unsigned char two[TLS_KEY_ID_SIZE];

	if (EVP_PKEY_eq(public, private) != 1)
		return refuse(reason_r, "does not belong to the certificate");
	if (tls_key_id(public, one) != 0 || tls_key_id(private, two) != 0 || memcmp(one, two, sizeof(one)) != 0)
		return refuse(reason_r, "writes its public part in another way than the certificate");
	return 0;
}

int
tls_certificate_check_key(const struct tls_certificate *certificate, struct slice key, const char **reason_r)
{
	EVP_PKEY *private = tls_private_key_parse(key);
	int error;

	if (private == NULL)
		return refuse(reason_r, "holds no private key in PEM without a passphrase");
	error = check_same_key(X509_get0_pubkey(certificate->leaf), private, reason_r);
	EVP_PKEY_free(private);
	return error;
}
