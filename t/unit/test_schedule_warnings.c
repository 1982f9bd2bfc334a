/*
 * The scheduler: senders are warned of mail that is late.
 */
#include "t/unit/schedule_report.h"

/* Delivers the reports that wait, and defers all else. Returns how many reports say WORDS. */
static size_t
defer_all(const char *words)
{
	size_t found = 0;

	while (local.job_count > 0) {
		bool report = is_report(local.jobs[0]);

		found += report && says(local.jobs[0], words) ? 1 : 0;
		if (report)
			finish_job(JOB_DONE, "2.1.5", "");
		else
			finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	}
	return found;
}

/* Lets time pass until AGE or the end of all messages; returns how many reports said WORDS. */
static size_t
live_until(int64_t age, const char *words)
{
	size_t found = defer_all(words);

	while (store_count(fixture.store) > 0 && schedule_due(schedule) <= STARTED + age) {
		pass_to(schedule_due(schedule));
		found += defer_all(words);
	}
	return found;
}

START_TEST(in_five_days_a_sender_gets_one_warning_and_one_bounce)
{
	config.delay_warning = 4 * 3600;
	submit("user@example.org");
	run();
	ck_assert_uint_eq(live_until(4 * 3600 - 1, "Action:"), 0);
	ck_assert_uint_eq(live_until(5 * 3600, "Action: delayed"), 1);
	ck_assert_uint_eq(live_until(5 * 24 * 3600 - 1, "Action:"), 0);
	ck_assert_uint_eq(live_until(6 * 24 * 3600, "Action: failed"), 1);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_warning_is_not_repeated_after_a_restart)
{
	uint64_t id = submit("user@example.org");

	config.delay_warning = 3600;
	run();
	ck_assert_uint_eq(live_until(2 * 3600, "Action: delayed"), 1);
	ck_assert(store_find(fixture.store, id)->warned);
	fixture_settle();
	restart();
	ck_assert(store_find(fixture.store, id)->warned);
	ck_assert_uint_eq(live_until(24 * 3600, "Action: delayed"), 0);
}
END_TEST

START_TEST(a_warning_that_was_not_synced_comes_after_the_restart)
{
	uint64_t id = submit("user@example.org");

	config.delay_warning = 3600;
	run();
	live_until(3600 - 1, "x");
	pass_to(STARTED + 2 * 3600);
	report(take_job(&local), JOB_TEMPORARY, "4.2.2", "mailbox full", -1); /* the warning is appended, and no more */
	ck_assert(!store_find(fixture.store, id)->warned);
	restart();
	ck_assert(!store_find(fixture.store, id)->warned);
	ck_assert_uint_eq(live_until(3 * 3600, "Action: delayed"), 1);
}
END_TEST

START_TEST(a_sender_is_warned_of_an_address_that_cannot_be_looked_up)
{
	config.delay_warning = 4 * 3600;
	submit("later@example.org");
	run();
	ck_assert_uint_eq(live_until(4 * 3600 - 1, "Action:"), 0);
	ck_assert_uint_eq(live_until(5 * 3600, "Action: delayed"), 1);
	ck_assert_uint_eq(live_until(6 * 24 * 3600, "Action:"), 0);
	ck_assert_uint_eq(store_count(fixture.store), 1);
}
END_TEST

static size_t
warnings_for(const char *sender, uint8_t notify, const char *text)
{
	const char *recipient = "user@example.org";

	letter = slice_from_string(text);
	submit_from(sender, &recipient, 1, notify);
	run();
	return live_until(now - STARTED + 2 * 3600, "Action: delayed");
}

START_TEST(only_persons_who_want_to_know_are_warned)
{
	const char *sender = "sender@example.org";
	const char *plain = "Subject: x\r\n\r\ntext\r\n";

	config.delay_warning = 60;
	ck_assert_uint_eq(warnings_for("", 0, plain), 0);
	ck_assert_uint_eq(warnings_for(sender, ENVELOPE_NOTIFY_NEVER, plain), 0);
	ck_assert_uint_eq(warnings_for(sender, ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_SUCCESS, plain), 0);
	ck_assert_uint_eq(warnings_for(sender, 0, "List-Id: <a.example.org>\r\n\r\ntext\r\n"), 0);
	ck_assert_uint_eq(warnings_for(sender, 0, "Precedence: junk\r\n\r\ntext\r\n"), 0);
	ck_assert_uint_eq(warnings_for(sender, ENVELOPE_NOTIFY_DELAY, plain), 1);
	ck_assert_uint_eq(warnings_for(sender, 0, plain), 1);
	config.delay_warning = 0;
	ck_assert_uint_eq(warnings_for(sender, 0, plain), 0);
}
END_TEST

UNIT_MAIN_WITH("schedule_warnings", setup, teardown,
	in_five_days_a_sender_gets_one_warning_and_one_bounce,
	a_warning_is_not_repeated_after_a_restart,
	a_warning_that_was_not_synced_comes_after_the_restart,
	a_sender_is_warned_of_an_address_that_cannot_be_looked_up,
	only_persons_who_want_to_know_are_warned)
