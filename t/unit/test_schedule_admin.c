/*
 * The scheduler: what the administrator orders, at every point of a message's way.
 */
#include "t/unit/schedule_fixture.h"

static struct message *
find(uint64_t id)
{
	return store_find(fixture.store, id);
}

/* Where the first recipient's report goes: the sender of the only message that is left. */
static void
expect_report(void)
{
	run();
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}

/* ---- hold ---- */

START_TEST(a_held_message_is_not_tried_and_a_released_one_is_at_once)
{
	uint64_t id = submit("later@example.org");

	run();
	ck_assert(schedule_hold(schedule, find(id)));
	ck_assert(!schedule_hold(schedule, find(id)));
	ck_assert_int_eq(schedule_due(schedule), INT64_MAX);
	pass_to(now + 24 * 60 * 60);
	ck_assert_uint_eq(question_count, 0);
	ck_assert(!schedule_retry(schedule, find(id)));
	ck_assert(schedule_release(schedule, find(id)));
	ck_assert(!schedule_release(schedule, find(id)));
	ck_assert_int_eq(schedule_due(schedule), now);
}
END_TEST

START_TEST(a_message_that_is_held_while_it_is_asked_about_goes_no_further)
{
	uint64_t id = submit("user@example.org");

	one_turn();
	ck_assert_uint_eq(question_count, 1);
	ck_assert(schedule_hold(schedule, find(id)));
	answer_questions();
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_ptr_null(find(id)->active);
	schedule_release(schedule, find(id));
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(what_is_handed_out_is_finished_and_nothing_else_begins)
{
	uint64_t id;

	local.credit = 1;
	id = submit_many(250); /* three jobs */
	run();
	ck_assert_uint_eq(local.job_count, 1);
	schedule_hold(schedule, find(id));
	local.credit = 100;
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_ptr_null(find(id)->active);
	ck_assert_uint_eq(find(id)->live, 150);
	schedule_release(schedule, find(id));
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_held_message_stays_held_after_a_restart)
{
	uint64_t id = submit("user@example.org");

	schedule_hold(schedule, find(id));
	fixture_settle();
	restart();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert(find(id)->held);
	schedule_release(schedule, find(id));
	fixture_settle();
	restart();
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
}
END_TEST

/* ---- retry ---- */

START_TEST(a_deferred_message_is_retried_at_once)
{
	uint64_t id = submit("user@example.org");

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert(schedule_retry(schedule, find(id)));
	run();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert(!schedule_retry(schedule, find(id)));
	deliver_all();
}
END_TEST

START_TEST(a_message_for_a_destination_that_is_down_is_retried_at_once)
{
	uint64_t id = submit("user@down.example");

	run();
	relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "no route");
	ck_assert_uint_eq(relay.job_count, 0);
	ck_assert(schedule_retry(schedule, find(id)));
	run();
	ck_assert_uint_eq(relay.job_count, 1);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- return ---- */

START_TEST(a_message_that_waits_is_returned_to_its_sender)
{
	uint64_t id = submit("user@example.org");

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	schedule_return(schedule, find(id));
	expect_report();
}
END_TEST

START_TEST(a_held_message_is_returned_to_its_sender)
{
	uint64_t id = submit("user@example.org");

	schedule_hold(schedule, find(id));
	run();
	schedule_return(schedule, find(id));
	expect_report();
}
END_TEST

START_TEST(a_message_in_a_round_is_returned_after_it)
{
	uint64_t id;

	local.credit = 1;
	id = submit_many(150); /* two jobs */
	run();
	schedule_return(schedule, find(id));
	run();
	local.credit = 100;
	finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_ptr_null(find(id));
	expect_report();
}
END_TEST

START_TEST(a_return_that_was_ordered_happens_after_a_restart)
{
	uint64_t id;

	local.credit = 1;
	id = submit("user@example.org");
	run();
	schedule_return(schedule, find(id));
	fixture_settle();
	restart();
	ck_assert_ptr_null(find(id));
	expect_report();
}
END_TEST

START_TEST(a_message_with_a_null_sender_is_returned_to_nobody)
{
	const char *recipient = "later@example.org";
	uint64_t id = submit_from("", &recipient, 1, 0);

	run();
	schedule_return(schedule, find(id));
	run();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- remove ---- */

START_TEST(a_message_that_waits_is_removed_and_stays_so)
{
	uint64_t id = submit("later@example.org");

	run();
	schedule_remove(schedule, find(id));
	ck_assert_ptr_null(find(id));
	fixture_settle();
	restart();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_is_removed_while_it_is_asked_about)
{
	uint64_t id = submit("user@example.org");

	one_turn();
	schedule_remove(schedule, find(id));
	answer_questions();
	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_is_removed_while_its_expansion_is_written)
{
	uint64_t id = submit("list@example.org");

	one_turn();
	answer_questions(); /* the EXPANSION is appended */
	ck_assert_uint_eq(find(id)->active->expanding, 1);
	schedule_remove(schedule, find(id));
	run();
	ck_assert_uint_eq(local.job_count + relay.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
	fixture_settle();
	restart();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_is_removed_while_a_worker_has_it_and_nobody_is_told)
{
	static const enum job_result results[] = { JOB_DONE, JOB_TEMPORARY, JOB_PERMANENT };

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		uint64_t id = submit("user@example.org");

		run();
		schedule_remove(schedule, find(id));
		run();
		ck_assert_uint_eq(local.job_count, 1);
		finish_job(results[i], "5.1.1", "no");
		ck_assert_uint_eq(store_count(fixture.store), 0);
		ck_assert_uint_eq(local.job_count, 0);
	}
}
END_TEST

START_TEST(a_worker_that_dies_with_a_removed_message_takes_it_along)
{
	uint64_t id = submit("user@example.org");

	run();
	schedule_remove(schedule, find(id));
	lose_job(&local);
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_parked_message_is_held_and_removed)
{
	uint64_t id = submit("user@down.example");

	run();
	relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "no route");
	schedule_hold(schedule, find(id));
	pass_to(now + 60 * 60);
	ck_assert_uint_eq(relay.job_count, 0);
	schedule_remove(schedule, find(id));
	pass_to(now + 60 * 60);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

UNIT_MAIN_WITH("schedule_admin", setup, teardown,
	a_held_message_is_not_tried_and_a_released_one_is_at_once,
	a_message_that_is_held_while_it_is_asked_about_goes_no_further,
	what_is_handed_out_is_finished_and_nothing_else_begins,
	a_held_message_stays_held_after_a_restart,
	a_deferred_message_is_retried_at_once,
	a_message_for_a_destination_that_is_down_is_retried_at_once,
	a_message_that_waits_is_returned_to_its_sender,
	a_held_message_is_returned_to_its_sender,
	a_message_in_a_round_is_returned_after_it,
	a_return_that_was_ordered_happens_after_a_restart,
	a_message_with_a_null_sender_is_returned_to_nobody,
	a_message_that_waits_is_removed_and_stays_so,
	a_message_is_removed_while_it_is_asked_about,
	a_message_is_removed_while_its_expansion_is_written,
	a_message_is_removed_while_a_worker_has_it_and_nobody_is_told,
	a_worker_that_dies_with_a_removed_message_takes_it_along,
	a_parked_message_is_held_and_removed)
