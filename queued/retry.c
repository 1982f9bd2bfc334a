/*
 * When a deferred message is tried again: the directives "retry" and "queue_lifetime" as arithmetic.
 */
#include "queued/retry.h"

enum { SPREAD = 20 }; /* the part of an interval over which attempts are spread */

static int64_t
retry_interval(const struct config *config, int64_t age)
{
	const struct config_retries *retries = &config->retry;

	for (size_t i = 0; i + 1 < retries->count; i++)
		if (age < (int64_t)retries->list[i].until)
			return (int64_t)retries->list[i].interval;
	return (int64_t)retries->list[retries->count - 1].interval;
}

bool
retry_is_over(const struct config *config, int64_t arrival, int64_t now)
{
	return now - arrival >= (int64_t)config->queue_lifetime;
}

int64_t
retry_next(const struct config *config, int64_t arrival, int64_t now, uint32_t random)
{
	int64_t interval = retry_interval(config, now - arrival);
	int64_t spread = interval / SPREAD;
	int64_t next = now + interval + (spread == 0 ? 0 : (int64_t)(random % (uint64_t)spread));
	int64_t end = arrival + (int64_t)config->queue_lifetime;

	if (next > end && now < end)
		next = end;
	return next > now ? next : now + 1;
}

int64_t
retry_after_restart(const struct config *config, int64_t arrival, int64_t next, int64_t now)
{
	int64_t interval = retry_interval(config, now - arrival);
	int64_t latest = now + interval + interval / SPREAD;

	return next < latest ? next : latest;
}
