/*
 * The scheduler: five days in the life of a message, on a clock that the test drives.
 */
#include "t/unit/schedule_fixture.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR, TIMES_MAX = 500 };

static int64_t times[TIMES_MAX]; /* of attempts, seconds since arrival */
static size_t time_count;
static size_t reports;           /* to the sender */

/* The next moment at which something happens by itself. */
static int64_t
next_moment(void)
{
	int64_t due = schedule_due(schedule);
	int64_t ticks = schedule_due_ticks(schedule);

	if (ticks != INT64_MAX && STARTED + (ticks + 999) / 1000 < due)
		due = STARTED + (ticks + 999) / 1000;
	return due;
}

/* Everything that reaches a relay worker fails so, and every report arrives. */
static void
fail_all(enum relay_destination found)
{
	while (relay.job_count > 0 || local.job_count > 0) {
		if (local.job_count > 0) {
			ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
			reports++;
			finish_job(JOB_DONE, "2.1.5", "");
			continue;
		}
		ck_assert_uint_lt(time_count, TIMES_MAX);
		times[time_count++] = now - STARTED;
		relay_finish(found, JOB_TEMPORARY, found == RELAY_DESTINATION_DOWN ? "connection timed out" : "450 greylisted");
	}
}

static void
live(uint64_t id, enum relay_destination found)
{
	time_count = reports = 0;
	run();
	for (int moments = 0; store_find(fixture.store, id) != NULL; moments++) {
		int64_t due;

		ck_assert_int_lt(moments, 100000);
		fail_all(found);
		due = next_moment();
		if (store_find(fixture.store, id) == NULL)
			break;
		ck_assert_int_lt(due, INT64_MAX);
		pass_to(due > now ? due : now + 1);
	}
	fail_all(found);
}

/* Each attempt comes after one interval of "retry", and up to a twentieth more. */
static void
expect_retries(size_t from)
{
	for (size_t i = from; i + 1 < time_count; i++) {
		int64_t gap = times[i + 1] - times[i];
		int64_t least = retry_next(&config, 0, times[i], 0) - times[i];

		ck_assert_int_ge(gap, least);
		ck_assert_int_le(gap, least + least / 20);
	}
}

START_TEST(a_message_that_is_always_deferred_is_retried_warned_about_once_and_returned_after_five_days)
{
	uint64_t id;

	config.delay_warning = 4 * HOUR;
	id = submit("user@far.example");
	live(id, RELAY_DESTINATION_UP);
	expect_retries(0);
	ck_assert_int_eq(times[time_count - 1], 5 * DAY); /* the last attempt is at the very end */
	ck_assert_uint_ge(time_count, 70);
	ck_assert_uint_eq(reports, 2); /* the warning and the bounce */
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_to_a_dead_host_lives_as_long_and_is_tried_a_few_times_more_in_the_beginning)
{
	uint64_t id;

	config.delay_warning = 4 * HOUR;
	id = submit("user@dead.example");
	live(id, RELAY_DESTINATION_DOWN);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_ge(times[i + 1] - times[i], MINUTE << i);
		ck_assert_int_le(times[i + 1] - times[i], (MINUTE << i) * 9 / 8 + 1);
	}
	expect_retries(4);
	ck_assert_int_eq(now - STARTED, 5 * DAY);
	ck_assert_int_ge(times[time_count - 1], 5 * DAY - 15 * MINUTE); /* at the very end, unless the host was found down right before */
	ck_assert_uint_eq(reports, 2);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_hundred_messages_to_a_dead_host_live_as_long_with_few_attempts)
{
	uint64_t id = 0;

	config.delay_warning = 4 * HOUR;
	for (int i = 0; i < 100; i++)
		id = submit("user@dead.example");
	live(id, RELAY_DESTINATION_DOWN);
	while (store_count(fixture.store) > 0) {
		pass_to(next_moment());
		fail_all(RELAY_DESTINATION_DOWN);
	}
	ck_assert_int_le(now - STARTED, 5 * DAY + HOUR);
	ck_assert_uint_ge(time_count, 100);
	ck_assert_uint_le(time_count, 5 * 24 * 4 + 20); /* one each quarter of an hour, whoever it is */
	ck_assert_uint_eq(reports, 200);
	pass_to(now + HOUR);
	pass_to(now + HOUR);
	ck_assert_uint_eq(schedule->remote.count, 0); /* forgotten */
}
END_TEST

START_TEST(a_life_goes_on_over_restarts)
{
	uint64_t id;

	config.delay_warning = 4 * HOUR;
	id = submit("user@far.example");
	run();
	time_count = reports = 0;
	for (int day = 0; day < 5; day++) {
		while (now - STARTED < day * DAY + HOUR * 6) {
			fail_all(RELAY_DESTINATION_UP);
			pass_to(next_moment());
		}
		fail_all(RELAY_DESTINATION_UP);
		fixture_settle();
		restart();
	}
	live(id, RELAY_DESTINATION_UP);
	ck_assert_int_eq(now - STARTED, 5 * DAY);
	ck_assert_uint_eq(reports, 1); /* the bounce; the warning was in the first life */
}
END_TEST

UNIT_MAIN_WITH("schedule_life", setup, teardown,
	a_message_that_is_always_deferred_is_retried_warned_about_once_and_returned_after_five_days,
	a_message_to_a_dead_host_lives_as_long_and_is_tried_a_few_times_more_in_the_beginning,
	a_hundred_messages_to_a_dead_host_live_as_long_with_few_attempts,
	a_life_goes_on_over_restarts)
