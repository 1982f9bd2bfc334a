/*
 * Limits of clients, and the token buckets that they are made of.
 */
#include "common/io/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "t/unit/unit.h"

enum { SECOND = 1000 };

static struct limits limits;

static const struct sockaddr *
client(const char *text)
{
	static struct sockaddr_in6 ipv6;
	static struct sockaddr_in ipv4;

	ipv4 = (struct sockaddr_in){ .sin_family = AF_INET };
	ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return (const struct sockaddr *)(void *)&ipv4;
	ck_assert_int_eq(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
	return (const struct sockaddr *)(void *)&ipv6;
}

static enum limits_result
enter(const char *text, int64_t now)
{
	struct limits_client *entered;

	return limits_enter(&limits, client(text), false, now, &entered);
}

/* A session that comes and goes. */
static enum limits_result
visit(const char *text, bool exempt, int64_t now)
{
	struct limits_client *entered;
	enum limits_result result = limits_enter(&limits, client(text), exempt, now, &entered);

	if (result == LIMITS_OK)
		limits_leave(&limits, entered, now);
	return result;
}

static void
setup(void)
{
	limits_init(&limits);
	limits.rules.sessions = 1000000;
}

START_TEST(a_bucket_gives_its_count_at_once_and_then_as_fast_as_it_fills)
{
	const struct bucket_rate rate = { 60, 60 };
	struct bucket bucket = { 0 };
	int64_t now = 5 * SECOND;

	for (int i = 0; i < 60; i++) {
		ck_assert(bucket_has(&bucket, rate, now, 1));
		bucket_take(&bucket, rate, now, 1);
	}
	ck_assert(!bucket_has(&bucket, rate, now, 1));
	ck_assert(!bucket_has(&bucket, rate, now + 999, 1));
	ck_assert(bucket_has(&bucket, rate, now + 1 * SECOND, 1));
	ck_assert(!bucket_has(&bucket, rate, now + 1 * SECOND, 2));
	ck_assert(bucket_has(&bucket, rate, now + 10 * SECOND, 10));
	ck_assert(!bucket_is_full(&bucket, now + 59 * SECOND));
	ck_assert(bucket_is_full(&bucket, now + 60 * SECOND));
}
END_TEST

START_TEST(a_bucket_never_holds_more_than_its_count)
{
	const struct bucket_rate rate = { 3, 1 };
	const struct bucket_rate largest = { 1000 * 1000, 86400 };
	struct bucket bucket = { 0 };

	ck_assert(bucket_has(&bucket, rate, 1000 * SECOND, 3));
	ck_assert(!bucket_has(&bucket, rate, 1000 * SECOND, 4));
	ck_assert(!bucket_has(&bucket, rate, 1000 * SECOND, UINT32_MAX));
	bucket_take(&bucket, rate, 1000 * SECOND, UINT32_MAX);
	ck_assert(bucket_is_full(&bucket, 1001 * SECOND));
	ck_assert(bucket_has(&bucket, largest, INT64_C(1) << 42, 1000 * 1000));
	ck_assert(!bucket_has(&bucket, largest, INT64_C(1) << 42, UINT32_MAX));
}
END_TEST

START_TEST(a_rate_of_nothing_is_no_limit)
{
	const struct bucket_rate none = { 0, 0 };
	struct bucket bucket = { 0 };

	ck_assert(bucket_has(&bucket, none, 1, UINT32_MAX));
	bucket_take(&bucket, none, 1, UINT32_MAX);
	ck_assert(bucket_is_full(&bucket, 1));
}
END_TEST

START_TEST(sessions_are_counted_by_address_and_ipv6_by_network)
{
	struct limits_client *first;
	struct limits_client *second;
	struct limits_client *third;

	limits.rules.sessions_per_address = 1;
	ck_assert_int_eq(limits_enter(&limits, client("192.0.2.1"), false, 0, &first), LIMITS_OK);
	ck_assert_int_eq(enter("::ffff:192.0.2.1", 0), LIMITS_ADDRESS_SESSIONS);
	ck_assert_int_eq(limits_enter(&limits, client("2001:db8::1"), false, 0, &second), LIMITS_OK);
	ck_assert_int_eq(enter("2001:db8::2", 0), LIMITS_ADDRESS_SESSIONS);
	ck_assert_int_eq(visit("2001:db8:0:1::2", false, 0), LIMITS_OK);
	limits.rules.sessions_per_address = 0;
	ck_assert_int_eq(limits_enter(&limits, client("2001:db8::2"), false, 0, &third), LIMITS_OK);
	ck_assert_ptr_eq(second, third);
	limits.rules.sessions_per_address = 1;
	limits_leave(&limits, third, 0);
	limits_leave(&limits, first, 0);
	ck_assert_int_eq(visit("192.0.2.1", false, 0), LIMITS_OK);
	limits_leave(&limits, second, 0);
	ck_assert_uint_eq(limits.sessions, 0);
	limits_free(&limits);
}
END_TEST

START_TEST(sessions_in_total_are_limited_for_everybody)
{
	struct limits_client *one;
	struct limits_client *two;

	limits.rules.sessions = 2;
	ck_assert_int_eq(limits_enter(&limits, client("192.0.2.1"), false, 0, &one), LIMITS_OK);
	ck_assert_int_eq(limits_enter(&limits, client("127.0.0.1"), true, 0, &two), LIMITS_OK);
	ck_assert_int_eq(limits_enter(&limits, client("127.0.0.1"), true, 0, &two), LIMITS_TOTAL_SESSIONS);
	limits_leave(&limits, one, 0);
	ck_assert_int_eq(limits_enter(&limits, client("127.0.0.1"), true, 0, &one), LIMITS_OK);
}
END_TEST

START_TEST(new_sessions_are_limited_by_rate_for_one_address_and_for_all)
{
	limits.rules.per_address[LIMITS_SESSIONS] = (struct bucket_rate){ 2, 10 };
	limits.rules.total[LIMITS_SESSIONS] = (struct bucket_rate){ 4, 10 };
	ck_assert_int_eq(visit("192.0.2.1", false, 0), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.1", false, 0), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.1", false, 0), LIMITS_ADDRESS_RATE);
	ck_assert_int_eq(visit("192.0.2.2", false, 0), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.3", false, 0), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.4", false, 0), LIMITS_TOTAL_RATE);
	ck_assert_int_eq(visit("192.0.2.1", false, 5 * SECOND), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.1", false, 5 * SECOND), LIMITS_ADDRESS_RATE);
}
END_TEST

START_TEST(rates_of_one_address_do_not_hold_for_the_exempt_but_totals_do)
{
	limits.rules.per_address[LIMITS_SESSIONS] = (struct bucket_rate){ 1, 10 };
	limits.rules.total[LIMITS_SESSIONS] = (struct bucket_rate){ 3, 10 };
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(visit("127.0.0.1", true, 0), LIMITS_OK);
	ck_assert_int_eq(visit("127.0.0.1", true, 0), LIMITS_TOTAL_RATE);
}
END_TEST

START_TEST(a_refusal_takes_nothing)
{
	struct limits_client *one;

	limits.rules.total[LIMITS_MESSAGES] = (struct bucket_rate){ 2, 10 };
	limits.rules.per_address[LIMITS_MESSAGES] = (struct bucket_rate){ 1, 10 };
	ck_assert_int_eq(limits_enter(&limits, client("192.0.2.1"), false, 0, &one), LIMITS_OK);
	ck_assert_int_eq(limits_take(&limits, one, LIMITS_MESSAGES, 1, 0), LIMITS_OK);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(limits_take(&limits, one, LIMITS_MESSAGES, 1, 0), LIMITS_ADDRESS_RATE);
	ck_assert_int_eq(limits_enter(&limits, client("192.0.2.2"), false, 0, &one), LIMITS_OK);
	ck_assert_int_eq(limits_take(&limits, one, LIMITS_MESSAGES, 1, 0), LIMITS_OK);
}
END_TEST

START_TEST(what_an_address_used_is_remembered_after_its_last_session)
{
	struct limits_client *one;

	limits.rules.per_address[LIMITS_ERRORS] = (struct bucket_rate){ 2, 100 };
	ck_assert_int_eq(limits_enter(&limits, client("192.0.2.1"), false, 0, &one), LIMITS_OK);
	ck_assert_int_eq(limits_take(&limits, one, LIMITS_ERRORS, 1, 0), LIMITS_OK);
	ck_assert_int_eq(limits_take(&limits, one, LIMITS_ERRORS, 1, 0), LIMITS_OK);
	ck_assert_int_eq(limits_take(&limits, one, LIMITS_ERRORS, 1, 0), LIMITS_ADDRESS_RATE);
	limits_leave(&limits, one, 0);
	ck_assert_int_eq(visit("192.0.2.1", false, 1), LIMITS_ADDRESS_ERRORS);
	ck_assert_int_eq(visit("192.0.2.2", false, 1), LIMITS_OK);
	ck_assert_int_eq(visit("192.0.2.1", false, 50 * SECOND), LIMITS_OK);
}
END_TEST

START_TEST(an_address_is_forgotten_once_it_has_recovered)
{
	limits.rules.per_address[LIMITS_SESSIONS] = (struct bucket_rate){ 10, 10 };
	visit("192.0.2.1", false, 0);
	ck_assert_uint_eq(limits.idle_count, 1);
	limits.rules.per_address[LIMITS_SESSIONS] = (struct bucket_rate){ 0 };
	visit("192.0.2.2", false, 0);
	ck_assert_uint_eq(limits.idle_count, 1);
	visit("192.0.2.2", false, 2 * SECOND);
	ck_assert_uint_eq(limits.idle_count, 0);
	ck_assert(RB_EMPTY(&limits.tree));
}
END_TEST

START_TEST(no_flood_of_addresses_is_remembered_whole)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	struct limits_client *entered;

	limits.rules.per_address[LIMITS_SESSIONS] = (struct bucket_rate){ 10, 86400 };
	for (uint32_t i = 0; i < 3 * LIMITS_REMEMBERED; i++) {
		memcpy(address.sin6_addr.s6_addr, &i, sizeof(i));
		address.sin6_addr.s6_addr[7] = 1;
		ck_assert_int_eq(limits_enter(&limits, (struct sockaddr *)(void *)&address, false, i, &entered), LIMITS_OK);
		limits_leave(&limits, entered, i);
	}
	ck_assert_uint_le(limits.idle_count, LIMITS_REMEMBERED + 1);
	limits_free(&limits);
	ck_assert(RB_EMPTY(&limits.tree));
}
END_TEST

START_TEST(a_flood_is_logged_now_and_then_with_the_number_of_what_was_not)
{
	uint32_t unlogged;
	unsigned lines = 0;
	char text[32];

	ck_assert(limits_log(&limits, client("192.0.2.1"), 0, &unlogged));
	ck_assert_uint_eq(unlogged, 0);
	for (int i = 0; i < 100; i++)
		ck_assert(!limits_log(&limits, client("192.0.2.1"), i, &unlogged));
	ck_assert(limits_log(&limits, client("192.0.2.1"), LIMITS_LOG_SECONDS * SECOND, &unlogged));
	ck_assert_uint_eq(unlogged, 100);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
		lines += limits_log(&limits, client(text), LIMITS_LOG_SECONDS * SECOND, &unlogged);
	}
	ck_assert_uint_eq(lines, LIMITS_LOG_LINES - 1);
}
END_TEST

UNIT_MAIN_WITH("limits", setup, NULL,
	a_bucket_gives_its_count_at_once_and_then_as_fast_as_it_fills,
	a_bucket_never_holds_more_than_its_count,
	a_rate_of_nothing_is_no_limit,
	sessions_are_counted_by_address_and_ipv6_by_network,
	sessions_in_total_are_limited_for_everybody,
	new_sessions_are_limited_by_rate_for_one_address_and_for_all,
	rates_of_one_address_do_not_hold_for_the_exempt_but_totals_do,
	a_refusal_takes_nothing,
	what_an_address_used_is_remembered_after_its_last_session,
	an_address_is_forgotten_once_it_has_recovered,
	no_flood_of_addresses_is_remembered_whole,
	a_flood_is_logged_now_and_then_with_the_number_of_what_was_not)
