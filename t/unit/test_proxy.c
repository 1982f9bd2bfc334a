/*
 * The PROXY protocol, version 2.
 */
#include "common/io/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\300\0\2\1" "\306\63\144\1" "\4\322" "\0\31" /* 192.0.2.1, 198.51.100.1, 1234, 25 */
#define IPV6 "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1" "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\2" "\4\322" "\0\31"
#define TLV "\4\0\3abc"

static const struct slice over_ipv4 = SLICE(SIGNATURE "\x21\x11\0\14" IPV4);
static const struct slice over_ipv6 = SLICE(SIGNATURE "\x21\x21\0\44" IPV6);
static const struct slice with_tlv = SLICE(SIGNATURE "\x21\x11\0\22" IPV4 TLV);
static const struct slice local = SLICE(SIGNATURE "\x20\0\0\0");

static const char *
address_text(const struct sockaddr *address)
{
	static char text[INET6_ADDRSTRLEN + 8];
	char number[INET6_ADDRSTRLEN];
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, number, sizeof(number));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, number, sizeof(number));
	snprintf(text, sizeof(text), "%s:%d", number, ntohs(in->sin_port));
	return text;
}

static void
expect_client(struct slice input, const char *client)
{
	struct proxy_header header;

	ck_assert_int_eq(proxy_parse(input, &header), 0);
	ck_assert_uint_eq(header.size, input.length);
	ck_assert(!header.local);
	ck_assert_str_eq(address_text((const struct sockaddr *)&header.client), client);
}

START_TEST(a_header_names_the_client_over_ipv4_and_ipv6)
{
	expect_client(over_ipv4, "192.0.2.1:1234");
	expect_client(over_ipv6, "2001:db8::1:1234");
}
END_TEST

START_TEST(additions_are_skipped)
{
	expect_client(with_tlv, "192.0.2.1:1234");
}
END_TEST

START_TEST(what_follows_the_header_is_no_part_of_it)
{
	struct proxy_header header;

	ck_assert_int_eq(proxy_parse(SLICE(SIGNATURE "\x21\x11\0\14" IPV4 "EHLO x\r\n"), &header), 0);
	ck_assert_uint_eq(header.size, over_ipv4.length);
}
END_TEST

START_TEST(a_local_or_unspecified_connection_is_the_balancers_own)
{
	static const struct slice headers[] = {
		SLICE(SIGNATURE "\x20\0\0\0"),
		SLICE(SIGNATURE "\x20\x11\0\14" IPV4),
		SLICE(SIGNATURE "\x21\0\0\0"),
		SLICE(SIGNATURE "\x20\0\0\6" TLV),
	};
	struct proxy_header header;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		ck_assert_int_eq(proxy_parse(headers[i], &header), 0);
		ck_assert(header.local);
		ck_assert_uint_eq(header.size, headers[i].length);
	}
}
END_TEST

START_TEST(a_header_that_is_cut_anywhere_asks_for_no_more_than_the_rest)
{
	struct proxy_header header;

	for (size_t length = 0; length < with_tlv.length; length++) {
		int missing = proxy_parse(slice_first(with_tlv, length), &header);

		ck_assert_int_gt(missing, 0);
		ck_assert_uint_le(length + (size_t)missing, with_tlv.length);
	}
}
END_TEST

START_TEST(what_is_no_header_is_refused_at_its_first_wrong_byte)
{
	static const struct slice wrong[] = {
		SLICE("E"), SLICE("PROXY TCP4"), SLICE("\r\n\r\n\0\r\nQUIT\r"), SLICE("\r\n\r\n\0\r\nQuit\n"),
		SLICE(SIGNATURE "\x11"), SLICE(SIGNATURE "\x31"), SLICE(SIGNATURE "\x22"), SLICE(SIGNATURE "\x2f"),
	};
	struct proxy_header header;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(proxy_parse(wrong[i], &header), -EPROTO);
}
END_TEST

START_TEST(other_transports_and_addresses_that_are_cut_are_refused)
{
	static const struct slice wrong[] = {
		SLICE(SIGNATURE "\x21\x12\0\14" IPV4),
		SLICE(SIGNATURE "\x21\x31\0\14" IPV4),
		SLICE(SIGNATURE "\x21\x41\0\14" IPV4),
		SLICE(SIGNATURE "\x21\x11\0\13" IPV4),
		SLICE(SIGNATURE "\x21\x11\0\0"),
		SLICE(SIGNATURE "\x21\x21\0\14" IPV4),
	};
	struct proxy_header header;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(proxy_parse(wrong[i], &header), -EPROTO);
}
END_TEST

START_TEST(a_header_that_is_too_long_is_refused_before_it_has_come)
{
	struct proxy_header header;

	ck_assert_int_gt(proxy_parse(SLICE(SIGNATURE "\x21\x11\x07\xf0"), &header), 0);
	ck_assert_int_eq(proxy_parse(SLICE(SIGNATURE "\x21\x11\x07\xf1"), &header), -EMSGSIZE);
	ck_assert_int_eq(proxy_parse(SLICE(SIGNATURE "\x21\x11\xff\xff"), &header), -EMSGSIZE);
}
END_TEST

/* ---- connections that wait for theirs ---- */

static struct event_base *base;
static struct proxy proxy;
static int balancer;      /* our end */
static int client;        /* what was given on, or -1 */
static int failure;       /* why nothing was */
static char given[64];    /* the address that it came with */

static void
on_ready(void *context, int fd, const struct sockaddr *address, socklen_t length)
{
	ck_assert_ptr_eq(context, &proxy);
	ck_assert_uint_ge(length, sizeof(struct sockaddr_in));
	client = fd;
	snprintf(given, sizeof(given), "%s", address_text(address));
}

static void
on_failed(void *context, const struct sockaddr *address, int error)
{
	ck_assert_ptr_eq(context, &proxy);
	ck_assert_str_eq(address_text(address), "203.0.113.1:7");
	failure = error;
}

static void
connect_balancer(uint32_t milliseconds)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(7), .sin_addr = { htonl(0xcb007101) } };
	int pair[2];

	client = -1;
	failure = 0;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	balancer = pair[0];
	ck_assert_int_eq(proxy_accept(&proxy, pair[1], (const struct sockaddr *)(void *)&address, sizeof(address), milliseconds, &proxy), 0);
}

static void
say(struct slice bytes)
{
	ck_assert_int_eq(send(balancer, bytes.data, bytes.length, 0), (ssize_t)bytes.length);
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
setup(void)
{
	base = event_base_new();
	proxy_init(&proxy, base);
	proxy.ready = on_ready;
	proxy.failed = on_failed;
}

static void
teardown(void)
{
	proxy_free(&proxy);
	event_base_free(base);
}

START_TEST(a_socket_is_given_on_with_the_clients_address_and_all_that_follows_the_header)
{
	char text[32];

	connect_balancer(60000);
	for (size_t i = 0; i < with_tlv.length; i++) {
		ck_assert_int_eq(client, -1);
		say(slice_first(slice_from(with_tlv, i), 1));
	}
	ck_assert_str_eq(given, "192.0.2.1:1234");
	close(client);
	connect_balancer(60000);
	say(SLICE(SIGNATURE "\x21\x21\0\44" IPV6 "EHLO x\r\n"));
	ck_assert_str_eq(given, "2001:db8::1:1234");
	ck_assert_int_eq(recv(client, text, sizeof(text), 0), 8);
	ck_assert_uint_eq(proxy.count, 0);
	close(client);
}
END_TEST

START_TEST(a_local_connection_keeps_the_balancers_address)
{
	connect_balancer(60000);
	say(local);
	ck_assert_str_eq(given, "203.0.113.1:7");
	close(client);
}
END_TEST

START_TEST(a_connection_without_a_header_is_closed)
{
	char byte;

	connect_balancer(60000);
	say(SLICE("EHLO x\r\n"));
	ck_assert_int_eq(failure, -EPROTO);
	/* What was not read makes it a reset. */
	ck_assert_int_le(recv(balancer, &byte, 1, 0), 0);
	ck_assert_uint_eq(proxy.count, 0);
	connect_balancer(60000);
	close(balancer);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(failure, -ECONNRESET);
}
END_TEST

START_TEST(a_header_that_does_not_come_in_time_ends_the_connection_however_its_bytes_drip)
{
	connect_balancer(50);
	say(slice_first(over_ipv4, 5));
	ck_assert_int_eq(failure, 0);
	while (failure == 0)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_int_eq(failure, -ETIMEDOUT);
	ck_assert_int_eq(client, -1);
}
END_TEST

START_TEST(those_that_wait_are_closed_in_the_end)
{
	char byte;

	connect_balancer(60000);
	proxy_free(&proxy);
	ck_assert_int_eq(recv(balancer, &byte, 1, 0), 0);
}
END_TEST

UNIT_MAIN_WITH("proxy", setup, teardown,
	a_header_names_the_client_over_ipv4_and_ipv6,
	additions_are_skipped,
	what_follows_the_header_is_no_part_of_it,
	a_local_or_unspecified_connection_is_the_balancers_own,
	a_header_that_is_cut_anywhere_asks_for_no_more_than_the_rest,
	what_is_no_header_is_refused_at_its_first_wrong_byte,
	other_transports_and_addresses_that_are_cut_are_refused,
	a_header_that_is_too_long_is_refused_before_it_has_come,
	a_socket_is_given_on_with_the_clients_address_and_all_that_follows_the_header,
	a_local_connection_keeps_the_balancers_address,
	a_connection_without_a_header_is_closed,
	a_header_that_does_not_come_in_time_ends_the_connection_however_its_bytes_drip,
	those_that_wait_are_closed_in_the_end)
