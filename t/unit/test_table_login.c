/*
 * tabled/tickets.h and verified.h: what is remembered of a right password, and for how long.
 */
#include <stdio.h>
#include <string.h>

#include "t/unit/unit.h"
#include "tabled/tickets.h"
#include "tabled/verified.h"

enum {
	LIFE_MS = TABLE_TICKET_SECONDS * 1000,
};

static struct ticket
ticket_for(const char *login)
{
	struct ticket ticket = { .folder = "Folder" };

	ck_assert(name_parse(slice_from_string(login), &ticket.name));
	return ticket;
}

START_TEST(a_ticket_is_good_once)
{
	struct tickets *tickets = tickets_new();
	struct ticket ticket = ticket_for("a@b"), again;
	unsigned char number[TABLE_TICKET_SIZE];
	struct slice whole = slice_of(number, sizeof(number));

	ck_assert_int_eq(tickets_issue(tickets, &ticket, 100, number), 0);
	ck_assert(!tickets_redeem(tickets, slice_first(whole, TABLE_TICKET_SIZE - 1), 100, &again));
	ck_assert(tickets_redeem(tickets, whole, 100, &again));
	ck_assert_slice(name_key(&again.name), "b@a");
	ck_assert_str_eq(again.folder, "Folder");
	ck_assert(!tickets_redeem(tickets, whole, 100, &again));
	tickets_free(&tickets);
}
END_TEST

START_TEST(a_ticket_expires)
{
	struct tickets *tickets = tickets_new();
	struct ticket ticket = ticket_for("a@b"), again;
	unsigned char first[TABLE_TICKET_SIZE], second[TABLE_TICKET_SIZE];

	ck_assert_int_eq(tickets_issue(tickets, &ticket, 0, first), 0);
	ck_assert_int_eq(tickets_issue(tickets, &ticket, 1, second), 0);
	ck_assert_int_ne(memcmp(first, second, sizeof(first)), 0);
	ck_assert(!tickets_redeem(tickets, slice_of(first, sizeof(first)), LIFE_MS, &again));
	ck_assert(tickets_redeem(tickets, slice_of(second, sizeof(second)), LIFE_MS, &again));
	tickets_free(&tickets);
}
END_TEST

START_TEST(the_number_of_tickets_is_bounded_until_they_expire)
{
	struct tickets *tickets = tickets_new();
	struct ticket ticket = ticket_for("a@b");
	unsigned char number[TABLE_TICKET_SIZE];
	int issued = 0;

	while (issued < 1000000 && tickets_issue(tickets, &ticket, 0, number) == 0)
		issued++;
	ck_assert_int_ge(issued, 1000);
	ck_assert_int_lt(issued, 1000000);
	ck_assert_int_eq(tickets_issue(tickets, &ticket, LIFE_MS, number), 0);
	tickets_free(&tickets);
}
END_TEST

static void
digest_of(struct verified *verified, const char *login, const char *hash, const char *password,
          unsigned char *digest)
{
	verified_digest(verified, slice_from_string(login), slice_from_string(hash),
	                slice_from_string(password), digest);
}

START_TEST(a_password_is_remembered_for_its_time_its_user_and_its_hash_only)
{
	struct verified *verified = verified_new();
	unsigned char digest[VERIFIED_DIGEST_SIZE], other[VERIFIED_DIGEST_SIZE];

	digest_of(verified, "a@b", "hash", "secret", digest);
	ck_assert(!verified_find(verified, digest, 0));
	verified_add(verified, digest, 1000);
	ck_assert(verified_find(verified, digest, 999));
	ck_assert(!verified_find(verified, digest, 1000));
	digest_of(verified, "a@c", "hash", "secret", other);
	ck_assert(!verified_find(verified, other, 0));
	digest_of(verified, "a@b", "new hash", "secret", other);
	ck_assert(!verified_find(verified, other, 0));
	digest_of(verified, "a@b", "hash", "secret2", other);
	ck_assert(!verified_find(verified, other, 0));
	digest_of(verified, "a@bh", "ash", "secret", other);
	ck_assert(!verified_find(verified, other, 0));
	verified_free(&verified);
}
END_TEST

START_TEST(a_hundred_thousand_passwords_need_no_more_memory_and_the_newest_are_kept)
{
	struct verified *verified = verified_new();
	unsigned char digest[VERIFIED_DIGEST_SIZE];
	char password[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(password, sizeof(password), "%d", i);
		digest_of(verified, "a@b", "hash", password, digest);
		verified_add(verified, digest, 1000 + i);
		ck_assert(verified_find(verified, digest, 999));
	}
	verified_free(&verified);
}
END_TEST

UNIT_MAIN("table_login", a_ticket_is_good_once, a_ticket_expires,
          the_number_of_tickets_is_bounded_until_they_expire,
          a_password_is_remembered_for_its_time_its_user_and_its_hash_only,
          a_hundred_thousand_passwords_need_no_more_memory_and_the_newest_are_kept)
