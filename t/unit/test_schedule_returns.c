/*
 * The scheduler: what fails for good, and who is told.
 */
#include "queued/payload_deferral.h"
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

/* ---- late ---- */

static bool
says(const struct job *job, const char *words)
{
	struct active *active = job->consignment->active;
	struct slice body;

	ck_assert_int_eq(active_load(active), 0);
	body = active->payload.body;
	return memmem(body.data, body.length, words, strlen(words)) != NULL;
}

static bool
is_report(const struct job *job)
{
	return says(job, "multipart/report");
}

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

/* ---- success ---- */

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
	in_five_days_a_sender_gets_one_warning_and_one_bounce,
	a_warning_is_not_repeated_after_a_restart,
	a_warning_that_was_not_synced_comes_after_the_restart,
	a_sender_is_warned_of_an_address_that_cannot_be_looked_up,
	only_persons_who_want_to_know_are_warned,
	a_delivery_and_its_report_are_one_record,
	nobody_is_told_of_success_without_having_asked,
	a_message_that_is_not_in_memory_is_read_back_for_its_report,
	relaying_is_reported_when_the_next_hop_does_not,
	an_alias_with_several_targets_is_reported_as_expanded_before_its_members_get_anything,
	members_of_an_alias_inherit_all_but_success,
	success_and_failure_in_one_message_are_both_told,
	a_failed_disk_loses_no_report_of_success,
	a_bounce_that_cannot_be_delivered_goes_to_the_postmaster,
	the_report_of_a_report_is_the_last_one_also_after_a_restart,
	a_double_bounce_to_an_address_that_does_not_exist_ends,
	a_deferral_tells_what_was_said_at_the_attempts_before_it)
