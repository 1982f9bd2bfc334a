/*
 * The scheduler: mail to other hosts, how much of it at once, and destinations that are down.
 */
#include "common/mail/address.h"
#include "t/unit/schedule_bulk.h"

static const struct destination *
destination_of(size_t job)
{
	return relay.jobs[job]->consignment->destination;
}

/* ---- where it goes ---- */

START_TEST(a_message_to_another_domain_goes_to_a_relay_worker)
{
	uint64_t id = submit("user@far.example");

	run();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(relay.job_count, 1);
	ck_assert_str_eq(destination_of(0)->key, "far.example");
	relay_all();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(schedule->remote.count, 0); /* nothing to remember */
}
END_TEST

START_TEST(recipients_of_one_domain_go_together_and_others_apart)
{
	const char *recipients[] = { "a@far.example", "b@other.example", "c@FAR.example", "d@example.org" };

	submit_from("sender@example.org", recipients, 4, 0);
	run();
	ck_assert_uint_eq(relay.job_count, 2);
	ck_assert_uint_eq(relay.jobs[0]->count + relay.jobs[1]->count, 3);
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_smarthost_is_one_destination)
{
	const char *recipients[] = { "a@smart1.example", "b@smart2.example" };

	submit_from("sender@example.org", recipients, 2, 0);
	run();
	ck_assert_uint_eq(relay.job_count, 1);
	ck_assert_uint_eq(relay.jobs[0]->count, 2);
	ck_assert_str_eq(destination_of(0)->key, "smtp://hub.example:587");
	ck_assert(slice_equal(destination_of(0)->route.host, SLICE("hub.example")));
	relay_all();
}
END_TEST

START_TEST(a_refused_domain_is_returned_and_a_void_one_forgotten)
{
	submit("user@void.example");
	run();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	submit("user@refused.example");
	run();
	ck_assert_uint_eq(relay.job_count, 0);
	ck_assert_uint_eq(local.job_count, 1); /* the bounce */
	ck_assert_uint_eq(job_sender(local.jobs[0]).length, 0);
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_domain_that_is_longer_than_any_is_returned_before_a_relay_worker_sees_it)
{
	char address[ADDRESS_SIZE_MAX] = "user@";

	memset(address + 5, 'x', ADDRESS_DOMAIN_MAX + 1);
	submit(address);
	run();
	ck_assert_uint_eq(relay.job_count, 0);
	ck_assert_uint_eq(local.job_count, 1); /* the bounce */
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(remote_recipients_end_as_relayed_deferred_and_failed_each_for_itself)
{
	const char *recipients[] = { "a@far.example", "b@far.example", "c@far.example" };
	uint64_t id = submit_from("sender@example.org", recipients, 3, 0);
	struct target *target;
	struct job *job;

	run();
	job = take_job(&relay);
	STAILQ_FOREACH(target, &job->targets, link)
		job_result(job, target, (enum job_result)target->index, VERDICT("x", "words"));
	destination_learn(job, RELAY_DESTINATION_UP, VERDICT("4.0.0", "words"));
	job_end(job);
	run();
	ck_assert_int_eq(message_state(store_find(fixture.store, id), 0), RECIPIENT_RELAYED);
	ck_assert_int_eq(message_state(store_find(fixture.store, id), 1), RECIPIENT_WAITING);
	ck_assert_int_eq(message_state(store_find(fixture.store, id), 2), RECIPIENT_BOUNCED);
	ck_assert_ptr_null(store_find(fixture.store, id)->waits_for); /* its own failure, not the destination's */
	deliver_all();
}
END_TEST

/* ---- the window ---- */

START_TEST(a_destination_gets_a_few_jobs_at_first_and_more_with_each_window_of_successes)
{
	submit_bulk(100, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 5);
	for (int i = 0; i < 5; i++)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 6);
	for (int i = 0; i < 6; i++)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 7);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(the_window_is_never_larger_than_relay_connections)
{
	config.relay_connections = 3;
	submit_bulk(100, "user@far.example");
	for (int i = 0; i < 50; i++) {
		ck_assert_uint_eq(relay.job_count, 3);
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	}
	relay_all();
}
END_TEST

START_TEST(a_destination_that_wants_fewer_connections_gets_half_and_its_message_is_tried_again_soon)
{
	submit_bulk(20, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 5);
	relay_finish(RELAY_DESTINATION_FULL, JOB_TEMPORARY, "421 too many connections");
	ck_assert_uint_eq(relay.job_count, 4);
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 3); /* a window of 3 */
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 3);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0); /* the refused one, too, without time having passed */
}
END_TEST

START_TEST(one_job_at_a_time_is_the_least)
{
	submit_bulk(20, "user@far.example");
	for (int i = 0; i < 4; i++)
		relay_finish(RELAY_DESTINATION_FULL, JOB_TEMPORARY, "421 too many connections");
	ck_assert_uint_eq(relay.job_count, 1);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_rate_holds_back_a_destination_and_no_other)
{
	config.relay_rate = (struct bucket_rate){ 2, 10 };
	submit_bulk(4, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 2);
	submit("user@other.example");
	run();
	ck_assert_uint_eq(relay.job_count, 3);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 2);
	ck_assert_int_le(schedule_due_ticks(schedule), present_ticks(NULL) + 1000);
	for (int i = 0; i < 11; i++)
		pass_to(now + 1);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- down ---- */

START_TEST(a_destination_that_is_down_is_not_tried_by_every_message)
{
	uint64_t id;

	submit_bulk(20, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 5);
	relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "connection refused");
	ck_assert_uint_eq(relay.job_count, 4); /* those under way, and no others */
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "connection refused");
	id = submit("user@far.example");
	run();
	ck_assert_uint_eq(relay.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 21);
	ck_assert_uint_eq(store_find(fixture.store, id)->attempts, 1);
	ck_assert_uint_eq(schedule->actives, 0);
}
END_TEST

START_TEST(it_is_probed_by_one_message_after_growing_times)
{
	int64_t waits[] = { 1, 2, 4, 8 };

	submit_bulk(20, "user@far.example");
	for (int i = 0; i < 5; i++)
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		int64_t down = now;

		pass_to(down + waits[i] * MINUTE - 1);
		ck_assert_uint_eq(relay.job_count, 0);
		pass_to(down + waits[i] * MINUTE * 9 / 8 + 1);
		ck_assert_uint_eq(relay.job_count, 1);
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
		ck_assert_uint_eq(relay.job_count, 0);
	}
}
END_TEST

START_TEST(a_probe_that_succeeds_opens_it_and_what_waits_goes_soon)
{
	submit_bulk(500, "user@far.example");
	for (int i = 0; i < 5; i++)
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
	pass_to(now + 70);
	ck_assert_uint_eq(relay.job_count, 1);
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 5);
	ck_assert_uint_lt(schedule->actives, 100); /* not all at once */
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_probe_whose_worker_dies_goes_to_another)
{
	submit_bulk(20, "user@far.example");
	for (int i = 0; i < 5; i++)
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
	pass_to(now + 70);
	lose_job(&relay);
	ck_assert_uint_eq(relay.job_count, 1);
	lose_job(&relay); /* that was too many: the next message is the probe, after a while */
	ck_assert_uint_eq(relay.job_count, 0);
	pass_to(now + 61);
	ck_assert_uint_eq(relay.job_count, 1);
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	relay_all();
	pass_to(now + 60);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_failure_beside_successes_does_not_close_a_destination)
{
	submit_bulk(20, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 5);
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "connection lost");
	ck_assert_uint_ge(relay.job_count, 3);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(messages_of_a_destination_that_is_down_are_not_read_at_their_own_time)
{
	uint64_t id;

	submit_bulk(6, "user@far.example");
	for (int i = 0; i < 5; i++)
		relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
	id = submit("last@far.example");
	run();
	for (int i = 0; i < 4; i++) { /* until the probes are no longer called */
		pass_to(now + 16 * MINUTE);
		while (relay.job_count > 0)
			relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
	}
	ck_assert_uint_gt(store_find(fixture.store, id)->attempts, 3);
	ck_assert_uint_eq(schedule->actives, 0);
}
END_TEST

UNIT_MAIN_WITH("schedule_relay", setup, teardown,
	a_message_to_another_domain_goes_to_a_relay_worker,
	recipients_of_one_domain_go_together_and_others_apart,
	a_smarthost_is_one_destination,
	a_refused_domain_is_returned_and_a_void_one_forgotten,
	a_domain_that_is_longer_than_any_is_returned_before_a_relay_worker_sees_it,
	remote_recipients_end_as_relayed_deferred_and_failed_each_for_itself,
	a_destination_gets_a_few_jobs_at_first_and_more_with_each_window_of_successes,
	the_window_is_never_larger_than_relay_connections,
	a_destination_that_wants_fewer_connections_gets_half_and_its_message_is_tried_again_soon,
	one_job_at_a_time_is_the_least,
	a_rate_holds_back_a_destination_and_no_other,
	a_destination_that_is_down_is_not_tried_by_every_message,
	it_is_probed_by_one_message_after_growing_times,
	a_probe_that_succeeds_opens_it_and_what_waits_goes_soon,
	a_probe_whose_worker_dies_goes_to_another,
	a_failure_beside_successes_does_not_close_a_destination,
	messages_of_a_destination_that_is_down_are_not_read_at_their_own_time)
