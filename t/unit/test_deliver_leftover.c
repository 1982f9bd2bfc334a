/*
 * deliverd/leftover.h
 */
#include "deliverd/leftover.h"

#include "common/base/clock.h"
#include "t/unit/deliver.h"

START_TEST(old_leftovers_are_removed_and_nothing_else)
{
	struct leftovers *leftovers = leftovers_new();
	int64_t later = clock_wall() + LEFTOVER_AGE + 10;
	bool made;
	int tmp;

	ck_assert_int_eq(maildir_make(deliver_store.root, "a", "", &made), 0);
	deliver_write("keep", "x");
	deliver_write("a/tmp/1.M1P1Q1.host", "half a mess");
	ck_assert_int_eq(symlinkat("../../keep", deliver_store.root, "a/tmp/link"), 0);
	ck_assert_int_eq(mkdirat(deliver_store.root, "a/tmp/directory", 0700), 0);
	tmp = maildir_open_directory(deliver_store.root, "a/tmp", O_PATH);
	ck_assert_uint_eq(leftovers_remove(leftovers, 1, tmp, clock_wall()), 0);
	ck_assert_uint_eq(leftovers_remove(leftovers, 2, tmp, later), 1);
	ck_assert_uint_eq(deliver_count("a/tmp", NULL), 2);
	ck_assert_int_eq(faccessat(deliver_store.root, "keep", F_OK, 0), 0);
	close(tmp);
	leftovers_free(&leftovers);
}
END_TEST

START_TEST(leftovers_are_looked_for_once_a_day)
{
	struct leftovers *leftovers = leftovers_new();
	int64_t later = clock_wall() + LEFTOVER_AGE + 10;
	bool made;
	int tmp;

	ck_assert_int_eq(maildir_make(deliver_store.root, "a", "", &made), 0);
	tmp = maildir_open_directory(deliver_store.root, "a/tmp", O_PATH);
	ck_assert_uint_eq(leftovers_remove(leftovers, 1, tmp, later), 0);
	deliver_write("a/tmp/leftover", "x");
	ck_assert_uint_eq(leftovers_remove(leftovers, 1, tmp, later + LEFTOVER_INTERVAL - 1), 0);
	ck_assert_uint_eq(leftovers_remove(leftovers, 1, tmp, later + LEFTOVER_INTERVAL), 1);
	close(tmp);
	leftovers_free(&leftovers);
}
END_TEST

DELIVER_MAIN("deliver_leftover", old_leftovers_are_removed_and_nothing_else,
             leftovers_are_looked_for_once_a_day)
