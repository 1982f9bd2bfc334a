/*
 * The way of a job: connections that are kept for the next one.
 */
#include "t/unit/relay_transfer_test.h"

static bool
none_is_kept(void)
{
	return fake.relay.idle_count == 0;
}

START_TEST(a_connection_is_used_again_for_the_same_destination)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	send_by_mx();
	fake_run(1);
	send_by_mx();
	fake_run(2);
	fake_job("example.com", "mx", ROUTE_TLS_STANDARD);
	fake_run(3);
	ck_assert_uint_eq(fake.session_count, 2);
	ck_assert_uint_eq(fake.sessions[0].sent, 2);
	ck_assert_uint_eq(fake.questions, 2);
	ck_assert(went_to(0, fake.jobs[1]->remote));
	fake_close();
}
END_TEST

START_TEST(jobs_at_the_same_time_have_connections_of_their_own)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	for (int i = 0; i < 3; i++)
		send_by_mx();
	fake_run(3);
	ck_assert_uint_eq(fake.session_count, 3);
	for (int i = 0; i < 3; i++)
		send_by_mx();
	fake_run(6);
	ck_assert_uint_eq(fake.session_count, 3);
	fake_close();
}
END_TEST

START_TEST(a_connection_carries_no_more_messages_than_it_may)
{
	fake_open();
	fake.config.relay_messages = 2;
	fake_host("mx1.example.org", 2, true);
	for (size_t i = 1; i <= 5; i++) {
		send_by_mx();
		fake_run(i);
	}
	ck_assert_uint_eq(fake.session_count, 3);
	ck_assert(fake.sessions[0].quit);
	ck_assert_uint_eq(fake.sessions[0].sent, 2);
	fake_close();
}
END_TEST

START_TEST(a_connection_without_work_is_closed_after_a_while)
{
	fake_open();
	fake.config.relay_idle_timeout = 1;
	fake_host("mx1.example.org", 2, true);
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.relay.idle_count, 1);
	fake_run_until(none_is_kept);
	ck_assert(fake.sessions[0].quit);
	fake_close();
}
END_TEST

START_TEST(no_more_connections_are_kept_than_may_be)
{
	fake_open();
	fake.relay.idle_most = 2;
	fake_host("mx1.example.org", 2, true);
	for (int i = 0; i < 4; i++)
		send_by_mx();
	fake_run(4);
	ck_assert_uint_eq(fake.relay.idle_count, 2);
	ck_assert(fake.sessions[0].quit && fake.sessions[1].quit);
	fake_close();
}
END_TEST

START_TEST(a_kept_connection_that_has_died_costs_nothing_but_a_new_one)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[1].outcome.untouched = true;
	fake.sessions[0].sends[1].breaks = true;
	fake.sessions[0].sends[1].result = refused_for_now;
	send_by_mx();
	fake_run(1);
	send_by_mx();
	fake_run(2);
	ck_assert_uint_eq(fake.session_count, 2);
	ck_assert(fake.sessions[0].quit);
	ck_assert_int_eq(fake_result(1)->result, RELAY_DONE);
	ck_assert_int_eq(fake.jobs[1]->destination, RELAY_DESTINATION_UP);
	fake_close();
}
END_TEST

START_TEST(a_fresh_connection_that_dies_is_a_failure_of_its_host)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[0].outcome.untouched = true;
	fake.sessions[0].sends[0].breaks = true;
	fake.sessions[0].sends[0].result = refused_for_now;
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 1);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_DOWN);
	fake_close();
}
END_TEST

START_TEST(a_host_that_is_busy_beside_open_connections_is_full)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[0].hangs = true;
	fake.sessions[1] = (struct fake_session){ .fails = true, .end = { .busy = true, .result = refused_for_now } };
	send_by_mx();
	fake_run_until(is_sending);
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_FULL);
	fake_close();
}
END_TEST

START_TEST(a_host_that_is_busy_with_others_than_us_is_down)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0] = (struct fake_session){ .fails = true, .end = { .busy = true, .result = refused_for_now } };
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_DOWN);
	fake_close();
}
END_TEST

UNIT_MAIN("relay_kept",
	a_connection_is_used_again_for_the_same_destination,
	jobs_at_the_same_time_have_connections_of_their_own,
	a_connection_carries_no_more_messages_than_it_may,
	a_connection_without_work_is_closed_after_a_while,
	no_more_connections_are_kept_than_may_be,
	a_kept_connection_that_has_died_costs_nothing_but_a_new_one,
	a_fresh_connection_that_dies_is_a_failure_of_its_host,
	a_host_that_is_busy_beside_open_connections_is_full,
	a_host_that_is_busy_with_others_than_us_is_down)
