/*
 * Slows the guessing of passwords, for all services at once: by the client's address (IPv6 by its /64, since one host usually has
 * all of it) and by account.
 *
 * Each attempt is charged when it begins, so that many at the same time count as well, and a right one is refunded. The score of an
 * address or account halves in GUARD_HALF_LIFE_MS. A failure is answered ever later; over the limit nothing is
 * checked any more. An account over its limit still opens to addresses from which it was opened before: else anybody could lock its
 * owner out.
 *
 * A table of fixed size; what has the lowest score makes room.
 */
#ifndef ANGARIUM_TABLED_GUARD_H
#define ANGARIUM_TABLED_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	GUARD_HALF_LIFE_MS = 10 * 60 * 1000,
	GUARD_FRIEND_MS = 20 * 24 * 3600 * 1000, /* for which a success is remembered */
	GUARD_DELAY_MAX_MS = 8000,
};

struct guard_limits {
	uint32_t per_address; /* failures; 0: no limit */
	uint32_t per_account; /* the same */
	uint32_t delay_ms;    /* of the first failure's answer; doubled with each; 0: none */
};

struct guard;

/* NULL when out of memory. */
struct guard *guard_new(void);
void guard_free(struct guard **guard);

/*
 * An attempt from CLIENT (an address in numbers) on ACCOUNT begins. NOW is of clock_monotonic_ms. False: it is refused, and was not
 * charged. *delay_r: how long to wait before saying that it failed.
 */
bool guard_begin(struct guard *guard, const struct guard_limits *limits, const char *client, struct slice account, int64_t now,
                 uint32_t *delay_r);
/* It proved right. */
void guard_right(struct guard *guard, const char *client, struct slice account, int64_t now);
/* It could not be decided. */
void guard_undecided(struct guard *guard, const char *client, struct slice account, int64_t now);

#endif
