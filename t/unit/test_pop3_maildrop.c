/*
 * pop3d/maildrop.h on directories of its own: order, sizes, unique-ids, moves, foreign files, locks.
 */
#include "pop3d/maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pop3d/maildrop_index.h"
#include "t/unit/unit.h"

enum { MEMORY = 64 * 1024 * 1024 };

static char directory[64];
static int root = -1;
static struct maildrop *maildrop;

static void
make_maildrop(void)
{
	strlcpy(directory, "/tmp/test_pop3_maildrop.XXXXXX", sizeof(directory));
	ck_assert_ptr_nonnull(mkdtemp(directory));
	root = open(directory, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(root, 0);
	ck_assert_int_eq(mkdirat(root, "new", 0700), 0);
	ck_assert_int_eq(mkdirat(root, "cur", 0700), 0);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
remove_maildrop(void)
{
	maildrop_close(&maildrop);
	close(root);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_file(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void
move(const char *from, const char *to)
{
	ck_assert_int_eq(renameat(root, from, root, to), 0);
}

static int
try_open(size_t memory)
{
	int more = maildrop_open(open(directory, O_RDONLY | O_DIRECTORY), memory, &maildrop);

	if (more != 0)
		return more;
	do {
		more = maildrop_scan(maildrop);
	} while (more > 0);
	return more;
}

static void
open_all(void)
{
	ck_assert_int_eq(try_open(MEMORY), 0);
}

static void
rescan(void)
{
	int more;

	maildrop_rescan(maildrop);
	do {
		more = maildrop_scan(maildrop);
	} while (more > 0);
	ck_assert_int_eq(more, 0);
	ck_assert(!maildrop_scanning(maildrop));
}

static void
assert_uidl(uint32_t message, const char *expected)
{
	char uidl[MAILDROP_UIDL_SIZE];

	maildrop_uidl(maildrop, message, uidl);
	ck_assert_str_eq(uidl, expected);
}

static int
open_message(uint32_t message)
{
	uint64_t length;
	int fd = maildrop_open_message(maildrop, message, &length);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

START_TEST(messages_come_in_the_order_of_their_times_then_names)
{
	static const char *const order[] = {
		"no time", "9.a", "10.M000001P2Q1.h", "10.M2P1Q1.h", "10.M2P1Q2.h", "1000000000.x", "1000000001.x",
	};
	char path[64];

	for (size_t i = sizeof(order) / sizeof(order[0]); i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", i % 2 == 0 ? "new" : "cur", order[i]);
		write_file(path, "x\n");
	}
	open_all();
	ck_assert_uint_eq(maildrop_count(maildrop), sizeof(order) / sizeof(order[0]));
	for (uint32_t i = 1; i < maildrop_count(maildrop); i++)
		assert_uidl(i, order[i]);
}
END_TEST

START_TEST(sizes_come_from_the_names_and_no_file_is_opened_for_them)
{
	write_file("new/1.a,S=5,W=7", "unreadable");
	write_file("cur/2.b,W=9:2,S", "");
	write_file("cur/3.c,S=9:2,S", "nine byte");
	ck_assert_int_eq(fchmodat(root, "new/1.a,S=5,W=7", 0, 0), 0);
	open_all();
	ck_assert_uint_eq(maildrop_unsized(maildrop), 1);
	ck_assert(maildrop_sized(maildrop, 0));
	ck_assert(!maildrop_sized(maildrop, 2));
	ck_assert_uint_eq(maildrop_octets(maildrop, 0), 7);
	ck_assert_uint_eq(maildrop_octets(maildrop, 1), 9);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 16);
	maildrop_set_octets(maildrop, 2, 10);
	ck_assert_uint_eq(maildrop_unsized(maildrop), 0);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 26);
	maildrop_delete(maildrop, 2);
	maildrop_set_octets(maildrop, 2, 11);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 16);
}
END_TEST

START_TEST(a_unique_id_is_the_name_without_flags_or_a_digest_of_it)
{
	char name[128];
	char uidl[MAILDROP_UIDL_SIZE];

	write_file("cur/1.a,S=1,W=1:2,FS", "x");
	write_file("cur/2.with blank:2,", "x");
	snprintf(name, sizeof(name), "new/3.%068d", 0);
	write_file(name, "x");
	snprintf(name, sizeof(name), "new/4.%069d", 0);
	write_file(name, "x");
	open_all();
	assert_uidl(0, "1.a,S=1,W=1");
	/* SHA-256 of "2.with blank" */
	assert_uidl(1, "e43047f9acc5b1af2d1b0e97c3e67757fc0716bb987d7cadadd6d7ffa314401f");
	maildrop_uidl(maildrop, 2, uidl);
	ck_assert_uint_eq(strlen(uidl), 70);
	maildrop_uidl(maildrop, 3, uidl);
	ck_assert_uint_eq(strlen(uidl), 64);
}
END_TEST

START_TEST(a_message_that_others_move_or_flag_is_found_again)
{
	write_file("new/1.a", "a");
	write_file("new/2.b", "b");
	write_file("cur/3.c:2,", "c");
	open_all();
	move("new/1.a", "cur/1.a:2,S");
	move("cur/3.c:2,", "cur/3.c:2,ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	ck_assert_int_eq(open_message(0), -ENOENT);
	ck_assert_int_eq(open_message(2), -ENOENT);
	ck_assert_int_eq(open_message(1), 0);
	rescan();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(open_message(i), 0);
	assert_uidl(0, "1.a");
	assert_uidl(2, "3.c");
	move("cur/3.c:2,ABCDEFGHIJKLMNOPQRSTUVWXYZ", "new/3.c");
	rescan();
	ck_assert_int_eq(open_message(2), 0);
}
END_TEST

START_TEST(a_message_that_was_removed_is_gone_and_the_others_are_not)
{
	write_file("new/1.a", "a");
	write_file("new/2.b", "b");
	open_all();
	ck_assert_int_eq(unlinkat(root, "new/1.a", 0), 0);
	rescan();
	ck_assert(maildrop_gone(maildrop, 0));
	ck_assert(!maildrop_gone(maildrop, 1));
	ck_assert_int_eq(open_message(0), -ENOENT);
	ck_assert_int_eq(maildrop_remove(maildrop, 0), 0);
	ck_assert_int_eq(open_message(1), 0);
}
END_TEST

START_TEST(what_arrives_after_opening_is_not_in_the_session_and_not_removed_by_it)
{
	write_file("new/1.a", "a");
	open_all();
	write_file("new/2.b", "b");
	rescan();
	ck_assert_uint_eq(maildrop_count(maildrop), 1);
	ck_assert_int_eq(maildrop_remove(maildrop, 0), 0);
	ck_assert_int_eq(faccessat(root, "new/2.b", F_OK, 0), 0);
	ck_assert_int_ne(faccessat(root, "new/1.a", F_OK, 0), 0);
}
END_TEST

START_TEST(a_name_in_new_and_cur_is_one_message_and_removed_from_both)
{
	write_file("new/1.a", "a");
	write_file("cur/1.a:2,S", "a");
	write_file("cur/2.b:2,", "b");
	write_file("cur/2.b:2,S", "b");
	open_all();
	ck_assert_uint_eq(maildrop_count(maildrop), 2);
	ck_assert_int_eq(open_message(0), 0);
	ck_assert_int_eq(maildrop_remove(maildrop, 0), 0);
	ck_assert_int_ne(faccessat(root, "new/1.a", F_OK, 0), 0);
	ck_assert_int_ne(faccessat(root, "cur/1.a:2,S", F_OK, 0), 0);
}
END_TEST

START_TEST(foreign_files_are_not_messages)
{
	ck_assert_int_eq(mkdirat(root, "new/directory", 0700), 0);
	ck_assert_int_eq(mkfifoat(root, "cur/fifo", 0600), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", root, "new/link"), 0);
	ck_assert_int_eq(symlinkat("nowhere", root, "cur/dangling"), 0);
	write_file("new/.hidden", "x");
	write_file("cur/line\nbreak", "x");
	write_file("cur/odd \xFF name", "x");
	write_file("cur/empty", "");
	open_all();
	ck_assert_uint_eq(maildrop_count(maildrop), 2);
	ck_assert_int_eq(open_message(0), 0);
	ck_assert_int_eq(open_message(1), 0);
}
END_TEST

START_TEST(what_took_a_messages_place_is_not_opened)
{
	write_file("new/1.a", "x");
	write_file("new/2.b", "x");
	write_file("new/3.c", "x");
	open_all();
	unlinkat(root, "new/1.a", 0);
	unlinkat(root, "new/2.b", 0);
	unlinkat(root, "new/3.c", 0);
	ck_assert_int_eq(mkfifoat(root, "new/1.a", 0600), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", root, "new/2.b"), 0);
	ck_assert_int_eq(mkdirat(root, "new/3.c", 0700), 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(open_message(i), -EINVAL);
}
END_TEST

START_TEST(a_maildir_that_is_not_whole_is_an_empty_maildrop)
{
	ck_assert_int_eq(unlinkat(root, "new", AT_REMOVEDIR), 0);
	ck_assert_int_eq(unlinkat(root, "cur", AT_REMOVEDIR), 0);
	open_all();
	ck_assert_uint_eq(maildrop_count(maildrop), 0);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 0);
}
END_TEST

START_TEST(only_one_session_has_a_maildrop_also_in_one_process)
{
	struct maildrop *second = NULL;

	open_all();
	ck_assert_int_eq(maildrop_open(open(directory, O_RDONLY | O_DIRECTORY), MEMORY, &second), -EBUSY);
	maildrop_close(&maildrop);
	open_all();
}
END_TEST

START_TEST(marks_are_counted_and_taken_back)
{
	write_file("new/1.a,W=1", "a");
	write_file("new/2.b,W=2", "b");
	open_all();
	maildrop_delete(maildrop, 1);
	maildrop_delete(maildrop, 1);
	ck_assert_uint_eq(maildrop_left(maildrop), 1);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 1);
	ck_assert(maildrop_deleted(maildrop, 1));
	maildrop_undelete_all(maildrop);
	ck_assert_uint_eq(maildrop_left(maildrop), 2);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 3);
	ck_assert_int_eq(faccessat(root, "new/2.b,W=2", F_OK, 0), 0);
}
END_TEST

START_TEST(removals_are_taken_off_the_quota_when_there_is_one)
{
	char text[64] = "";
	int fd;

	write_file("new/1.a,S=10,W=12", "ten bytes\n");
	write_file("new/2.b", "four");
	open_all();
	ck_assert_int_eq(maildrop_remove(maildrop, 0), 0);
	ck_assert_int_eq(maildrop_remove(maildrop, 1), 0);
	write_file("maildirsize", "100S\n14 2\n");
	ck_assert_int_eq(maildrop_account(maildrop, "maildirsize"), 0);
	ck_assert_int_eq(maildrop_account(maildrop, "maildirsize"), 0);
	fd = openat(root, "maildirsize", O_RDONLY);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, "100S\n14 2\n-14 -2\n");
	ck_assert_int_eq(maildrop_account(maildrop, "not there"), 0);
}
END_TEST

static void
make_many(unsigned count)
{
	char path[128];

	for (unsigned i = 0; i < count; i++) {
		/* 7919 is prime to the counts used here: the names are made out of order. */
		unsigned number = (unsigned)((unsigned long long)i * 7919 % count);

		snprintf(path, sizeof(path), "%s/%u.M%uP1Q%u.host.example,S=100,W=102", i % 3 == 0 ? "cur" : "new",
		         1000000000 + number / 4, number % 4, number);
		ck_assert_int_eq(mknodat(root, path, S_IFREG | 0600, 0), 0);
	}
}

START_TEST(ten_thousand_messages_are_read_sorted_and_found_again)
{
	char expected[128];

	make_many(10000);
	open_all();
	ck_assert_uint_eq(maildrop_count(maildrop), 10000);
	ck_assert_uint_eq(maildrop_left_octets(maildrop), 1020000);
	ck_assert_uint_lt(maildrop_memory(maildrop), 1000000);
	for (unsigned i = 0; i < 10000; i += 97) {
		snprintf(expected, sizeof(expected), "%u.M%uP1Q%u.host.example,S=100,W=102", 1000000000 + i / 4, i % 4, i);
		assert_uidl(i, expected);
	}
	rescan();
	for (unsigned i = 0; i < 10000; i++)
		ck_assert(!maildrop_gone(maildrop, i));
}
END_TEST

START_TEST(a_maildrop_that_would_take_too_much_memory_is_refused)
{
	make_many(1000);
	ck_assert_int_eq(try_open(32 * 1024), -ENOBUFS);
	maildrop_close(&maildrop);
	ck_assert_int_eq(try_open(128 * 1024), 0);
}
END_TEST

START_TEST(the_time_of_arrival_is_read_from_the_name)
{
	ck_assert_uint_eq(maildrop_arrival(SLICE("1700000000.M123456P7Q1.host")), UINT64_C(1700000000123456));
	ck_assert_uint_eq(maildrop_arrival(SLICE("1700000000.7_1.host")), UINT64_C(1700000000000000));
	ck_assert_uint_eq(maildrop_arrival(SLICE("1700000000.M1234567P7.host")), UINT64_C(1700000000000000));
	ck_assert_uint_eq(maildrop_arrival(SLICE("1700000000")), 0);
	ck_assert_uint_eq(maildrop_arrival(SLICE(".1")), 0);
	ck_assert_uint_eq(maildrop_arrival(SLICE("name.1")), 0);
	ck_assert_uint_eq(maildrop_arrival(SLICE("99999999999999999999.1")), 0);
	ck_assert_uint_eq(maildrop_arrival(SLICE("")), 0);
}
END_TEST

UNIT_MAIN_WITH("pop3_maildrop", make_maildrop, remove_maildrop,
	messages_come_in_the_order_of_their_times_then_names,
	sizes_come_from_the_names_and_no_file_is_opened_for_them,
	a_unique_id_is_the_name_without_flags_or_a_digest_of_it,
	a_message_that_others_move_or_flag_is_found_again,
	a_message_that_was_removed_is_gone_and_the_others_are_not,
	what_arrives_after_opening_is_not_in_the_session_and_not_removed_by_it,
	a_name_in_new_and_cur_is_one_message_and_removed_from_both,
	foreign_files_are_not_messages,
	what_took_a_messages_place_is_not_opened,
	a_maildir_that_is_not_whole_is_an_empty_maildrop,
	only_one_session_has_a_maildrop_also_in_one_process,
	marks_are_counted_and_taken_back,
	removals_are_taken_off_the_quota_when_there_is_one,
	ten_thousand_messages_are_read_sorted_and_found_again,
	a_maildrop_that_would_take_too_much_memory_is_refused,
	the_time_of_arrival_is_read_from_the_name)
