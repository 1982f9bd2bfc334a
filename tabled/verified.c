/*
 * Recently verified passwords: a table of fixed size, four places for each digest; the one that expires first
 * makes room.
 */
#include "tabled/verified.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERIFIED_SETS = 16384, /* a power of two */
	VERIFIED_WAYS = 4,
	VERIFIED_KEY_SIZE = 32, /* bytes */
};

struct verified_entry {
	unsigned char digest[VERIFIED_DIGEST_SIZE];
	int64_t expires; /* 0: free */
};

struct verified {
	unsigned char key[VERIFIED_KEY_SIZE];
	struct verified_entry entries[VERIFIED_SETS][VERIFIED_WAYS];
};

struct verified *
verified_new(void)
{
	struct verified *verified = calloc(1, sizeof(*verified));

	if (verified != NULL)
		arc4random_buf(verified->key, sizeof(verified->key));
	return verified;
}

void
verified_free(struct verified **verified)
{
	if (*verified != NULL)
		explicit_bzero(*verified, sizeof(**verified));
	free(*verified);
	*verified = NULL;
}

/* Digests each part by itself first: so no two different triples make the same input. */
void
verified_digest(const struct verified *verified, struct slice login, struct slice hash, struct slice password,
                unsigned char digest[VERIFIED_DIGEST_SIZE])
{
	const struct slice parts[] = { login, hash, password };
	unsigned char input[3 * VERIFIED_DIGEST_SIZE];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		HMAC(EVP_sha256(), verified->key, sizeof(verified->key), (const unsigned char *)parts[i].data,
		     parts[i].length, input + i * VERIFIED_DIGEST_SIZE, NULL);
	HMAC(EVP_sha256(), verified->key, sizeof(verified->key), input, sizeof(input), digest, NULL);
	explicit_bzero(input, sizeof(input));
}

static size_t
verified_set(const unsigned char digest[VERIFIED_DIGEST_SIZE])
{
	return ((size_t)digest[0] | (size_t)digest[1] << 8) & (VERIFIED_SETS - 1);
}

bool
verified_find(const struct verified *verified, const unsigned char digest[VERIFIED_DIGEST_SIZE], int64_t now)
{
	const struct verified_entry *set = verified->entries[verified_set(digest)];

	for (int way = 0; way < VERIFIED_WAYS; way++)
		if (set[way].expires > now &&
		    CRYPTO_memcmp(set[way].digest, digest, VERIFIED_DIGEST_SIZE) == 0)
			return true;
	return false;
}

void
verified_add(struct verified *verified, const unsigned char digest[VERIFIED_DIGEST_SIZE], int64_t expires)
{
	struct verified_entry *set = verified->entries[verified_set(digest)];
	struct verified_entry *oldest = &set[0];

	for (int way = 0; way < VERIFIED_WAYS; way++) {
		if (memcmp(set[way].digest, digest, VERIFIED_DIGEST_SIZE) == 0) {
			oldest = &set[way];
			break;
		}
		if (set[way].expires < oldest->expires)
			oldest = &set[way];
	}
	memcpy(oldest->digest, digest, VERIFIED_DIGEST_SIZE);
	oldest->expires = expires;
}
