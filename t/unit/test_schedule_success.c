/*
 * The scheduler: success is reported to who asked for it (RFC 3461).
 */
#include "t/unit/schedule_report.h"

static uint64_t
submit_asking(const char *recipient, uint8_t notify)
{
	return submit_from("sender@example.org", &recipient, 1, notify);
}

START_TEST(a_delivery_and_its_report_are_one_record)
{
	uint64_t id = submit_asking("user@example.org", ENVELOPE_NOTIFY_SUCCESS);

	run();
	report(take_job(&local), JOB_DONE, "2.1.5", "", -1); /* the report is appended, and no more */
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	restart();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(!is_report(local.jobs[0])); /* delivered again, and never without a report */
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_ptr_null(store_find(fixture.store, id));
	restart();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(says(local.jobs[0], "Action: delivered\r\n"));
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(nobody_is_told_of_success_without_having_asked)
{
	submit_asking("user@example.org", 0);
	submit_asking("user@example.org", ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY);
	submit_asking("user@example.org", ENVELOPE_NOTIFY_NEVER);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_that_is_not_in_memory_is_read_back_for_its_report)
{
	config.queue_memory = 0;
	submit_asking("user@example.org", ENVELOPE_NOTIFY_SUCCESS);
	run();
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(says(local.jobs[0], "Action: delivered\r\n"));
}
END_TEST

/* A relay job ends well; DSN: the next hop reports. */
static void
relay_one(bool dsn)
{
	struct job *job = take_job(&relay);
	struct verdict verdict = { .status = SLICE("2.0.0"), .text = SLICE("250 ok"), .remote = SLICE("mx.far.example [192.0.2.1]:25"),
	                           .dsn = dsn };

	job_result(job, STAILQ_FIRST(&job->targets), JOB_DONE, &verdict);
	destination_learn(job, RELAY_DESTINATION_UP, &verdict);
	job_end(job);
	run();
}

START_TEST(relaying_is_reported_when_the_next_hop_does_not)
{
	submit_asking("user@far.example", ENVELOPE_NOTIFY_SUCCESS);
	run();
	relay_one(false);
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(says(local.jobs[0], "Action: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx.far.example\r\n"
	                              "Diagnostic-Code: smtp; 250 ok\r\n"));
	deliver_all();
	submit_asking("user@far.example", ENVELOPE_NOTIFY_SUCCESS);
	run();
	relay_one(true);
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(an_alias_with_several_targets_is_reported_as_expanded_before_its_members_get_anything)
{
	submit_asking("list@example.org", ENVELOPE_NOTIFY_SUCCESS);
	one_turn();
	answer_questions();
	ck_assert_uint_eq(local.job_count, 0);
	run();
	ck_assert_uint_eq(local.job_count, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert(!is_report(local.jobs[i]) || says(local.jobs[i], "Action: expanded\r\n"));
	ck_assert(is_report(local.jobs[0]) != is_report(local.jobs[1]));
	deliver_all();
	relay_one(false);
	ck_assert_uint_eq(local.job_count, 0); /* RFC 3461 5.2.7.3 (c): nothing more */
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(members_of_an_alias_inherit_all_but_success)
{
	struct active *active;

	submit_asking("list@example.org", ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE);
	run();
	active = relay.jobs[0]->consignment->active;
	ck_assert_int_eq(active_load(active), 0);
	ck_assert_uint_eq(active_notify(active, STAILQ_FIRST(&relay.jobs[0]->targets)->index), ENVELOPE_NOTIFY_FAILURE);
	relay_all();
	deliver_all();
	submit_asking("list@example.org", ENVELOPE_NOTIFY_SUCCESS);
	run();
	active = relay.jobs[0]->consignment->active;
	ck_assert_int_eq(active_load(active), 0);
	ck_assert_uint_eq(active_notify(active, STAILQ_FIRST(&relay.jobs[0]->targets)->index), ENVELOPE_NOTIFY_NEVER);
	relay_finish(RELAY_DESTINATION_UP, JOB_PERMANENT, "550 no");
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(success_and_failure_in_one_message_are_both_told)
{
	const char *recipients[] = { "nobody@example.org", "user@example.org" };
	size_t delivered = 0, failed = 0;

	submit_from("sender@example.org", recipients, 2, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE);
	run();
	while (local.job_count > 0) {
		delivered += is_report(local.jobs[0]) && says(local.jobs[0], "Action: delivered") ? 1 : 0;
		failed += is_report(local.jobs[0]) && says(local.jobs[0], "Action: failed") ? 1 : 0;
		finish_job(JOB_DONE, "2.1.5", "");
	}
	ck_assert_uint_eq(delivered, 1);
	ck_assert_uint_eq(failed, 1);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_failed_disk_loses_no_report_of_success)
{
	uint64_t id = submit_asking("user@example.org", ENVELOPE_NOTIFY_SUCCESS);

	run();
	report(take_job(&local), JOB_DONE, "2.1.5", "", -1);
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	store_retry(fixture.store);
	fixture_answer(0);
	run();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(is_report(local.jobs[0]));
}
END_TEST

UNIT_MAIN_WITH("schedule_success", setup, teardown,
	a_delivery_and_its_report_are_one_record,
	nobody_is_told_of_success_without_having_asked,
	a_message_that_is_not_in_memory_is_read_back_for_its_report,
	relaying_is_reported_when_the_next_hop_does_not,
	an_alias_with_several_targets_is_reported_as_expanded_before_its_members_get_anything,
	members_of_an_alias_inherit_all_but_success,
	success_and_failure_in_one_message_are_both_told,
	a_failed_disk_loses_no_report_of_success)
