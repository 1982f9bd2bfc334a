/*
 * The scheduler: much mail to some destinations does not hold up the others.
 */
#include "t/unit/schedule_bulk.h"

static size_t
jobs_to(const char *address)
{
	size_t count = 0;

	for (size_t i = 0; i < relay.job_count; i++)
		count += slice_equal(STAILQ_FIRST(&relay.jobs[i]->targets)->address, slice_from_string(address)) ? 1 : 0;
	return count;
}

START_TEST(thousands_to_a_slow_domain_do_not_hold_up_a_single_one)
{
	submit_bulk(30000, "user@slow.example");
	ck_assert_uint_eq(relay.job_count, 5);
	ck_assert_uint_lt(schedule->actives, 7000);
	submit("single@far.example");
	run();
	ck_assert_uint_eq(jobs_to("single@far.example"), 1);
	submit("mailbox@example.org");
	run();
	ck_assert_uint_eq(local.job_count, 1);
	deliver_all();
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0); /* parked ones follow by themselves */
}
END_TEST

START_TEST(parked_messages_wait_in_their_order_and_their_senders_are_warned_once)
{
	size_t parked;

	config.delay_warning = 4 * 3600;
	submit_bulk(8000, "user@slow.example");
	parked = store_count(fixture.store) - schedule->actives;
	ck_assert_uint_gt(parked, 1000);
	for (int i = 0; i < 20; i++) {
		pass_to(now + 15 * MINUTE);
		ck_assert_uint_eq(relay.job_count, 5);
	}
	deliver_all(); /* warnings */
	for (int i = 0; i < 500; i++) {
		pass_to(now + 15 * MINUTE);
		ck_assert_uint_eq(local.job_count, 0);
	}
	ck_assert_uint_eq(store_count(fixture.store), 8000); /* nobody has tried, so nothing is returned */
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(messages_that_wait_for_their_turn_in_a_round_keep_it_and_their_senders_are_warned_once)
{
	size_t warnings = 0;

	config.delay_warning = 4 * 3600;
	submit_bulk(300, "user@slow.example");
	ck_assert_uint_eq(schedule->actives, 300);
	pass_to(now + 4 * 3600 - MINUTE);
	ck_assert_uint_eq(local.job_count, 0);
	for (int i = 0; i < 10; i++) {
		pass_to(now + 15 * MINUTE);
		for (; local.job_count > 0; warnings++)
			finish_job(JOB_DONE, "2.1.5", "");
	}
	ck_assert_uint_eq(warnings, 295); /* five are under way */
	ck_assert_uint_eq(schedule->actives, 300);
	relay_all();
	ck_assert_uint_eq(local.job_count, 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_to_thousands_of_domains_does_not_hold_up_a_single_one)
{
	static char names[RECIPIENTS_MAX][32];
	static const char *list[RECIPIENTS_MAX];

	for (int i = 0; i < RECIPIENTS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "user@domain%d.example", i);
		list[i] = names[i];
	}
	submit_from("sender@example.org", list, RECIPIENTS_MAX, 0);
	run();
	ck_assert_uint_eq(relay.job_count, 250); /* a quarter of what the workers take */
	submit("single@far.example");
	run();
	ck_assert_uint_eq(jobs_to("single@far.example"), 1);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_slow_local_delivery_does_not_hold_up_relaying)
{
	fake_set(&local, 0);
	submit_bulk(25000, "user@example.org");
	submit("single@far.example");
	run();
	ck_assert_uint_eq(relay.job_count, 1);
	relay_all();
	fake_set(&local, 100);
	schedule_transport_ready(schedule);
	run();
	deliver_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(one_destination_gets_half_of_the_workers_at_most)
{
	config.relay_connections = 1000;
	fake_set(&relay, 8);
	submit_bulk(50, "user@far.example");
	ck_assert_uint_eq(relay.job_count, 4);
	submit_bulk(50, "user@other.example");
	ck_assert_uint_eq(relay.job_count, 8);
	relay_all();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(retries_leave_half_of_the_workers_to_new_mail)
{
	fake_set(&relay, 10);
	for (int i = 0; i < 50; i++) {
		char address[32];

		snprintf(address, sizeof(address), "user@domain%d.example", i);
		submit(address);
	}
	run();
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_UNKNOWN, JOB_TEMPORARY, "no answer from DNS");
	pass_to(now + 16 * MINUTE);
	ck_assert_uint_eq(relay.job_count, 5);
	submit("single@far.example");
	run();
	ck_assert_uint_eq(jobs_to("single@far.example"), 1);
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_retry_asks_with_one_job_whether_anybody_is_there)
{
	submit_bulk(20, "user@far.example");
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_UNKNOWN, JOB_TEMPORARY, "no answer from DNS");
	fixture_settle();
	restart();
	pass_to(now + 16 * MINUTE);
	ck_assert_uint_eq(relay.job_count, 1);
	relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_eq(relay.job_count, 5);
	relay_all();
}
END_TEST

START_TEST(thousands_of_domains_that_are_down_do_not_stop_each_other)
{
	fake_set(&relay, 10);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 100; i++) {
			char address[32];

			snprintf(address, sizeof(address), "user@domain%d.example", i);
			submit(address);
		}
		run();
	}
	for (int i = 0; i < 40; i++) {
		while (relay.job_count > 0)
			relay_finish(RELAY_DESTINATION_DOWN, JOB_TEMPORARY, "timed out");
		pass_to(now + 5 * MINUTE);
	}
	while (relay.job_count > 0)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	for (int i = 0; i < 20; i++) {
		relay_all();
		pass_to(now + 10 * MINUTE);
	}
	ck_assert_uint_eq(store_count(fixture.store), 0);
	ck_assert_uint_eq(schedule->actives, 0);
}
END_TEST

START_TEST(destinations_take_turns)
{
	fake_set(&relay, 2);
	submit_bulk(10, "user@far.example");
	submit_bulk(10, "user@other.example");
	submit_bulk(10, "user@third.example");
	for (int i = 0; i < 27; i++)
		relay_finish(RELAY_DESTINATION_UP, JOB_DONE, "");
	ck_assert_uint_le(store_count(fixture.store), 3);
	relay_all();
	ck_assert_uint_eq(schedule->remote.count, 3); /* remembered for a while: they have windows of their own */
	pass_to(now + 301);
	ck_assert_uint_eq(schedule->remote.count, 0);
}
END_TEST

UNIT_MAIN_WITH("schedule_bulk", setup, teardown,
	thousands_to_a_slow_domain_do_not_hold_up_a_single_one,
	parked_messages_wait_in_their_order_and_their_senders_are_warned_once,
	messages_that_wait_for_their_turn_in_a_round_keep_it_and_their_senders_are_warned_once,
	a_message_to_thousands_of_domains_does_not_hold_up_a_single_one,
	a_slow_local_delivery_does_not_hold_up_relaying,
	one_destination_gets_half_of_the_workers_at_most,
	retries_leave_half_of_the_workers_to_new_mail,
	a_retry_asks_with_one_job_whether_anybody_is_there,
	thousands_of_domains_that_are_down_do_not_stop_each_other,
	destinations_take_turns)
