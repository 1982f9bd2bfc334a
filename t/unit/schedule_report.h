/*
 * For tests of the scheduler: what is a report, and what it says.
 */
#ifndef ANGARIUM_T_SCHEDULE_REPORT_H
#define ANGARIUM_T_SCHEDULE_REPORT_H

#include "t/unit/schedule_fixture.h"

static inline bool
says(const struct job *job, const char *words)
{
	struct active *active = job->consignment->active;
	struct slice body;

	ck_assert_int_eq(active_load(active), 0);
	body = active->payload.body;
	return memmem(body.data, body.length, words, strlen(words)) != NULL;
}

static inline bool
is_report(const struct job *job)
{
	return says(job, "multipart/report");
}

#endif
