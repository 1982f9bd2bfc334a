/*
 * Session tickets: AES-256-CBC and HMAC-SHA-256, as RFC 5077 section 4 recommends.
 */
#include "common/io/tls_ticket.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

struct ticket_key {
	unsigned char name[TLS_TICKET_NAME_SIZE];
	unsigned char cipher[TLS_TICKET_SECRET_SIZE];
	unsigned char mac[TLS_TICKET_SECRET_SIZE];
};

_Static_assert(sizeof(struct ticket_key) == TLS_TICKET_KEY_SIZE, "a key is its three parts");

static struct ticket_key keys[TLS_TICKET_KEYS];
static size_t key_count;

int
tls_ticket_set_keys(struct slice bytes)
{
	if (bytes.length == 0 || bytes.length % TLS_TICKET_KEY_SIZE != 0 || bytes.length > sizeof(keys))
		return -EINVAL;
	memcpy(keys, bytes.data, bytes.length);
	key_count = bytes.length / TLS_TICKET_KEY_SIZE;
	return 0;
}

/* The number of the key of that name, or key_count. */
static size_t
find_key(const unsigned char *name)
{
	size_t i = 0;

	while (i < key_count && memcmp(keys[i].name, name, TLS_TICKET_NAME_SIZE) != 0)
		i++;
	return i;
}

static int
set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, parameters);
}

/* See SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 goes on, 2 goes on and wants the ticket renewed, 0 is no ticket, -1 an error. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	const EVP_CIPHER *method = EVP_aes_256_cbc();
	size_t i = encrypt ? 0 : find_key(name);

	(void)ssl;
	if (i >= key_count)
		return 0;
	if (encrypt) {
		memcpy(name, keys[0].name, TLS_TICKET_NAME_SIZE);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(method)) != 1)
			return -1;
	}
	if (EVP_CipherInit_ex(cipher, method, NULL, keys[i].cipher, iv, encrypt) != 1 || set_mac(mac, &keys[i]) != 1)
		return -1;
	return i == 0 ? 1 : 2;
}

void
tls_ticket_use(SSL_CTX *context)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
	SSL_CTX_set_timeout(context, TLS_TICKET_SECONDS);
	/* One is enough: clients of mail have one connection at a time, and a resumed session brings the next. */
	SSL_CTX_set_num_tickets(context, 1);
}
