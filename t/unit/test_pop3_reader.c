/*
 * pop3d/reader.h: lists of files that a thread and this process read together.
 */
#include "pop3d/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/unit.h"

enum {
	MESSAGES = 100,
	ROUNDS = 500,
	MEMORY = 1024 * 1024, /* of the index, bytes */
	SIZE = 64,            /* more than each of the files has */
};

static const char owner, other; /* for their addresses */
static char directory[64];
static struct maildrop *maildrop;
static struct reader *reader;

static void
open_maildrop(void)
{
	int more = maildrop_open(open(directory, O_RDONLY | O_DIRECTORY), MEMORY, &maildrop);

	while (more == 0 && maildrop_scan(maildrop) > 0)
		continue;
	ck_assert_uint_eq(maildrop_count(maildrop), MESSAGES);
}

static void
setup(void)
{
	char path[128];

	strlcpy(directory, "/tmp/test_pop3_reader.XXXXXX", sizeof(directory));
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/new", directory);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	for (unsigned i = 0; i < MESSAGES; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/new/%u.a", directory, 1000 + i);
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fprintf(file, "text of %u", i);
		fclose(file);
	}
	open_maildrop();
	ck_assert_int_eq(reader_new(&reader), 0);
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
teardown(void)
{
	maildrop_close(&maildrop);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
hand_over(uint32_t first, uint32_t count, size_t size)
{
	while (reader_busy(reader))
		sched_yield();
	reader_begin(reader, &owner);
	for (uint32_t message = first; message < first + count; message++)
		ck_assert_int_eq(reader_add(reader, maildrop, message, size), 0);
	reader_go(reader);
}

/* Waits, and helps when HELP, until MESSAGE has been read; uses it. */
static ssize_t
wait_for(uint32_t message, bool help, const char **bytes_r)
{
	const struct reader_file *file = reader_find(reader, &owner, message);

	ck_assert_ptr_nonnull(file);
	while (!reader_has_read(file))
		if (!help || !reader_help(reader))
			sched_yield();
	return reader_use(reader, file, bytes_r);
}

static void
assert_text(uint32_t message, bool help)
{
	char text[SIZE];
	const char *bytes;
	ssize_t got = wait_for(message, help, &bytes);

	ck_assert_int_eq(got, snprintf(text, sizeof(text), "text of %u", message));
	ck_assert_mem_eq(bytes, text, (size_t)got);
}

START_TEST(the_thread_reads_what_is_listed)
{
	hand_over(10, READER_FILES_MAX, SIZE);
	for (uint32_t message = 10; message < 10 + READER_FILES_MAX; message++)
		assert_text(message, false);
}
END_TEST

START_TEST(thread_and_process_read_one_list_after_the_other_together)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t first = round % 30, count = 1 + round % READER_FILES_MAX;

		hand_over(first, count, SIZE);
		for (uint32_t message = first; message < first + count; message++)
			assert_text(message, true);
	}
	ck_assert(!reader_help(reader));
}
END_TEST

START_TEST(a_file_is_found_by_its_owner_until_it_or_one_behind_it_was_used)
{
	hand_over(0, 4, SIZE);
	ck_assert_ptr_null(reader_find(reader, &other, 1));
	ck_assert_ptr_null(reader_find(reader, &owner, 4));
	assert_text(1, true);
	ck_assert_ptr_null(reader_find(reader, &owner, 0));
	ck_assert_ptr_null(reader_find(reader, &owner, 1));
	assert_text(3, true);
	ck_assert_ptr_null(reader_find(reader, &owner, 2));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_gives_its_error_and_the_others_are_read)
{
	char path[128];
	const char *bytes;

	snprintf(path, sizeof(path), "%s/new/1001.a", directory);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/new/1002.a", directory);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("1000.a", path), 0);
	hand_over(0, 4, SIZE);
	assert_text(0, false);
	ck_assert_int_eq(wait_for(1, false, &bytes), -ENOENT);
	ck_assert_int_eq(wait_for(2, false, &bytes), -EINVAL);
	assert_text(3, false);
}
END_TEST

START_TEST(no_more_of_a_file_is_read_than_is_wanted)
{
	const char *bytes;

	hand_over(0, 4, 6);
	for (uint32_t message = 0; message < 4; message++) {
		ck_assert_int_eq(wait_for(message, false, &bytes), 6);
		ck_assert_mem_eq(bytes, "text o", 6);
	}
}
END_TEST

START_TEST(a_list_has_so_many_files_and_bytes_and_no_more)
{
	reader_begin(reader, &owner);
	for (uint32_t message = 0; message < READER_FILES_MAX; message++)
		ck_assert_int_eq(reader_add(reader, maildrop, message, SIZE), 0);
	ck_assert_int_eq(reader_add(reader, maildrop, READER_FILES_MAX, SIZE), -ENOBUFS);
	reader_begin(reader, &owner);
	ck_assert_int_eq(reader_add(reader, maildrop, 0, READER_MEMORY - SIZE), 0);
	ck_assert_int_eq(reader_add(reader, maildrop, 1, SIZE + 1), -ENOBUFS);
	ck_assert_int_eq(reader_add(reader, maildrop, 1, SIZE), 0);
	reader_go(reader);
	assert_text(0, true);
	assert_text(1, true);
}
END_TEST

START_TEST(a_list_that_is_forgotten_is_read_no_more_and_its_maildrop_may_be_closed)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		hand_over(0, READER_FILES_MAX, SIZE);
		for (uint32_t message = 0; message < round % 8; message++)
			assert_text(message, true);
		reader_forget(reader, &other);
		ck_assert_ptr_nonnull(reader_find(reader, &owner, READER_FILES_MAX - 1));
		reader_forget(reader, &owner);
		maildrop_close(&maildrop);
		ck_assert(!reader_help(reader));
		ck_assert_ptr_null(reader_find(reader, &owner, READER_FILES_MAX - 1));
		open_maildrop();
	}
}
END_TEST

UNIT_MAIN_WITH("pop3_reader", setup, teardown,
	the_thread_reads_what_is_listed,
	thread_and_process_read_one_list_after_the_other_together,
	a_file_is_found_by_its_owner_until_it_or_one_behind_it_was_used,
	a_file_that_cannot_be_read_gives_its_error_and_the_others_are_read,
	no_more_of_a_file_is_read_than_is_wanted,
	a_list_has_so_many_files_and_bytes_and_no_more,
	a_list_that_is_forgotten_is_read_no_more_and_its_maildrop_may_be_closed)
