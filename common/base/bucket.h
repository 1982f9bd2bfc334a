/*
 * A token bucket: how much of something was used of late, in eight bytes.
 *
 * A rate of 600 per 60 s lets 600 through at once, and then ten in each second: COUNT tokens are in a full bucket, and flow in anew within
 * SECONDS. It is kept as the moment at which the bucket will be full again (the "virtual scheduling" form of ITU-T I.371's
 * generic cell rate algorithm), so that a bucket which is not in use needs no memory at all: it is one whose moment has passed.
 */
#ifndef ANGARIUM_BASE_BUCKET_H
#define ANGARIUM_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {
	uint32_t count;   /* 0: no limit */
	uint32_t seconds; /* not 0 when COUNT is not */
};

struct bucket {
	int64_t full_at; /* nanoseconds of clock_monotonic_ms's clock; 0 at first */
};

/* NOW: clock_monotonic_ms. True when AMOUNT is there. Always true without a limit. */
bool bucket_has(const struct bucket *bucket, struct bucket_rate rate, int64_t now, uint32_t amount);
/* Takes AMOUNT, or empties the bucket when there is less. */
void bucket_take(struct bucket *bucket, struct bucket_rate rate, int64_t now, uint32_t amount);
/* True when nothing is missing from it. */
bool bucket_is_full(const struct bucket *bucket, int64_t now);

#endif
