/*
 * SCRAM's keys, proofs and signatures (RFC 5802 3), over SHA-256.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/mail/scram.h"

_Static_assert((int)SCRAM_KEY_SIZE == SHA256_DIGEST_LENGTH, "SCRAM_KEY_SIZE");
_Static_assert(BASE64_SIZE(SCRAM_KEY_SIZE) + 2 <= SCRAM_SERVER_FINAL_SIZE, "SCRAM_SERVER_FINAL_SIZE");

static void
scram_hmac(const unsigned char *key, struct slice text, unsigned char *out)
{
	HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, (const unsigned char *)text.data, text.length, out, NULL);
}

int
scram_derive(struct slice password, struct slice salt, uint32_t iterations, struct scram_keys *keys_r)
{
	unsigned char salted[SCRAM_KEY_SIZE], client[SCRAM_KEY_SIZE];

	if (salt.length == 0 || salt.length > SCRAM_SALT_MAX || iterations < SCRAM_ITERATIONS_MIN ||
	    iterations > SCRAM_ITERATIONS_MAX || password.length > INT32_MAX)
		return -EINVAL;
	if (PKCS5_PBKDF2_HMAC(password.data, (int)password.length, (const unsigned char *)salt.data, (int)salt.length,
	                      (int)iterations, EVP_sha256(), sizeof(salted), salted) != 1)
		return -EINVAL;
	scram_hmac(salted, SLICE("Client Key"), client);
	SHA256(client, sizeof(client), keys_r->stored);
	scram_hmac(salted, SLICE("Server Key"), keys_r->server);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	return 0;
}

/* AuthMessage: client-first-bare "," server-first "," client-final-without-proof. */
static struct slice
scram_message(const struct scram *scram, char *out)
{
	size_t challenge = strlen(scram->challenge);
	char *next = out;

	memcpy(next, scram->first, scram->first_length);
	next += scram->first_length;
	*next++ = ',';
	memcpy(next, scram->challenge, challenge);
	next += challenge;
	*next++ = ',';
	memcpy(next, scram->final, scram->final_length);
	next += scram->final_length;
	return slice_of(out, (size_t)(next - out));
}

enum { MESSAGE_SIZE = SCRAM_CLIENT_FIRST_MAX + 1 + SCRAM_SERVER_FIRST_MAX + 1 + SCRAM_CLIENT_FINAL_MAX };

bool
scram_proves(const struct scram *scram, const struct scram_keys *keys)
{
	char message[MESSAGE_SIZE];
	unsigned char client[SCRAM_KEY_SIZE], digest[SCRAM_KEY_SIZE];

	scram_hmac(keys->stored, scram_message(scram, message), client);
	for (size_t i = 0; i < sizeof(client); i++)
		client[i] ^= scram->proof[i];
	SHA256(client, sizeof(client), digest);
	explicit_bzero(client, sizeof(client));
	return CRYPTO_memcmp(digest, keys->stored, sizeof(digest)) == 0;
}

void
scram_signature(const struct scram *scram, const struct scram_keys *keys, char *out)
{
	char message[MESSAGE_SIZE];
	unsigned char signature[SCRAM_KEY_SIZE];

	scram_hmac(keys->server, scram_message(scram, message), signature);
	memcpy(out, "v=", 2);
	base64_encode(signature, sizeof(signature), out + 2);
}
