/*
 * The way of a job: which host, which connection, and what is said when none takes it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayd/hosts.h"
#include "relayd/literal.h"
#include "relayd/transfer.h"
#include "t/unit/relay_fake.h"
#include "t/unit/unit.h"

static const struct client_result refused_for_now = { RELAY_TEMPORARY, "4.3.2", "421 go away" };
static const struct client_result refused = { RELAY_PERMANENT, "5.3.2", "554 no mail here" };
static const struct client_result delivered = { RELAY_DONE, "2.0.0", "250 ok" };

static void
send_by_mx(void)
{
	fake_job("example.org", "mx", ROUTE_TLS_STANDARD);
}

static bool
went_to(size_t session, const char *host)
{
	return strncmp(fake.sessions[session].remote, host, strlen(host)) == 0;
}

static bool
is_sending(void)
{
	return fake.relay.sending == 1;
}

static bool
is_opening(void)
{
	return fake.session_count == 1;
}

static bool
none_is_kept(void)
{
	return fake.relay.idle_count == 0;
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

/* ---- no host ---- */

static void
without_host(enum resolve_result result, const char *route, enum relay_result expected, const char *status)
{
	fake_open();
	fake.answer.result = result;
	strlcpy(fake.answer.text, "why", sizeof(fake.answer.text));
	fake_job("example.org", route, ROUTE_TLS_STANDARD);
	fake_run(1);
	ck_assert_int_eq(fake_result(0)->result, expected);
	ck_assert_str_eq(fake_result(0)->status, status);
	ck_assert_str_eq(fake_result(0)->text, "why");
	fake_close();
}

START_TEST(what_dns_says_of_a_domain_is_said_to_the_sender)
{
	without_host(RESOLVE_TEMPORARY, "mx", RELAY_TEMPORARY, "4.4.3");
	without_host(RESOLVE_NO_DOMAIN, "mx", RELAY_PERMANENT, "5.1.2");
	without_host(RESOLVE_NULL_MX, "mx", RELAY_PERMANENT, "5.1.10");
	without_host(RESOLVE_LOOP, "mx", RELAY_PERMANENT, "5.4.6");
}
END_TEST

START_TEST(a_mistake_in_a_route_returns_no_mail)
{
	without_host(RESOLVE_NO_DOMAIN, "smtp://no.such.host.example", RELAY_TEMPORARY, "4.1.2");
	without_host(RESOLVE_NO_DOMAIN, "mx://no.such.domain.example", RELAY_TEMPORARY, "4.1.2");
}
END_TEST

START_TEST(a_resolver_that_is_just_being_started_is_waited_for)
{
	fake_open();
	fake_host("mx1.example.org", 2, true);
	fake.resolver_is_away = true;
	send_by_mx();
	event_base_loop(fake.base, EVLOOP_ONCE);
	ck_assert_uint_eq(fake.job_count, 0);
	fake.resolver_is_away = false;
	fake_run(1);
	ck_assert_int_eq(fake_result(0)->result, RELAY_DONE);
	fake_close();
}
END_TEST

START_TEST(a_route_to_nowhere_asks_nobody)
{
	fake_open();
	fake_job("example.org", "reject", ROUTE_TLS_STANDARD);
	fake_job("example.org", "discard", ROUTE_TLS_STANDARD);
	ck_assert_uint_eq(fake.job_count, 2);
	ck_assert_int_eq(fake_result(0)->result, RELAY_PERMANENT);
	ck_assert_int_eq(fake_result(1)->result, RELAY_DONE);
	ck_assert_uint_eq(fake.questions, 0);
	fake_close();
}
END_TEST

START_TEST(an_address_asks_nobody_either)
{
	fake_open();
	fake_host("unused", 2, true);
	fake_job("[127.0.0.2]", "mx", ROUTE_TLS_STANDARD);
	fake_run(1);
	ck_assert(went_to(0, "127.0.0.2 [127.0.0.2]"));
	ck_assert_uint_eq(fake.questions, 0);
	fake_close();
}
END_TEST

/* Where we listen ourselves: 127.0.0.LAST at the port of all. */
static void
listen_ourselves(unsigned last)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&fake.config.smtp_listen.list[0].address;

	fake.config.smtp_listen.count = 1;
	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(fake.port), .sin_addr = { htonl(0x7f000000 + last) } };
}

START_TEST(we_never_send_to_ourselves)
{
	fake_open();
	fake_host("us.example.net", 2, true);
	fake_host("mx2.example.org", 3, true);
	listen_ourselves(2);
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 0);
	ck_assert_int_eq(fake_result(0)->result, RELAY_PERMANENT);
	ck_assert_str_eq(fake_result(0)->status, "5.4.6");
	fake_close();
}
END_TEST

START_TEST(we_never_send_to_ourselves_when_we_listen_at_all_addresses)
{
	fake_open();
	fake_host("elsewhere.example.org", 2, true); /* of the loopback network */
	listen_ourselves(2);
	((struct sockaddr_in *)&fake.config.smtp_listen.list[0].address)->sin_addr.s_addr = htonl(INADDR_ANY);
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 0);
	ck_assert_str_eq(fake_result(0)->status, "5.4.6");
	fake_close();
}
END_TEST

START_TEST(a_connection_that_comes_back_to_us_is_closed)
{
	struct hosts hosts = { .count = 1 };
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t length = sizeof(here);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fake_open();
	ck_assert_int_eq(bind(server, (struct sockaddr *)&here, length), 0);
	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(getsockname(server, (struct sockaddr *)&here, &length), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&here, length), 0);
	hosts.port = ntohs(here.sin_port);
	ck_assert(!hosts_is_this_one(&hosts, client, &fake.config));
	here.sin_addr.s_addr = htonl(INADDR_ANY);
	memcpy(&fake.config.smtp_listen.list[0].address, &here, sizeof(here));
	fake.config.smtp_listen.count = 1;
	ck_assert(hosts_is_this_one(&hosts, client, &fake.config));
	ck_assert(hosts.loop);
	ck_assert_ptr_null(hosts_now(&hosts));
	close(client);
	close(server);
	fake_close();
}
END_TEST

START_TEST(an_ipv4_address_within_an_ipv6_one_is_that_address)
{
	struct resolve_address mapped = { .length = 16, .bytes = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } };
	struct connector_address address;
	char text[INET_ADDRSTRLEN];

	literal_connector_address(&mapped, 25, &address);
	ck_assert_int_eq(address.address.ss_family, AF_INET);
	inet_ntop(AF_INET, &((struct sockaddr_in *)&address.address)->sin_addr, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1");
}
END_TEST

START_TEST(better_hosts_than_ourselves_are_a_way)
{
	fake_open();
	fake_host("mx1.example.org", 2, false);
	fake_host("us.example.net", 3, true);
	listen_ourselves(3);
	send_by_mx();
	fake_run(1);
	ck_assert_uint_eq(fake.session_count, 0);
	ck_assert_int_eq(fake_result(0)->result, RELAY_TEMPORARY);
	ck_assert_int_eq(fake.jobs[0]->destination, RELAY_DESTINATION_DOWN);
	fake_close();
}
END_TEST

/* ---- connections that are kept ---- */

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

UNIT_MAIN("relay_transfer", a_job_goes_to_the_best_host, a_host_that_cannot_be_connected_to_leads_to_the_next_one,
          a_bad_greeting_leads_to_the_next_address_and_then_to_the_next_host,
          mail_comes_back_only_when_all_hosts_refuse_it_for_good, a_destination_without_a_host_that_answers_is_down,
          a_recipient_that_cannot_be_sent_to_returns_no_others_that_are_deferred, mail_that_is_deferred_goes_to_the_next_host, mail_that_all_hosts_defer_says_nothing_bad_of_the_destination,
          results_of_recipients_lead_to_no_other_host, sessions_for_one_job_are_not_without_end,
          what_dns_says_of_a_domain_is_said_to_the_sender, a_mistake_in_a_route_returns_no_mail,
          a_resolver_that_is_just_being_started_is_waited_for, a_route_to_nowhere_asks_nobody, an_address_asks_nobody_either,
          we_never_send_to_ourselves, we_never_send_to_ourselves_when_we_listen_at_all_addresses, a_connection_that_comes_back_to_us_is_closed,
          an_ipv4_address_within_an_ipv6_one_is_that_address, better_hosts_than_ourselves_are_a_way,
          a_connection_is_used_again_for_the_same_destination, jobs_at_the_same_time_have_connections_of_their_own,
          a_connection_carries_no_more_messages_than_it_may, a_connection_without_work_is_closed_after_a_while,
          no_more_connections_are_kept_than_may_be, a_kept_connection_that_has_died_costs_nothing_but_a_new_one,
          a_fresh_connection_that_dies_is_a_failure_of_its_host, a_host_that_is_busy_beside_open_connections_is_full,
          a_host_that_is_busy_with_others_than_us_is_down,
          a_handshake_that_fails_is_tried_again_in_clear_and_remembered,
          mandatory_tls_that_fails_leads_to_the_next_host_and_never_to_the_clear,
          a_host_whose_tlsa_records_are_unknown_is_left_out, tlsa_records_are_what_the_host_is_checked_by,
          chunking_that_is_refused_goes_as_data_to_the_same_host,
          a_stop_lets_what_is_being_sent_go_on_and_forgets_the_rest, a_job_can_be_forgotten_in_any_state)
