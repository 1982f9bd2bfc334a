/*
 * For tests of the scheduler: bulk mail.
 */
#ifndef ANGARIUM_T_SCHEDULE_BULK_H
#define ANGARIUM_T_SCHEDULE_BULK_H

#include "t/unit/schedule_fixture.h"

enum { MINUTE = 60 };

/* COUNT messages to that domain. */
static inline void
submit_bulk(uint32_t count, const char *recipient)
{
	for (uint32_t i = 0; i < count; i++) {
		submit(recipient);
		if (i % 100 == 99)
			run();
	}
	run();
}

#endif
