/*
 * common/io/loop.h: when the event loop stays awake.
 */
#include "common/io/loop.h"

#include "t/unit/unit.h"

enum { SOON = LOOP_AWAKE_US / 2, LATE = LOOP_AWAKE_US + 1 };

static struct loop_pace pace;
static int64_t now = 1000000;

/* COUNT commands, each AFTER us behind the answer to the one before, and the answer to each at once. */
static void
talk(unsigned count, int64_t after)
{
	while (count-- > 0) {
		loop_heard(&pace, now);
		loop_answered(&pace, now);
		now += after;
	}
}

START_TEST(a_loop_stays_awake_for_a_client_that_was_quick_many_times)
{
	talk(LOOP_QUICK, SOON);
	ck_assert(!loop_stays_awake(now));
	talk(1, 0);
	ck_assert(loop_stays_awake(now));
	ck_assert(loop_stays_awake(now + LOOP_AWAKE_US - 1));
	ck_assert(!loop_stays_awake(now + LOOP_AWAKE_US));
}
END_TEST

START_TEST(a_client_that_was_slow_once_must_be_quick_many_times_again)
{
	talk(LOOP_QUICK * 2, SOON);
	now += LATE;
	talk(1, SOON);
	ck_assert(!loop_stays_awake(now));
	now += LOOP_PAUSE_US;
	talk(LOOP_QUICK, SOON);
	ck_assert(!loop_stays_awake(now));
	talk(LOOP_QUICK + 1, 0);
	ck_assert(loop_stays_awake(now));
}
END_TEST

START_TEST(a_client_that_is_slow_or_silent_keeps_nobody_awake)
{
	talk(1000, LATE);
	ck_assert(!loop_stays_awake(now));
	loop_answered(&pace, now);
	ck_assert(!loop_stays_awake(now));
}
END_TEST

START_TEST(a_loop_that_was_awake_in_vain_sleeps_for_a_hundred_times_as_long)
{
	struct loop_pace other = { .quick = LOOP_QUICK };

	talk(LOOP_QUICK + 1, SOON);
	now += LATE;
	ck_assert(!loop_stays_awake(now));
	loop_answered(&other, now + 1);
	ck_assert(!loop_stays_awake(now + 1));
	loop_answered(&other, now + LOOP_PAUSE_US);
	ck_assert(loop_stays_awake(now + LOOP_PAUSE_US));
}
END_TEST

START_TEST(a_client_that_spoke_in_time_was_not_waited_for_in_vain)
{
	talk(LOOP_QUICK + 1, SOON);
	loop_heard(&pace, now);
	now += LATE;
	ck_assert(!loop_stays_awake(now));
	talk(1, 0);
	ck_assert(loop_stays_awake(now));
}
END_TEST

static void
count(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	++*(int *)context;
}

static void
leave(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	event_base_loopexit(context, NULL);
}

START_TEST(a_loop_runs_until_it_is_told_to_end_awake_or_asleep)
{
	struct event_base *base = event_base_new();
	int counted = 0;
	struct event *counter = event_new(base, -1, EV_PERSIST, count, &counted);
	struct event *end = evtimer_new(base, leave, base);

	event_add(counter, &(struct timeval){ .tv_usec = 1000 });
	event_add(end, &(struct timeval){ .tv_usec = 20 * 1000 });
	pace.quick = LOOP_QUICK;
	loop_answered(&pace, now);
	loop_run(base);
	ck_assert_int_gt(counted, 0);
	event_free(counter);
	event_free(end);
	loop_run(base); /* there is nothing to wait for */
	event_base_free(base);
}
END_TEST

UNIT_MAIN("loop", a_loop_stays_awake_for_a_client_that_was_quick_many_times, a_client_that_was_slow_once_must_be_quick_many_times_again,
          a_client_that_is_slow_or_silent_keeps_nobody_awake, a_loop_that_was_awake_in_vain_sleeps_for_a_hundred_times_as_long,
          a_client_that_spoke_in_time_was_not_waited_for_in_vain, a_loop_runs_until_it_is_told_to_end_awake_or_asleep)
