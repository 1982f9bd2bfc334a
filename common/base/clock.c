/*
 * The only source of time.
 */
#include "common/base/clock.h"

#include <time.h>

static int64_t
clock_read(clockid_t id, int64_t units_per_second)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * units_per_second + now.tv_nsec / (1000000000 / units_per_second);
}

int64_t
clock_wall_us(void)
{
	return clock_read(CLOCK_REALTIME, 1000000);
}

int64_t
clock_wall(void)
{
	return clock_read(CLOCK_REALTIME, 1);
}

int64_t
clock_monotonic_ms(void)
{
	return clock_read(CLOCK_MONOTONIC, 1000);
}

int64_t
clock_monotonic_us(void)
{
	return clock_read(CLOCK_MONOTONIC, 1000000);
}
