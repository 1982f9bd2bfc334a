/*
 * The scheduler: a delivery service that is not running, and what its messages' senders hear of it.
 */
#include "t/unit/schedule_fixture.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

static void
pass_by_minutes(int64_t until)
{
	while (now < until)
		pass_to(now + MINUTE);
}

/* Delivers what is there; returns how many reports were among it. */
static size_t
deliver_reports(void)
{
	size_t count = 0;

	while (local.job_count > 0) {
		count += job_sender(local.jobs[0]).length == 0 ? 1 : 0;
		finish_job(JOB_DONE, "2.1.5", "");
	}
	return count;
}

static void
go(struct fake *fake)
{
	fake_set(fake, 0);
	schedule_transport_ready(schedule);
	run();
}

static void
come(struct fake *fake)
{
	fake_set(fake, 100);
	schedule_transport_ready(schedule);
	run();
}

START_TEST(a_short_absence_ends_no_round)
{
	go(&relay);
	submit("user@far.example");
	run();
	pass_by_minutes(STARTED + 4 * MINUTE);
	ck_assert_uint_eq(schedule->actives, 1);
	come(&relay);
	ck_assert_uint_eq(relay.job_count, 1);
}
END_TEST

START_TEST(messages_wait_outside_of_rounds_for_a_service_that_does_not_come)
{
	uint64_t id;

	go(&relay);
	id = submit("user@far.example");
	run();
	ck_assert_int_le(schedule_due_ticks(schedule), present_ticks(NULL) + 5 * MINUTE * 1000);
	pass_by_minutes(STARTED + 6 * MINUTE);
	submit("user@other.example");
	run();
	ck_assert_uint_eq(schedule->actives, 0);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 0);
}
END_TEST

START_TEST(they_go_as_soon_as_it_is_there)
{
	go(&relay);
	for (int i = 0; i < 300; i++)
		submit("user@far.example");
	submit("user@other.example");
	run();
	pass_by_minutes(STARTED + 10 * HOUR);
	come(&relay);
	ck_assert_uint_ge(relay.job_count, 6);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(an_absence_takes_nothing_away_from_others)
{
	go(&relay);
	submit("user@far.example");
	run();
	pass_by_minutes(STARTED + HOUR);
	submit("mailbox@example.org");
	run();
	ck_assert_uint_eq(local.job_count, 1);
}
END_TEST

START_TEST(senders_are_warned_once_and_mail_is_returned_after_five_days)
{
	config.delay_warning = 4 * HOUR;
	go(&relay);
	submit("user@far.example");
	run();
	pass_by_minutes(STARTED + 4 * HOUR - MINUTE);
	ck_assert_uint_eq(deliver_reports(), 0);
	pass_by_minutes(STARTED + 5 * HOUR);
	ck_assert_uint_eq(deliver_reports(), 1);
	pass_by_minutes(STARTED + 5 * DAY - MINUTE);
	ck_assert_uint_eq(deliver_reports(), 0);
	ck_assert_uint_eq(store_count(fixture.store), 1);
	pass_by_minutes(STARTED + 5 * DAY + MINUTE);
	ck_assert_uint_eq(deliver_reports(), 1);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(thousands_that_wait_are_warned_about_too)
{
	config.delay_warning = 4 * HOUR;
	go(&relay);
	for (int i = 0; i < 8000; i++) {
		submit("user@far.example");
		if (i % 100 == 99)
			run();
	}
	pass_by_minutes(STARTED + 5 * HOUR);
	ck_assert_uint_eq(deliver_reports(), 8000);
	ck_assert_uint_eq(schedule->actives, 0);
}
END_TEST

START_TEST(what_a_local_delivery_would_have_taken_is_returned_when_it_is_back)
{
	config.delay_warning = 4 * HOUR;
	go(&local);
	submit("mailbox@example.org");
	run();
	pass_by_minutes(STARTED + 5 * DAY + HOUR);
	ck_assert_uint_eq(local.job_count, 0);
	come(&local);
	ck_assert_uint_eq(deliver_reports(), 2);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_restart_gives_the_service_time_to_start_before_mail_is_returned)
{
	go(&relay);
	submit("user@far.example");
	run();
	fixture_settle();
	now += 6 * DAY;
	restart();
	ck_assert_uint_eq(store_count(fixture.store), 1);
	come(&relay);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

UNIT_MAIN_WITH("schedule_absent", setup, teardown,
	a_short_absence_ends_no_round,
	messages_wait_outside_of_rounds_for_a_service_that_does_not_come,
	they_go_as_soon_as_it_is_there,
	an_absence_takes_nothing_away_from_others,
	senders_are_warned_once_and_mail_is_returned_after_five_days,
	thousands_that_wait_are_warned_about_too,
	what_a_local_delivery_would_have_taken_is_returned_when_it_is_back,
	a_restart_gives_the_service_time_to_start_before_mail_is_returned)
