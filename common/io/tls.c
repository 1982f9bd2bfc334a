/*
 * TLS contexts. Each certificate has an SSL_CTX of its own, together with the first certificate of the other kind (ECDSA, RSA) that is for all
 * of its names; the name that a client asks for chooses among them. Connections begin with the first.
 */
#include "common/io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/io/tls_binding.h"
#include "common/io/tls_certificate.h"
#include "common/io/tls_key.h"
#include "common/io/tls_ticket.h"

/*
 * TLS 1.2 (RFC 5246) with forward secrecy and authenticated encryption only. RSA key exchange is not among them: keys only sign. Our order
 * decides, except that a client whose processor has no AES, and says so by naming ChaCha20 first, gets that.
 */
#define CIPHERS                                                                                  \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define SIGNATURES                                                                       \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:" \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512"

enum {
	SECURITY_LEVEL = 2, /* 112 bits: RSA keys of 2048 bits and more, no SHA-1 signatures */
};

struct entry {
	struct tls_certificate certificate;
	EVP_PKEY *key; /* what stands for its private key */
	SSL_CTX *ssl;
};

struct tls_context {
	unsigned users;
	size_t count;
	struct entry entries[];
};

int
tls_prepare(void)
{
	unsigned char byte;

	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1)
		return -ENOMEM;
	/* The random numbers get their seed here, where they still may. */
	if (tls_key_prepare() != 0 || RAND_bytes(&byte, 1) != 1)
		return -ENOMEM;
	return 0;
}

/* The name chooses the certificate; none for it is no error (RFC 6066 3 leaves that open, and mail is better sent than not). */
static int
on_server_name(SSL *ssl, int *alert, void *argument)
{
	const struct tls_context *context = argument;
	struct slice name = slice_from_string(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));

	(void)alert;
	for (size_t i = 0; name.length > 0 && i < context->count; i++) {
		if (!tls_certificate_is_for(&context->entries[i].certificate, name))
			continue;
		return SSL_set_SSL_CTX(ssl, context->entries[i].ssl) == NULL ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

void
tls_set_common_rules(SSL_CTX *ssl)
{
	/*
	 * An end without close_notify is an end like any other: in SMTP and POP3 the protocol itself says where a message ends.
	 */
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* An idle connection keeps no buffer of a record; what was not sent is kept by the connection, which may move it. */
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ssl, 1);
}

static int
set_rules(SSL_CTX *ssl, bool version_1_3)
{
	static const unsigned char name[] = "angarium";

	tls_set_common_rules(ssl);
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	tls_ticket_use(ssl);
	tls_binding_keep(ssl);
	return SSL_CTX_set_min_proto_version(ssl, version_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
	               SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 && SSL_CTX_set_ciphersuites(ssl, CIPHERS_1_3) == 1 &&
	               SSL_CTX_set1_groups_list(ssl, GROUPS) == 1 && SSL_CTX_set1_sigalgs_list(ssl, SIGNATURES) == 1 &&
	               SSL_CTX_set_session_id_context(ssl, name, sizeof(name) - 1) == 1
	           ? 0
	           : -ENOMEM;
}

static int
use_certificate(SSL_CTX *ssl, const struct entry *entry)
{
	return SSL_CTX_use_certificate(ssl, entry->certificate.leaf) == 1 &&
	               SSL_CTX_set1_chain(ssl, entry->certificate.others) == 1 && SSL_CTX_use_PrivateKey(ssl, entry->key) == 1
	           ? 0
	           : -EINVAL;
}

/* The certificate of the other kind that goes with ENTRY, or NULL. */
static const struct entry *
find_other_kind(const struct tls_context *context, const struct entry *entry)
{
	for (size_t i = 0; i < context->count; i++) {
		const struct tls_certificate *other = &context->entries[i].certificate;

		if (other->ecdsa != entry->certificate.ecdsa && tls_certificate_covered(&entry->certificate, other))
			return &context->entries[i];
	}
	return NULL;
}

static int
make_ssl(struct tls_context *context, struct entry *entry, bool version_1_3)
{
	const struct entry *other = find_other_kind(context, entry);
	int error;

	entry->ssl = SSL_CTX_new(TLS_server_method());
	if (entry->ssl == NULL)
		return -ENOMEM;
	error = set_rules(entry->ssl, version_1_3);
	if (error == 0)
		error = use_certificate(entry->ssl, entry);
	if (error == 0 && other != NULL)
		error = use_certificate(entry->ssl, other);
	SSL_CTX_set_tlsext_servername_callback(entry->ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(entry->ssl, context);
	return error;
}

static int
read_entry(struct entry *entry, struct slice chain, const char **reason_r)
{
	int error = tls_certificate_parse(chain, &entry->certificate, reason_r);

	if (error != 0)
		return error;
	entry->key = tls_key_new(X509_get0_pubkey(entry->certificate.leaf));
	return entry->key == NULL ? -ENOMEM : 0;
}

int
tls_context_new(const struct slice *chains, size_t count, bool version_1_3, struct tls_context **context_r, size_t *index_r,
                const char **reason_r)
{
	struct tls_context *context;
	int error = 0;

	*reason_r = "cannot be used";
	*index_r = 0;
	if (count == 0)
		return -EINVAL;
	context = calloc(1, sizeof(*context) + count * sizeof(context->entries[0]));
	if (context == NULL)
		return -ENOMEM;
	context->users = 1;
	for (size_t i = 0; error == 0 && i < count; i++) {
		*index_r = i;
		context->count = i + 1;
		error = read_entry(&context->entries[i], chains[i], reason_r);
	}
	for (size_t i = 0; error == 0 && i < count; i++) {
		*index_r = i;
		error = make_ssl(context, &context->entries[i], version_1_3);
	}
	ERR_clear_error();
	if (error != 0) {
		tls_context_free(&context);
		return error;
	}
	*context_r = context;
	return 0;
}

struct tls_context *
tls_context_take(struct tls_context *context)
{
	if (context != NULL)
		context->users++;
	return context;
}

void
tls_context_free(struct tls_context **context_p)
{
	struct tls_context *context = *context_p;

	*context_p = NULL;
	if (context == NULL || --context->users > 0)
		return;
	for (size_t i = 0; i < context->count; i++) {
		SSL_CTX_free(context->entries[i].ssl);
		EVP_PKEY_free(context->entries[i].key);
		tls_certificate_free(&context->entries[i].certificate);
	}
	free(context);
}

SSL_CTX *
tls_context_first(const struct tls_context *context)
{
	return context->entries[0].ssl;
}
