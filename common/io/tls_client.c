/*
 * Connections of a client, before their handshake: names, authorities and TLSA records given to OpenSSL, which verifies in the handshake.
 */
#include "common/io/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/io/tls.h"
#include "common/io/tls_certificate.h"

/*
 * TLS 1.2 with more than our own server offers, in the order of preference: whoever speaks nothing better would get the
 * message in the clear, and that is worse than keys without forward secrecy (RFC 7435 3).
 */
#define CIPHERS                                                                                          \
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:kRSA+AESGCM:kRSA+AES:" \
	"!aNULL:!aPSK:!kPSK"

enum {
	/* OpenSSL's security levels: 80 bits for whom we do not authenticate (see above), else 112 bits. */
	SECURITY_ANY = 1,
	SECURITY_VERIFIED = 2,
};

/* RFC 6698 2.1, with the names of RFC 7218. */
enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3,
	SELECTOR_CERT = 0,
	SELECTOR_SPKI = 1,
	MATCHING_FULL = 0,
	MATCHING_SHA2_256 = 1,
	MATCHING_SHA2_512 = 2,
};

struct tls_client_context {
	SSL_CTX *ssl;
};

/* ---- TLSA records ---- */

static bool
is_certificate(struct slice data)
{
	const unsigned char *at = (const unsigned char *)data.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)data.length);
	bool whole = certificate != NULL && at == (const unsigned char *)data.data + data.length && X509_get0_pubkey(certificate) != NULL;

	X509_free(certificate);
	return whole;
}

static bool
is_public_key(struct slice data)
{
	const unsigned char *at = (const unsigned char *)data.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)data.length);
	bool whole = key != NULL && at == (const unsigned char *)data.data + data.length;

	EVP_PKEY_free(key);
	return whole;
}

bool
tls_client_tlsa_usable(const struct tls_client_tlsa *tlsa)
{
	bool usable;

	if ((tlsa->usage != USAGE_DANE_TA && tlsa->usage != USAGE_DANE_EE) ||
	    (tlsa->selector != SELECTOR_CERT && tlsa->selector != SELECTOR_SPKI))
		return false;
	switch (tlsa->matching) {
	case MATCHING_SHA2_256:
		return tlsa->data.length == 32;
	case MATCHING_SHA2_512:
		return tlsa->data.length == 64;
	case MATCHING_FULL:
		usable = tlsa->data.length <= UINT16_MAX && /* of DNS */
		         (tlsa->selector == SELECTOR_CERT ? is_certificate(tlsa->data) : is_public_key(tlsa->data));
		ERR_clear_error();
		return usable;
	default:
		return false;
	}
}

/* 0, or -EINVAL when none of them can be used. */
static int
use_tlsa(SSL *ssl, const struct tls_client_settings *settings)
{
	size_t used = 0;

	for (size_t i = 0; i < settings->tlsa_count; i++) {
		const struct tls_client_tlsa *tlsa = &settings->tlsa[i];
		int result;

		if (!tls_client_tlsa_usable(tlsa))
			continue;
		result = SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector, tlsa->matching, (const unsigned char *)tlsa->data.data,
		                           tlsa->data.length);
		if (result < 0)
			return -ENOMEM;
		used += result > 0;
	}
	return used > 0 ? 0 : -EINVAL;
}

/* ---- names ---- */

struct names {
	size_t count;
	bool address; /* the only one is an IP address */
	char texts[TLS_CLIENT_NAMES_MAX][TLS_CLIENT_NAME_MAX + 1];
};

static int
read_names(const struct tls_client_settings *settings, struct names *names)
{
	unsigned char address[sizeof(struct in6_addr)];

	names->count = settings->name_count;
	names->address = false;
	if (names->count > TLS_CLIENT_NAMES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < names->count; i++) {
		/* OpenSSL takes an empty name for none, which all have, and one that begins with a dot for all hosts below it. */
		if (settings->names[i].length == 0 || settings->names[i].data[0] == '.' ||
		    slice_to_string(settings->names[i], names->texts[i], sizeof(names->texts[i])) != 0)
			return -EINVAL;
		if (inet_pton(AF_INET, names->texts[i], address) == 1 || inet_pton(AF_INET6, names->texts[i], address) == 1)
			names->address = true;
	}
	return names->address && names->count > 1 ? -EINVAL : 0;
}

/* Whom the certificate may be for. */
static int
expect_names(SSL *ssl, const struct names *names)
{
	X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);

	if (names->count == 0)
		return -EINVAL;
	/* RFC 6125 6.4.3: a wildcard is the whole left-most label. */
	X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (names->address)
		return X509_VERIFY_PARAM_set1_ip_asc(rules, names->texts[0]) == 1 ? 0 : -ENOMEM;
	for (size_t i = 0; i < names->count; i++)
		if (X509_VERIFY_PARAM_add1_host(rules, names->texts[i], 0) != 1)
			return -ENOMEM;
	return 0;
}

/* ---- connections ---- */

static int
expect_dane(SSL *ssl, const struct names *names, const struct tls_client_settings *settings)
{
	if (names->count == 0 || names->address)
		return -EINVAL;
	if (SSL_dane_enable(ssl, names->texts[0]) != 1)
		return -ENOMEM;
	return use_tlsa(ssl, settings);
}

static int
set_check(SSL *ssl, const struct names *names, const struct tls_client_settings *settings)
{
	int error;

	if (settings->check == TLS_CLIENT_ANY) {
		SSL_set_security_level(ssl, SECURITY_ANY);
		return 0;
	}
	SSL_set_security_level(ssl, SECURITY_VERIFIED);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	error = settings->check == TLS_CLIENT_DANE ? expect_dane(ssl, names, settings) : 0;
	return error != 0 ? error : expect_names(ssl, names);
}

int
tls_client_new(const struct tls_client_context *context, const struct tls_client_settings *settings, SSL **ssl_r)
{
	struct names names;
	int error = read_names(settings, &names);
	SSL *ssl;

	if (error != 0)
		return error;
	ERR_clear_error();
	ssl = SSL_new(context->ssl);
	if (ssl == NULL)
		return -ENOMEM;
	if (names.count > 0 && !names.address && SSL_set_tlsext_host_name(ssl, names.texts[0]) != 1)
		error = -ENOMEM;
	if (error == 0)
		error = set_check(ssl, &names, settings);
	ERR_clear_error();
	if (error != 0) {
		SSL_free(ssl);
		return error;
	}
	*ssl_r = ssl;
	return 0;
}

/* ---- contexts ---- */

/* In place of X509_verify_cert: whoever need not show who he is costs no signature to verify. */
static int
verify(X509_STORE_CTX *chain, void *argument)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)argument;
	return SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ? 1 : X509_verify_cert(chain);
}

static int
set_rules(SSL_CTX *ssl)
{
	tls_set_common_rules(ssl);
	/* Sessions are not resumed: what a TLSA record or an authority says is asked each time, and connections are kept open instead. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, verify, NULL);
	/* RFC 7672 3.1.1: with DANE-EE names do not count. OpenSSL leaves the dates out by itself. */
	SSL_CTX_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 &&
	               SSL_CTX_dane_enable(ssl) == 1
	           ? 0
	           : -ENOMEM;
}

int
tls_client_context_new(struct slice authorities, struct tls_client_context **context_r, const char **reason_r)
{
	struct tls_client_context *context;
	int error = 0;

	*reason_r = "cannot be used";
	if (authorities.length > TLS_CLIENT_AUTHORITIES_MAX) {
		*reason_r = "is too long";
		return -EINVAL;
	}
	context = calloc(1, sizeof(*context));
	if (context == NULL)
		return -ENOMEM;
	context->ssl = SSL_CTX_new(TLS_client_method());
	if (context->ssl == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = set_rules(context->ssl);
	if (error == 0 && authorities.length > 0)
		error = tls_authorities_parse(authorities, SSL_CTX_get_cert_store(context->ssl), reason_r);
	ERR_clear_error();
	if (error != 0) {
		tls_client_context_free(&context);
		return error;
	}
	*context_r = context;
	return 0;
}

void
tls_client_context_free(struct tls_client_context **context_p)
{
	struct tls_client_context *context = *context_p;

	*context_p = NULL;
	if (context == NULL)
		return;
	SSL_CTX_free(context->ssl);
	free(context);
}
