/*
 * The scheduler: what fails for good, and who is told.
 */
#include "t/unit/schedule_fixture.h"

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

int
main(void)
{
	Suite *suite = suite_create("schedule_returns");
	TCase *tests = tcase_create("schedule_returns");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_permanent_failure_is_returned_to_the_sender);
	tcase_add_test(tests, a_bounce_survives_a_restart_and_what_it_bounces_is_over);
	tcase_add_test(tests, a_null_reverse_path_never_gets_a_bounce);
	tcase_add_test(tests, notify_decides_who_is_told);
	tcase_add_test(tests, a_bounce_that_leads_to_another_domain_is_relayed);
	tcase_add_test(tests, a_message_is_returned_at_the_end_of_its_lifetime);
	tcase_add_test(tests, recipients_that_fail_together_are_one_bounce);
	tcase_add_test(tests, thousands_of_failures_are_a_few_bounces);
	tcase_add_test(tests, a_failed_disk_loses_no_bounce);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
