/*
 * When a deferred message is tried again. Times are seconds since 1970.
 */
#ifndef ANGARIUM_QUEUED_RETRY_H
#define ANGARIUM_QUEUED_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mail/config.h"

/*
 * The next attempt after one that failed at NOW. RANDOM spreads what was deferred together over a twentieth of the interval. The last
 * attempt falls on the end of the lifetime.
 */
int64_t retry_next(const struct config *config, int64_t arrival, int64_t now, uint32_t random);
/* True when a message that fails at NOW is given up. */
bool retry_is_over(const struct config *config, int64_t arrival, int64_t now);
/* NEXT as it was recorded before a restart, brought back when the clock was set meanwhile. */
int64_t retry_after_restart(const struct config *config, int64_t arrival, int64_t next, int64_t now);

#endif
