/*
 * deliverd/quota.h: the arithmetic, the file, and the mailbox that is counted.
 */
#include "deliverd/quota.h"

#include <time.h>

#include "t/unit/deliver.h"

enum { BOX_QUOTA = 1000 };

static int top = -1;

static void
open_box(void)
{
	bool made;

	ck_assert_int_eq(maildir_make(deliver_store.root, "box", ".Folder", &made), 0);
	top = maildir_open_directory(deliver_store.root, "box", O_PATH);
	ck_assert_int_ge(top, 0);
}

static void
assert_file(const char *expected)
{
	char text[QUOTA_FILE_MAX + 1];

	deliver_read("box", "maildirsize", text, sizeof(text));
	ck_assert_str_eq(text, expected);
}

static void
set_age(int64_t seconds)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	ck_assert_int_eq(utimensat(deliver_store.root, "box/maildirsize", times, 0), 0);
}

START_TEST(lines_are_added_up)
{
	struct quota_usage usage;

	ck_assert_int_eq(quota_parse(SLICE("1000S\n500 2\n-100 -1\n  7   1 \n"), BOX_QUOTA, &usage), 0);
	ck_assert_int_eq(usage.bytes, 407);
	ck_assert_int_eq(usage.count, 2);
	ck_assert_uint_eq(usage.lines, 3);
}
END_TEST

START_TEST(a_limit_of_messages_by_another_program_is_left_to_it)
{
	struct quota_usage usage;

	ck_assert_int_eq(quota_parse(SLICE("1000S,50C\n500 2\n"), BOX_QUOTA, &usage), 0);
	ck_assert_int_eq(quota_parse(SLICE("50C,1000S\n500 2\n"), BOX_QUOTA, &usage), 0);
}
END_TEST

START_TEST(another_limit_or_a_malformed_file_is_not_believed)
{
	static const char *const texts[] = {
		"", "1000S", "1000S\n", "999S\n1 1\n", "1000C\n1 1\n", "S\n1 1\n", "1000S\n1\n", "1000S\n1 x\n", "1000S\n1 1 1\n",
		"1000S\n\n1 1\n", "1000S\n99999999999999999999 1\n", "1000S\n- 1\n", "1000S\n--1 1\n",
	};
	struct quota_usage usage;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(quota_parse(slice_from_string(texts[i]), BOX_QUOTA, &usage) == -EINVAL, "%s", texts[i]);
}
END_TEST

START_TEST(sums_stop_at_the_largest_number)
{
	struct quota_usage usage;

	ck_assert_int_eq(quota_parse(SLICE("1S\n9223372036854775807 1\n9223372036854775807 1\n"), 1, &usage), 0);
	ck_assert_int_eq(usage.bytes, INT64_MAX);
	ck_assert_int_eq(quota_parse(SLICE("1S\n-9223372036854775807 1\n-9223372036854775807 1\n"), 1, &usage), 0);
	ck_assert_int_eq(usage.bytes, INT64_MIN);
}
END_TEST

START_TEST(a_message_fits_up_to_the_last_byte)
{
	ck_assert(quota_fits(&(struct quota_usage){ .bytes = 900 }, 1000, 100));
	ck_assert(!quota_fits(&(struct quota_usage){ .bytes = 900 }, 1000, 101));
	ck_assert(!quota_fits(&(struct quota_usage){ .bytes = 1001 }, 1000, 0));
	ck_assert(quota_fits(&(struct quota_usage){ .bytes = -5 }, 1000, 1000));
	ck_assert(!quota_fits(&(struct quota_usage){ .bytes = -5 }, 1000, UINT64_MAX));
	ck_assert(!quota_fits(&(struct quota_usage){ .bytes = INT64_MAX }, 1000, 1));
}
END_TEST

START_TEST(a_missing_file_is_made_from_all_folders)
{
	open_box();
	deliver_write("box/new/a,S=100,W=110", "");
	deliver_write("box/cur/b,S=200:2,S", "");
	deliver_write("box/.Folder/cur/c", "12345");
	deliver_write("box/.Folder/new/.hidden", "12345");
	deliver_write("box/tmp/d,S=400", "");
	ck_assert_int_eq(symlinkat("/etc", deliver_store.root, "box/.Link"), 0);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 10), 0);
	assert_file("1000S\n305 3\n10 1\n");
	ck_assert_uint_eq(deliver_count("box/tmp", NULL), 1);
}
END_TEST

START_TEST(what_is_delivered_is_added_and_what_is_taken_back_too)
{
	open_box();
	deliver_write("box/maildirsize", "1000S\n600 3\n");
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 10), 0);
	quota_add(top, -10, -1);
	assert_file("1000S\n600 3\n10 1\n-10 -1\n");
}
END_TEST

START_TEST(a_message_that_does_not_fit_is_refused_only_after_counting)
{
	open_box();
	deliver_write("box/maildirsize", "1000S\n600 3\n390 1\n");
	deliver_write("box/cur/a,S=800:2,", "");
	/* The user has deleted 190 bytes with a program that does not count. */
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 100), 0);
	assert_file("1000S\n800 1\n100 1\n");
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 500), -EDQUOT);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 200), 0);
}
END_TEST

START_TEST(a_fresh_count_is_believed_and_an_old_one_is_not)
{
	open_box();
	deliver_write("box/maildirsize", "1000S\n950 3\n");
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 100), -EDQUOT);
	assert_file("1000S\n950 3\n");
	set_age(QUOTA_FRESH + 1);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 100), 0);
	assert_file("1000S\n0 0\n100 1\n");
	deliver_write("box/maildirsize", "1000S\n950 3\n");
	set_age(-60); /* the clock was wrong then */
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 100), 0);
	assert_file("1000S\n0 0\n100 1\n");
}
END_TEST

/* The file begins with LENGTH bytes of TEXT, which are followed by FILLING times the same byte. */
static void
leave_file(const char *text, size_t length, char byte, size_t filling)
{
	char left[256];
	int fd;

	memcpy(left, text, length);
	memset(left + length, byte, filling);
	fd = openat(deliver_store.root, "box/maildirsize", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, left, length + filling), (ssize_t)(length + filling));
	close(fd);
	set_age(QUOTA_FRESH + 1);
}

/* A message that fits is taken. What does not fit is taken once at most, however wrong the file is: then the mailbox is counted. */
static void
assert_counted_right(void)
{
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, BOX_QUOTA - 300), 0);
	if (quota_reserve(top, BOX_QUOTA, BOX_QUOTA - 299) == 0)
		ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, BOX_QUOTA - 299), -EDQUOT);
}

/* Nobody syncs it: it may be cut, short of lines, or have zeros or garbage in it. 300 bytes are in the mailbox. */
START_TEST(whatever_a_crash_leaves_of_the_file_no_message_is_refused_that_fits_and_the_quota_holds)
{
	static const char *const texts[] = {
		"1000S\n300 3\n", "1000S\n900 9\n-200 -2\n-400 -4\n", "1000S\n0 0\n100 1\n100 1\n100 1\n", "1000S\n999 9\n999999 9\n",
	};
	static const char bytes[] = { '\0', '7', '\n', ' ', '-', 'x', (char)0xff };

	open_box();
	deliver_write("box/cur/a,S=300:2,", "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t length = 0; length <= strlen(texts[i]); length++) {
			leave_file(texts[i], length, '\0', 0);
			assert_counted_right();
			for (size_t j = 0; j < sizeof(bytes); j++) {
				leave_file(texts[i], length, bytes[j], 40);
				assert_counted_right();
			}
		}
	}
}
END_TEST

START_TEST(a_file_that_has_grown_too_long_is_made_anew)
{
	char text[QUOTA_FILE_MAX + 16];
	size_t used = strlcpy(text, "1000S\n", sizeof(text));

	while (used < QUOTA_FILE_MAX)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "1 1\n");
	open_box();
	deliver_write("box/maildirsize", text);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 5), 0);
	assert_file("1000S\n0 0\n5 1\n");
}
END_TEST

START_TEST(a_changed_limit_makes_the_file_anew)
{
	open_box();
	deliver_write("box/maildirsize", "1000S\n1 1\n");
	ck_assert_int_eq(quota_reserve(top, 2000, 5), 0);
	assert_file("2000S\n0 0\n5 1\n");
}
END_TEST

START_TEST(a_link_or_pipe_in_the_place_of_the_file_is_not_opened)
{
	open_box();
	deliver_write("outside", "1000S\n1 1\n");
	ck_assert_int_eq(symlinkat("../outside", deliver_store.root, "box/maildirsize"), 0);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 5), 0);
	assert_file("1000S\n0 0\n5 1\n");
	ck_assert_int_eq(unlinkat(deliver_store.root, "box/maildirsize", 0), 0);
	ck_assert_int_eq(mkfifoat(deliver_store.root, "box/maildirsize", 0600), 0);
	ck_assert_int_eq(quota_reserve(top, BOX_QUOTA, 6), 0);
	assert_file("1000S\n0 0\n6 1\n");
}
END_TEST

START_TEST(without_a_limit_only_a_file_that_is_there_is_kept_up)
{
	open_box();
	quota_add(top, 10, 1);
	ck_assert_int_ne(faccessat(deliver_store.root, "box/maildirsize", F_OK, 0), 0);
	deliver_write("box/maildirsize", "500S\n1 1\n");
	quota_add(top, 10, 1);
	assert_file("500S\n1 1\n10 1\n");
}
END_TEST

DELIVER_MAIN("deliver_quota", lines_are_added_up, a_limit_of_messages_by_another_program_is_left_to_it,
             another_limit_or_a_malformed_file_is_not_believed, sums_stop_at_the_largest_number,
             a_message_fits_up_to_the_last_byte, a_missing_file_is_made_from_all_folders,
             what_is_delivered_is_added_and_what_is_taken_back_too,
             a_message_that_does_not_fit_is_refused_only_after_counting, a_fresh_count_is_believed_and_an_old_one_is_not,
             whatever_a_crash_leaves_of_the_file_no_message_is_refused_that_fits_and_the_quota_holds,
             a_file_that_has_grown_too_long_is_made_anew, a_changed_limit_makes_the_file_anew,
             a_link_or_pipe_in_the_place_of_the_file_is_not_opened,
             without_a_limit_only_a_file_that_is_there_is_kept_up)
