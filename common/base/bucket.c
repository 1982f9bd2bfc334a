/*
 * A token bucket.
 */
#include "common/base/bucket.h"

enum { NS_PER_MS = 1000 * 1000 };
#define NS_PER_SECOND ((int64_t)1000 * NS_PER_MS)

/* Nanoseconds that the bucket takes to fill when it is empty: a day at most, and so far from overflow. */
static int64_t
span(struct bucket_rate rate)
{
	return (int64_t)rate.seconds * NS_PER_SECOND;
}

/* The moment at which it is full when AMOUNT is taken. */
static int64_t
after(const struct bucket *bucket, struct bucket_rate rate, int64_t now, uint32_t amount)
{
	int64_t begin = now * NS_PER_MS;

	if (amount > rate.count)
		amount = rate.count + 1;
	if (bucket->full_at > begin)
		begin = bucket->full_at;
	return begin + span(rate) / rate.count * amount;
}

bool
bucket_has(const struct bucket *bucket, struct bucket_rate rate, int64_t now, uint32_t amount)
{
	return rate.count == 0 || after(bucket, rate, now, amount) <= now * NS_PER_MS + span(rate);
}

void
bucket_take(struct bucket *bucket, struct bucket_rate rate, int64_t now, uint32_t amount)
{
	int64_t most = now * NS_PER_MS + span(rate);

	if (rate.count == 0)
		return;
	bucket->full_at = after(bucket, rate, now, amount);
	if (bucket->full_at > most)
		bucket->full_at = most;
}

bool
bucket_is_full(const struct bucket *bucket, int64_t now)
{
	return bucket->full_at <= now * NS_PER_MS;
}
