/*
 * The scheduler: when what was deferred is tried again.
 */
#include "t/unit/schedule_fixture.h"

/* ---- trying again ---- */

START_TEST(a_deferred_message_is_tried_again_when_it_is_due)
{
	uint64_t id = submit("user@example.org");
	int64_t due;

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	ck_assert_uint_eq(local.job_count, 0);
	due = schedule_due(schedule);
	ck_assert_int_ge(due, now + 15 * 60);
	ck_assert_int_le(due, now + 16 * 60);
	now = due - 1;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(local.job_count, 0);
	now = due;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(attempts_and_the_next_time_survive_a_restart)
{
	uint64_t id = submit("user@example.org");
	int64_t due;

	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	due = schedule_due(schedule);
	fixture_settle();
	restart();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_int_eq(schedule_due(schedule), due);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 1);
}
END_TEST

START_TEST(only_the_recipients_that_failed_are_tried_again)
{
	struct job *job;
	struct target *target;

	submit_many(3);
	run();
	job = take_job(&local);
	STAILQ_FOREACH(target, &job->targets, link)
		job_result(job, target, target->index == 1 ? JOB_TEMPORARY : JOB_DONE, VERDICT("x", "later"));
	job_end(job);
	run();
	now = schedule_due(schedule);
	turn_wanted = true;
	run();
	ck_assert_uint_eq(local.jobs[0]->count, 1);
	ck_assert_uint_eq(STAILQ_FIRST(&local.jobs[0]->targets)->index, 1);
}
END_TEST

START_TEST(an_address_that_cannot_be_looked_up_is_tried_again_soon)
{
	submit("later@example.org");
	run();
	ck_assert_int_le(schedule_due(schedule), now + 60);
	ck_assert_uint_eq(store_count(fixture.store), 1);
}
END_TEST

START_TEST(an_address_that_cannot_be_looked_up_is_never_returned_for_its_age)
{
	submit("later@example.org");
	run();
	now += (int64_t)config.queue_lifetime + 24 * 3600;
	turn_wanted = true;
	run();
	ck_assert_uint_eq(local.job_count, 0); /* no bounce */
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_int_le(schedule_due(schedule), now + 15 * 60);
}
END_TEST

START_TEST(the_jobs_of_a_dead_worker_go_to_the_next_at_once)
{
	submit("user@example.org");
	run();
	lose_job(&local);
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_job_that_costs_two_workers_is_deferred)
{
	submit("user@example.org");
	run();
	lose_job(&local);
	lose_job(&local);
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_int_gt(schedule_due(schedule), now);
	ck_assert_int_lt(schedule_due(schedule), INT64_MAX);
}
END_TEST

START_TEST(nothing_is_handed_out_while_results_cannot_be_recorded)
{
	uint64_t id;

	fake_set(&local, 0);
	id = submit("user@example.org");
	run();
	fixture_add(1, SLICE("x"));
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert(store_is_broken(fixture.store));
	fake_set(&local, 100);
	schedule_turn(schedule);
	ck_assert_uint_eq(local.job_count, 0);
	store_retry(fixture.store);
	fixture_settle();
	turn_wanted = true;
	run();
	deliver_all();
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

START_TEST(a_clock_that_is_set_back_while_the_queue_runs_delays_nothing_for_longer_than_an_interval)
{
	submit("user@example.org");
	run();
	finish_job(JOB_TEMPORARY, "4.2.2", "mailbox full");
	now -= 30 * 24 * 3600;
	schedule_turn(schedule);
	ck_assert_int_le(schedule_due(schedule), now + 16 * 60);
	deliver_all();
}
END_TEST

/* ---- retry.c ---- */

START_TEST(retry_intervals_grow_with_age)
{
	ck_assert_int_eq(retry_next(&config, 0, 0, 0), 15 * 60);
	ck_assert_int_eq(retry_next(&config, 0, 4 * 3600 - 1, 0), 4 * 3600 - 1 + 15 * 60);
	ck_assert_int_gt(retry_next(&config, 0, 4 * 3600, 0), 4 * 3600 + 15 * 60);
	ck_assert_int_eq(retry_next(&config, 0, 4 * 24 * 3600, 0), 4 * 24 * 3600 + 2 * 3600);
}
END_TEST

START_TEST(a_clock_that_was_set_back_does_not_delay_for_longer_than_an_interval)
{
	ck_assert_int_le(retry_after_restart(&config, 0, 1000000, 100), 100 + 16 * 60);
	ck_assert_int_eq(retry_after_restart(&config, 0, 50, 100), 50);
}
END_TEST

UNIT_MAIN_WITH("schedule_retry", setup, teardown,
	a_deferred_message_is_tried_again_when_it_is_due,
	attempts_and_the_next_time_survive_a_restart,
	only_the_recipients_that_failed_are_tried_again,
	an_address_that_cannot_be_looked_up_is_tried_again_soon,
	an_address_that_cannot_be_looked_up_is_never_returned_for_its_age,
	the_jobs_of_a_dead_worker_go_to_the_next_at_once,
	a_job_that_costs_two_workers_is_deferred,
	nothing_is_handed_out_while_results_cannot_be_recorded,
	a_clock_that_is_set_back_while_the_queue_runs_delays_nothing_for_longer_than_an_interval,
	retry_intervals_grow_with_age,
	a_clock_that_was_set_back_does_not_delay_for_longer_than_an_interval)
