/*
 * The way of a job: what the resolver says, routes that ask nobody, and that we never send to ourselves.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayd/hosts.h"
#include "relayd/literal.h"
#include "t/unit/relay_transfer_test.h"

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

UNIT_MAIN("relay_hosts",
	what_dns_says_of_a_domain_is_said_to_the_sender,
	a_mistake_in_a_route_returns_no_mail,
	a_resolver_that_is_just_being_started_is_waited_for,
	a_route_to_nowhere_asks_nobody,
	an_address_asks_nobody_either,
	we_never_send_to_ourselves,
	we_never_send_to_ourselves_when_we_listen_at_all_addresses,
	a_connection_that_comes_back_to_us_is_closed,
	an_ipv4_address_within_an_ipv6_one_is_that_address,
	better_hosts_than_ourselves_are_a_way)
