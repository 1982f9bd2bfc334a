/*
 * The scheduler: rounds of delivery, memory, and damage.
 */
#include "t/unit/schedule_fixture.h"

/* ---- delivery ---- */

START_TEST(a_message_is_handed_to_a_worker_and_is_over_when_it_is_delivered)
{
	uint64_t id = submit("user@example.org");

	run();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(local.jobs[0]->count, 1);
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	deliver_all();
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

START_TEST(without_a_worker_messages_wait_and_go_when_one_comes)
{
	fake_set(&local, 0);
	submit("user@example.org");
	submit("user@example.org");
	run();
	ck_assert_uint_eq(local.job_count, 0);
	fake_set(&local, 1);
	schedule_transport_ready(schedule);
	run();
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(many_recipients_go_in_jobs_of_a_hundred)
{
	submit_many(250);
	run();
	ck_assert_uint_eq(local.job_count, 3);
	ck_assert_uint_eq(local.jobs[0]->count, 100);
	ck_assert_uint_eq(local.jobs[2]->count, 50);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_to_thousands_does_not_hold_up_a_later_one)
{
	fake_set(&local, 1);
	submit_many(RECIPIENTS_MAX);
	run();
	submit("single@example.org");
	run();
	finish_job(JOB_DONE, "2.1.5", "");
	if (local.jobs[0]->count != 1)
		finish_job(JOB_DONE, "2.1.5", "");
	ck_assert_uint_eq(local.jobs[0]->count, 1);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_list_is_expanded_once_and_its_targets_survive_a_restart)
{
	const char *recipients[] = { "list@example.org", "user@example.org" };
	uint64_t id = submit_from("sender@example.org", recipients, 2, 0);
	struct message *message;

	run();
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(local.jobs[0]->count, 3); /* the user and two of the list */
	ck_assert_uint_eq(relay.job_count, 1);      /* the third is remote */
	restart();
	message = store_find(fixture.store, id);
	ck_assert_int_eq(message_state(message, 0), RECIPIENT_EXPANDED);
	ck_assert_uint_eq(message->index_count, 5);
	ck_assert_uint_eq(local.job_count, 1);
	ck_assert_uint_eq(local.jobs[0]->count, 3);
	ck_assert_uint_eq(relay.job_count, 1);
	deliver_all();
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(targets_are_not_delivered_before_their_expansion_is_durable)
{
	submit("list@example.org");
	one_turn();
	answer_questions();
	store_flush(fixture.store);
	schedule_turn(schedule);
	ck_assert_uint_eq(local.job_count, 0);
	fixture_answer(0);
	run();
	ck_assert_uint_eq(local.job_count, 1);
}
END_TEST

START_TEST(questions_that_were_lost_are_asked_again)
{
	submit("user@example.org");
	one_turn();
	ck_assert_uint_eq(question_count, 1);
	lose_questions();
	one_turn();
	ck_assert_uint_eq(question_count, 0);
	expander_down = false;
	schedule_expander_up(schedule);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- memory and damage ---- */

START_TEST(a_message_whose_record_is_damaged_is_removed_and_kept_aside)
{
	uint64_t id;
	struct place place;
	int fd;

	config.queue_memory = 0; /* read back */
	fake_set(&local, 0);
	id = submit("user@example.org");
	place = store_find(fixture.store, id)->place;
	fd = open(fixture_path("segment", "0000000000000001"), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)place.offset + 50), 6);
	close(fd);
	run();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("damaged"), 1);
}
END_TEST

START_TEST(bodies_beyond_the_memory_limit_are_read_back)
{
	config.queue_memory = 0;
	for (size_t i = 0; i < 50; i++)
		submit("user@example.org");
	run();
	ck_assert_uint_eq(local.job_count, 50);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(messages_that_wait_for_a_worker_keep_within_the_memory_limit)
{
	size_t most = 0;

	config.queue_memory = 1000;
	fake_set(&local, 0);
	for (size_t i = 0; i < 200; i++)
		submit("user@example.org");
	while (turn_wanted || fixture.woken || question_count > 0) {
		one_turn();
		most = schedule->memory > most ? schedule->memory : most;
		answer_questions();
	}
	ck_assert_uint_le(most, 1000 + 200); /* and one record more */
	ck_assert_uint_le(schedule->memory, 1000);
	fake_set(&local, 200);
	schedule_transport_ready(schedule);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

UNIT_MAIN_WITH("schedule", setup, teardown,
	a_message_is_handed_to_a_worker_and_is_over_when_it_is_delivered,
	without_a_worker_messages_wait_and_go_when_one_comes,
	many_recipients_go_in_jobs_of_a_hundred,
	a_message_to_thousands_does_not_hold_up_a_later_one,
	a_list_is_expanded_once_and_its_targets_survive_a_restart,
	targets_are_not_delivered_before_their_expansion_is_durable,
	questions_that_were_lost_are_asked_again,
	a_message_whose_record_is_damaged_is_removed_and_kept_aside,
	bodies_beyond_the_memory_limit_are_read_back,
	messages_that_wait_for_a_worker_keep_within_the_memory_limit)
