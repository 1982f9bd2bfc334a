/*
 * The way of a job: which host, with or without TLS and CHUNKING, and what is said when none takes it.
 */
#include "t/unit/relay_transfer_test.h"

static const struct client_result refused = { RELAY_PERMANENT, "5.3.2", "554 no mail here" };
static const struct client_result delivered = { RELAY_DONE, "2.0.0", "250 ok" };

static bool
is_opening(void)
{
	return fake.session_count == 1;
}

/* ---- hosts ---- */

START_TEST(a_job_goes_to_the_best_host)
{
	char remote[JOB_REMOTE_MAX];

	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0].sends[0].result = delivered;
	fake.sessions[0].sends[0].outcome.dsn = true;
	send_by_mx();
	fake_run(1);
	snprintf(remote, sizeof(remote), "mx1.example.org [127.0.0.2]:%u", fake.port);
	ck_assert_str_eq(fake.jobs[0]->remote, remote);
	ck_assert_int_eq(fake_result(0)->result, RELAY_DONE);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_UP);
	ck_assert(fake.jobs[0]->dsn);
	ck_assert_str_eq(fake.question_name, "example.org");
	ck_assert_int_eq(fake.question.how, RESOLVE_MX);
	fake_close();
}
END_TEST

START_TEST(a_host_that_cannot_be_connected_to_leads_to_the_next_one)
{
	fake_open();
	fake_host("mx1.example.org", 2, false);
	fake_host("mx2.example.org", 3, true);
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 1);
	ck_assert(went_to(0, "mx2.example.org"));
	fake_close();
}
END_TEST

START_TEST(a_bad_greeting_leads_to_the_next_address_and_then_to_the_next_host)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_address(3, true);
	fake_host("mx2.example.org", 4, true);
	fake.sessions[0] = (struct fake_session){ .fails = true, .end = { .result = refused } };
	fake.sessions[1] = (struct fake_session){ .fails = true, .end = { .result = refused_for_now } };
	send_by_mx();
	fake_run(1);
	ck_assert(went_to(0, "mx1.example.org [127.0.0.2]"));
	ck_assert(went_to(1, "mx1.example.org [127.0.0.3]"));
	ck_assert(went_to(2, "mx2.example.org"));
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_UP);
	fake_close();
}
END_TEST

START_TEST(mail_comes_back_only_when_all_hosts_refuse_it_for_good)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0] = fake.sessions[1] = (struct fake_session){ .fails = true, .end = { .result = refused } };
	fake.sessions[2] = (struct fake_session){ .fails = true, .end = { .result = refused_for_now } };
	fake.sessions[3] = (struct fake_session){ .fails = true, .end = { .result = refused } };
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake_result(0)->result, RELAY_PERMANENT);
	ck_assert_str_eq(fake_result(0)->text, "554 no mail here");
	send_by_mx();
	fake_run(2);
	ck_assert_int_eq(fake_result(1)->result, RELAY_TEMPORARY);
	ck_assert_str_eq(fake_result(1)->text, "421 go away");
	ck_assert_int_eq(fake.jobs[1]->destination, RELAY_DESTINATION_DOWN);
	fake_close();
}
END_TEST

START_TEST(a_destination_without_a_host_that_answers_is_down)
{
	char text[128];

	fake_open();
	fake_host("mx1.example.org", 2, false);
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_DOWN);
	ck_assert_str_eq(fake_result(0)->status, "4.4.1");
	snprintf(text, sizeof(text), "mx1.example.org [127.0.0.2]:%u: Connection refused", fake.port);
	ck_assert_str_eq(fake_result(0)->text, text);
	ck_assert_str_eq(fake.jobs[0]->remote, "");
	fake_close();
}
END_TEST

START_TEST(mail_that_is_deferred_goes_to_the_next_host)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0].sends[0].outcome.deferred = true;
	fake.sessions[0].sends[0].result = refused_for_now;
	send_by_mx();
	fake_run(1);
	ck_assert(went_to(1, "mx2.example.org"));
	ck_assert_int_eq(fake_result(0)->result, RELAY_DONE);
	fake_close();
}
END_TEST

START_TEST(a_recipient_that_cannot_be_sent_to_returns_no_others_that_are_deferred)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[0].result = refused_for_now;
	fake.sessions[0].sends[0].first = (struct client_result){ RELAY_PERMANENT, "5.1.3", "The address cannot be said in SMTP" };
	fake.sessions[0].sends[0].outcome.deferred = true;
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake.jobs[0]->recipients[1].result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(fake.jobs[0]->recipients[1].result.text, "421 go away");
	fake_close();
}
END_TEST

START_TEST(mail_that_all_hosts_defer_says_nothing_bad_of_the_destination)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[0].outcome.deferred = true;
	fake.sessions[0].sends[0].result = refused_for_now;
	send_by_mx();
	fake_run(1);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_UP);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	ck_assert_str_eq(fake_result(0)->text, "421 go away");
	fake_close();
}
END_TEST

START_TEST(results_of_recipients_lead_to_no_other_host)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0].sends[0].result = refused_for_now;
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 1);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	fake_close();
}
END_TEST

START_TEST(sessions_for_one_job_are_not_without_end)
{
	fake_open();
	for (unsigned i = 0; i < 12; i++) {
		char name[32];

		snprintf(name, sizeof(name), "mx%u.example.org", i);
		fake_host(name, 2 + i, true);
		fake.sessions[i] = (struct fake_session){ .fails = true, .end = { .result = refused_for_now } };
	}
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 8);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	fake_close();
}
END_TEST

/* ---- TLS and CHUNKING ---- */

START_TEST(a_handshake_that_fails_is_tried_again_in_clear_and_remembered)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0] = (struct fake_session){ .fails = true, .end = { .tls_failed = true, .result = refused_for_now } };
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 2);
	ck_assert_int_eq(fake.sessions[0].tls, CLIENT_TLS_MAY);
	ck_assert_int_eq(fake.sessions[1].tls, CLIENT_TLS_OFF);
	ck_assert(went_to(1, "mx1.example.org"));
	ck_assert_int_eq(fake_result(0)->result, RELAY_DONE);
	relay_stop_keeping(&fake.relay);
	send_by_mx();
	fake_run(2);
	ck_assert_uint_eq(fake.session_count, 3);
	ck_assert_int_eq(fake.sessions[2].tls, CLIENT_TLS_OFF);
	fake_close();
}
END_TEST

START_TEST(mandatory_tls_that_fails_leads_to_the_next_host_and_never_to_the_clear)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0] = fake.sessions[1] = (struct fake_session){ .fails = true, .end = { .tls_failed = true, .result = refused_for_now } };
	fake_job("example.org", "mx", ROUTE_TLS_VERIFIED);
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 2);
	ck_assert_int_eq(fake.sessions[0].tls, CLIENT_TLS_MUST);
	ck_assert_int_eq(fake.sessions[0].check, TLS_CLIENT_AUTHORITY);
	ck_assert(went_to(1, "mx2.example.org"));
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	fake_close();
}
END_TEST

START_TEST(a_host_whose_tlsa_records_are_unknown_is_left_out)
{
	fake_open();
	fake.hosts[fake_host("mx1.example.org", 2, true)].tlsa = RESOLVE_TLSA_FAILED;
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 0);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	ck_assert_str_eq(fake_result(0)->status, "4.7.5");
	fake_host("mx2.example.org", 3, true);
	send_by_mx();
	fake_run(2);
	ck_assert(went_to(0, "mx2.example.org"));
	fake_close();
}
END_TEST

START_TEST(tlsa_records_are_what_the_host_is_checked_by)
{
	static const struct resolve_tlsa_record record = { 3, 1, 1, { "0123456789abcdef0123456789abcdef", 32 } };
	size_t host;

	fake_open();
	host = fake_host("mx1.example.org", 2, true);
	fake.hosts[host].tlsa = RESOLVE_TLSA_USABLE;
	fake.hosts[host].records = &record;
	fake.hosts[host].record_count = 1;
	strlcpy(fake.hosts[host].tlsa_base, "mx1.example.org", sizeof(fake.hosts[host].tlsa_base));
	send_by_mx();
	fake_run(1);
	ck_assert(fake.question.dane);
	ck_assert_int_eq(fake.sessions[0].tls, CLIENT_TLS_MUST);
	ck_assert_int_eq(fake.sessions[0].check, TLS_CLIENT_DANE);
	fake_close();
}
END_TEST

START_TEST(chunking_that_is_refused_goes_as_data_to_the_same_host)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake_host("mx2.example.org", 3, true);
	fake.sessions[0].sends[0].outcome.chunking_refused = true;
	fake.sessions[0].sends[0].breaks = true;
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 2);
	ck_assert(went_to(1, "mx1.example.org"));
	ck_assert(fake.sessions[1].whole_data);
	ck_assert_int_eq(fake_result(0)->result, RELAY_DONE);
	fake_close();
}
END_TEST

/* ---- the end ---- */

START_TEST(a_stop_lets_what_is_being_sent_go_on_and_forgets_the_rest)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].sends[0].hangs = true;
	send_by_mx();
	fake_run_until(is_sending);
	send_by_mx();
	ck_assert_uint_eq(relay_forget(&fake.relay, false), 1);
	ck_assert_uint_eq(fake.relay.sending, 1);
	ck_assert_uint_eq(relay_forget(&fake.relay, true), 1);
	ck_assert_uint_eq(fake.job_count, 0);
	ck_assert(fake.sessions[0].closed);
	fake_close();
}
END_TEST

START_TEST(a_job_can_be_forgotten_in_any_state)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.sessions[0].hangs = true;
	send_by_mx(); /* asks */
	ck_assert_uint_eq(relay_forget(&fake.relay, true), 1);
	send_by_mx();
	event_base_loop(fake.base, EVLOOP_ONCE); /* connects */
	ck_assert_uint_eq(relay_forget(&fake.relay, true), 1);
	send_by_mx();
	fake_run_until(is_opening);
	ck_assert_uint_eq(relay_forget(&fake.relay, true), 1);
	fake.resolver_is_away = true;
	send_by_mx(); /* pauses */
	ck_assert_uint_eq(relay_forget(&fake.relay, true), 1);
	event_base_loop(fake.base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(fake.job_count, 0);
	fake_close();
}
END_TEST

UNIT_MAIN("relay_transfer",
	a_job_goes_to_the_best_host,
	a_host_that_cannot_be_connected_to_leads_to_the_next_one,
	a_bad_greeting_leads_to_the_next_address_and_then_to_the_next_host,
	mail_comes_back_only_when_all_hosts_refuse_it_for_good,
	a_destination_without_a_host_that_answers_is_down,
	mail_that_is_deferred_goes_to_the_next_host,
	a_recipient_that_cannot_be_sent_to_returns_no_others_that_are_deferred,
	mail_that_all_hosts_defer_says_nothing_bad_of_the_destination,
	results_of_recipients_lead_to_no_other_host,
	sessions_for_one_job_are_not_without_end,
	a_handshake_that_fails_is_tried_again_in_clear_and_remembered,
	mandatory_tls_that_fails_leads_to_the_next_host_and_never_to_the_clear,
	a_host_whose_tlsa_records_are_unknown_is_left_out,
	tlsa_records_are_what_the_host_is_checked_by,
	chunking_that_is_refused_goes_as_data_to_the_same_host,
	a_stop_lets_what_is_being_sent_go_on_and_forgets_the_rest,
	a_job_can_be_forgotten_in_any_state)
