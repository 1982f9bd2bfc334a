/*
 * The scheduler: mail that is given up and returned to its sender.
 */
#include "queued/payload_deferral.h"
#include "t/unit/schedule_report.h"

/* ---- giving up ---- */

START_TEST(a_permanent_failure_is_returned_to_the_sender)
{
	uint64_t id = submit("user@example.org");

	run();
	finish_job(JOB_PERMANENT, "5.2.1", "no");
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(local.job_count, 1); /* the bounce, to the sender */
	ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
	ck_assert(slice_equal(STAILQ_FIRST(&local.jobs[0]->targets)->address, SLICE("sender@example.org")));
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_bounce_survives_a_restart_and_what_it_bounces_is_over)
{
	uint64_t id = submit("nobody@example.org");

	run();
	ck_assert_uint_eq(local.job_count, 1);
	restart();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
}
END_TEST

START_TEST(a_null_reverse_path_never_gets_a_bounce)
{
	const char *recipient = "nobody@example.org";

	submit_from("", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(notify_decides_who_is_told)
{
	const char *recipient = "nobody@example.org";

	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_NEVER);
	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY);
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
	submit_from("sender@example.org", &recipient, 1, ENVELOPE_NOTIFY_FAILURE);
	run();
	ck_assert_uint_eq(local.job_count, 1);
}
END_TEST

START_TEST(a_bounce_that_leads_to_another_domain_is_relayed)
{
	const char *recipient = "nobody@example.org";

	submit_from("far@elsewhere.example", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(relay.job_count, 1);
	ck_assert_uint_eq(job_sender(relay.jobs[0]).length, 0);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_is_returned_at_the_end_of_its_lifetime)
{
	uint64_t id = submit("user@example.org");
	int64_t end = now + config.queue_lifetime;
	size_t attempts = 0;

	run();
	while (store_find(fixture.store, id) != NULL) {
		ck_assert_uint_lt(attempts++, 200);
		finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
		if (store_find(fixture.store, id) == NULL)
			break;
		now = schedule_due(schedule);
		ck_assert_int_le(now, end);
		turn_wanted = true;
		run();
	}
	ck_assert_int_eq(now, end); /* the last attempt is at the very end */
	ck_assert_uint_ge(attempts, 70);
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
}
END_TEST

START_TEST(recipients_that_fail_together_are_one_bounce)
{
	const char *recipients[] = { "nobody1@example.org", "user@example.org", "nobody2@example.org" };

	submit_from("sender@example.org", recipients, 3, 0);
	run();
	ck_assert_uint_eq(local.job_count, 1);
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(local.job_count, 1); /* one */
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(thousands_of_failures_are_a_few_bounces)
{
	static const char *list[2500];

	for (size_t i = 0; i < 2500; i++)
		list[i] = "nobody@example.org";
	submit_from("sender@example.org", list, 2500, 0);
	run();
	ck_assert_uint_eq(local.job_count, 3);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_failed_disk_loses_no_bounce)
{
	uint64_t id = submit("nobody@example.org");

	one_turn();
	answer_questions();
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	store_retry(fixture.store);
	fixture_answer(0);
	run();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(local.job_count, 1);
	restart();
	ck_assert_uint_eq(local.job_count, 1);
}
END_TEST

/* ---- reports that cannot be delivered ---- */

START_TEST(a_bounce_that_cannot_be_delivered_goes_to_the_postmaster)
{
	const char *recipient = "nobody@example.org";

	strlcpy(config.double_bounce_to, "postmaster@example.org", sizeof(config.double_bounce_to));
	submit_from("nobody2@example.org", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(slice_equal(STAILQ_FIRST(&local.jobs[0]->targets)->address, SLICE("postmaster@example.org")));
	ck_assert(is_report(local.jobs[0]));
	ck_assert(says(local.jobs[0], "Final-Recipient: rfc822; nobody2@example.org\r\n"));
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(the_report_of_a_report_is_the_last_one_also_after_a_restart)
{
	const char *recipient = "nobody@example.org";

	strlcpy(config.double_bounce_to, "postmaster@example.org", sizeof(config.double_bounce_to));
	submit_from("", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(local.job_count, 1);
	restart();
	ck_assert_uint_eq(local.job_count, 1);
	finish_job(JOB_PERMANENT, "5.2.2", "mailbox full");
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_double_bounce_to_an_address_that_does_not_exist_ends)
{
	const char *recipient = "nobody@example.org";

	strlcpy(config.double_bounce_to, "nobody3@example.org", sizeof(config.double_bounce_to));
	submit_from("", &recipient, 1, 0);
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- attempts ---- */

START_TEST(a_deferral_tells_what_was_said_at_the_attempts_before_it)
{
	uint64_t id = submit("user@example.org");
	const char *words[] = { "second", "first" };
	struct deferral deferral;
	struct deferral_reason reason;
	struct record *record;

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "first");
	fixture_settle();
	pass_to(schedule_due(schedule));
	finish_job(JOB_TEMPORARY, "4.2.2", "second");
	fixture_settle();
	restart();
	ck_assert_int_eq(store_read_deferral(store_find(fixture.store, id), &record), 0);
	ck_assert_int_eq(deferral_parse(record_payload_slice(record), &deferral), 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(deferral_next(&deferral, &reason), 1);
		ck_assert(slice_equal(reason.text, slice_from_string(words[i])));
	}
	ck_assert_int_eq(reason.when, STARTED);
	ck_assert_int_eq(deferral_next(&deferral, &reason), 0);
	record_release(&record);
}
END_TEST

UNIT_MAIN_WITH("schedule_returns", setup, teardown,
	a_permanent_failure_is_returned_to_the_sender,
	a_bounce_survives_a_restart_and_what_it_bounces_is_over,
	a_null_reverse_path_never_gets_a_bounce,
	notify_decides_who_is_told,
	a_bounce_that_leads_to_another_domain_is_relayed,
	a_message_is_returned_at_the_end_of_its_lifetime,
	recipients_that_fail_together_are_one_bounce,
	thousands_of_failures_are_a_few_bounces,
	a_failed_disk_loses_no_bounce,
	a_bounce_that_cannot_be_delivered_goes_to_the_postmaster,
	the_report_of_a_report_is_the_last_one_also_after_a_restart,
	a_double_bounce_to_an_address_that_does_not_exist_ends,
	a_deferral_tells_what_was_said_at_the_attempts_before_it)
