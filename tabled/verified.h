/*
 * Passwords that were verified a short time ago, so that a client that comes back every minute costs no
 * password hash.
 *
 * What is kept is HMAC-SHA256, under a key that this process made up, of login, stored hash and password: it
 * is worth nothing outside of this process, and means nothing any more when the user's password is changed.
 * Whether the user is enabled is looked up each time.
 */
#ifndef ANGARIUM_TABLED_VERIFIED_H
#define ANGARIUM_TABLED_VERIFIED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	VERIFIED_DIGEST_SIZE = 32, /* bytes */
};

struct verified;

/* NULL when out of memory, or when there is no randomness. */
struct verified *verified_new(void);
void verified_free(struct verified **verified);

void verified_digest(const struct verified *verified, struct slice login, struct slice hash,
                     struct slice password, unsigned char digest[VERIFIED_DIGEST_SIZE]);
/* Whether DIGEST was added and has not expired. NOW and EXPIRES are of clock_monotonic_ms. */
bool verified_find(const struct verified *verified, const unsigned char digest[VERIFIED_DIGEST_SIZE],
                   int64_t now);
void verified_add(struct verified *verified, const unsigned char digest[VERIFIED_DIGEST_SIZE],
                  int64_t expires);

#endif
