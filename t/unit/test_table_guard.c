/*
 * tabled/guard.h and decoy.h: what guessing of passwords meets.
 */
#include <stdio.h>
#include <string.h>

#include "t/unit/unit.h"
#include "tabled/decoy.h"
#include "tabled/guard.h"

static const struct guard_limits limits = { .per_address = 5, .per_account = 3, .delay_ms = 1000 };
static struct guard *guard;
static uint32_t delay;

static bool
attempt(const char *client, const char *account, int64_t now)
{
	return guard_begin(guard, &limits, client, slice_from_string(account), now, &delay);
}

START_TEST(each_failure_is_answered_later_than_the_one_before)
{
	static const uint32_t delays[] = { 1000, 2000, 4000 };

	guard = guard_new();
	for (size_t i = 0; i < 3; i++) {
		ck_assert(attempt("192.0.2.1", "a", 0));
		ck_assert_uint_eq(delay, delays[i]);
	}
	guard_free(&guard);
}
END_TEST

START_TEST(an_address_is_refused_after_its_failures_whatever_the_accounts)
{
	char account[16];

	guard = guard_new();
	for (int i = 0; i < 5; i++) {
		snprintf(account, sizeof(account), "user%d", i);
		ck_assert(attempt("192.0.2.1", account, 0));
	}
	ck_assert_uint_eq(delay, GUARD_DELAY_MAX_MS);
	ck_assert(!attempt("192.0.2.1", "another", 0));
	ck_assert(attempt("192.0.2.2", "another", 0));
	guard_free(&guard);
}
END_TEST

START_TEST(an_ipv6_address_counts_by_its_64_and_a_mapped_one_as_ipv4)
{
	guard = guard_new();
	for (int i = 0; i < 5; i++) {
		char client[64], account[16];

		snprintf(client, sizeof(client), "2001:db8::%d", i);
		snprintf(account, sizeof(account), "user%d", i);
		ck_assert(attempt(client, account, 0));
	}
	ck_assert(!attempt("2001:db8::ffff:1", "x", 0));
	ck_assert(attempt("2001:db8:0:1::1", "x", 0));
	guard_free(&guard);
}
END_TEST

START_TEST(an_account_is_refused_after_its_failures_but_not_to_whom_it_has_opened_before)
{
	guard = guard_new();
	ck_assert(attempt("192.0.2.1", "a", 0));
	guard_right(guard, "192.0.2.1", SLICE("a"), 0);
	ck_assert(attempt("198.51.100.1", "a", 0));
	ck_assert(attempt("198.51.100.2", "a", 0));
	ck_assert(attempt("198.51.100.3", "a", 0));
	ck_assert(!attempt("198.51.100.4", "a", 0));
	ck_assert(attempt("198.51.100.4", "b", 0));
	ck_assert(attempt("192.0.2.1", "a", 0));
	guard_free(&guard);
}
END_TEST

START_TEST(what_is_right_or_undecided_does_not_count)
{
	guard = guard_new();
	for (int i = 0; i < 100; i++) {
		ck_assert(attempt("192.0.2.1", "a", 0));
		if (i % 2 == 0)
			guard_right(guard, "192.0.2.1", SLICE("a"), 0);
		else
			guard_undecided(guard, "192.0.2.1", SLICE("a"), 0);
	}
	ck_assert_uint_eq(delay, 1000);
	guard_free(&guard);
}
END_TEST

START_TEST(failures_are_forgotten_with_time)
{
	guard = guard_new();
	for (int i = 0; i < 3; i++)
		ck_assert(attempt("192.0.2.1", "a", 0));
	ck_assert(!attempt("192.0.2.2", "a", 1));
	ck_assert(attempt("192.0.2.2", "a", GUARD_HALF_LIFE_MS));
	ck_assert(attempt("192.0.2.2", "a", INT64_C(100) * GUARD_HALF_LIFE_MS));
	ck_assert_uint_eq(delay, 1000);
	guard_free(&guard);
}
END_TEST

START_TEST(without_limits_nobody_is_refused)
{
	static const struct guard_limits none = { 0 };

	guard = guard_new();
	for (int i = 0; i < 1000; i++) {
		ck_assert(guard_begin(guard, &none, "192.0.2.1", SLICE("a"), 0, &delay));
		ck_assert_uint_eq(delay, 0);
	}
	guard_free(&guard);
}
END_TEST

START_TEST(two_hundred_thousand_addresses_do_not_wash_out_one_that_is_refused)
{
	guard = guard_new();
	for (int i = 0; i < 5; i++)
		(void)attempt("192.0.2.1", i < 3 ? "a" : "b", 0);
	ck_assert(!attempt("192.0.2.1", "c", 0));
	for (int i = 0; i < 200000; i++) {
		char client[32];

		snprintf(client, sizeof(client), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		(void)attempt(client, client, 0);
	}
	ck_assert(!attempt("192.0.2.1", "c", 0));
	guard_free(&guard);
}
END_TEST

START_TEST(the_salt_of_nobody_is_always_the_same_and_each_name_has_its_own)
{
	struct decoy decoy = { .key = "key" };
	unsigned char one[SCRAM_SALT_SIZE], again[SCRAM_SALT_SIZE], two[SCRAM_SALT_SIZE];

	decoy_salt(&decoy, SLICE("a@b"), one);
	decoy_salt(&decoy, SLICE("a@b"), again);
	decoy_salt(&decoy, SLICE("a@c"), two);
	ck_assert_mem_eq(one, again, sizeof(one));
	ck_assert_mem_ne(one, two, sizeof(one));
	decoy_set_cost(&decoy, 5);
	ck_assert_int_eq(strncmp(decoy.hash, "$y$j9T$", 7), 0);
}
END_TEST

UNIT_MAIN("table_guard", each_failure_is_answered_later_than_the_one_before,
          an_address_is_refused_after_its_failures_whatever_the_accounts,
          an_ipv6_address_counts_by_its_64_and_a_mapped_one_as_ipv4,
          an_account_is_refused_after_its_failures_but_not_to_whom_it_has_opened_before,
          what_is_right_or_undecided_does_not_count, failures_are_forgotten_with_time, without_limits_nobody_is_refused,
          two_hundred_thousand_addresses_do_not_wash_out_one_that_is_refused,
          the_salt_of_nobody_is_always_the_same_and_each_name_has_its_own)
