/*
 * The only source of time.
 */
#ifndef ANGARIUM_BASE_CLOCK_H
#define ANGARIUM_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds since 1970-01-01 00:00 UTC; may jump when the clock is set. */
int64_t clock_wall_us(void);
/* Seconds since 1970-01-01 00:00 UTC. */
int64_t clock_wall(void);
/* Milliseconds of a clock that never jumps and starts anywhere. */
int64_t clock_monotonic_ms(void);
/* The same in microseconds. */
int64_t clock_monotonic_us(void);

#endif
