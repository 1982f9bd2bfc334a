/*
 * The queue's store on a disk whose single calls fail: nothing that cannot be read, written or synced leads to a loss. The
 * linker puts the functions of this file between the store and the C library (--wrap).
 */
#include "t/unit/store_fixture.h"

enum { CALLS_MAX = 256 };

static int fsync_error;       /* errno value of fsync, 0: it works */
static int fsync_good;        /* calls that work before */
static int readdir_error;     /* errno value at the first entry */
static int stat_error;        /* of fstatat */
static int read_error;        /* of pread */
static int read_good_after;   /* calls that fail, then all work; -1: all fail */
static off_t read_bad;        /* the byte whose readers fail, or -1: all do */
static off_t space;           /* bytes of the largest file that there is space for */
static char calls[CALLS_MAX]; /* 's' fsync, 'd' forgetting what is cached, 'r' pread */
static size_t call_count;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length);
struct dirent *__real_readdir(DIR *directory);
struct dirent *__wrap_readdir(DIR *directory);
int __real_fstatat(int directory, const char *name, struct stat *status, int flags);
int __wrap_fstatat(int directory, const char *name, struct stat *status, int flags);
ssize_t __real_pread(int fd, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset);
int __real_posix_fadvise(int fd, off_t offset, off_t length, int advice);
int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice);

static void
note_call(char call)
{
	if (call_count < CALLS_MAX - 1)
		calls[call_count++] = call;
}

/* -1 with errno when there is an error. */
static int
fails(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

int
__wrap_fsync(int fd)
{
	note_call('s');
	return fsync_good-- <= 0 && fails(fsync_error) != 0 ? -1 : __real_fsync(fd);
}

int
__wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
	return fails(offset + length > space ? ENOSPC : 0) != 0 ? -1 : __real_fallocate(fd, mode, offset, length);
}

struct dirent *
__wrap_readdir(DIR *directory)
{
	if (fails(readdir_error) != 0)
		return NULL;
	return __real_readdir(directory);
}

int
__wrap_fstatat(int directory, const char *name, struct stat *status, int flags)
{
	return fails(stat_error) != 0 ? -1 : __real_fstatat(directory, name, status, flags);
}

ssize_t
__wrap_pread(int fd, void *bytes, size_t length, off_t offset)
{
	bool bad = read_bad < 0 || (offset <= read_bad && read_bad < offset + (off_t)length);

	note_call('r');
	if (bad && read_error != 0 && read_good_after != 0) {
		read_good_after -= read_good_after > 0 ? 1 : 0;
		errno = read_error;
		return -1;
	}
	return __real_pread(fd, bytes, length, offset);
}

int
__wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	if (advice == POSIX_FADV_DONTNEED)
		note_call('d');
	return __real_posix_fadvise(fd, offset, length, advice);
}

static void
setup(void)
{
	fsync_error = readdir_error = stat_error = read_error = 0;
	read_good_after = -1;
	read_bad = -1;
	space = INT64_MAX;
	fixture_setup();
}

/* A start that must fail. */
static int
open_again(void)
{
	struct store_options options = {
		.directory = fixture.directory,
		.segment_size = SEGMENT_SIZE_MIN,
		.disk = &fixture.disk,
		.wake = fixture_wake,
		.context = &fixture,
	};

	fixture_close();
	return store_open(&options, &fixture.store);
}

/* A message with its body in a file. */
static uint64_t
add_with_body(void)
{
	uint64_t id = store_take_ids(fixture.store, 0, 1);
	int fd = store_create_body(fixture.store, id);
	struct message *message;
	struct record *record = fixture_record(id, 1, SLICE("body"), SLICE(""), true, &message);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "body", 4), 4);
	close(fd);
	store_add(fixture.store, message, record, fixture_settled, NULL);
	record_release(&record);
	fixture_settle();
	return id;
}

/* ---- start ---- */

START_TEST(what_recovery_reads_is_synced_before_and_comes_from_the_disk)
{
	fixture_add(1, SLICE("body"));
	fixture_settle();
	fixture_close();
	memset(calls, 0, sizeof(calls));
	call_count = 0;
	fixture_open();
	/* fsync of the spool's directory, then the segment */
	ck_assert_msg(strncmp(calls, "ssdr", 4) == 0, "%s", calls);
}
END_TEST

START_TEST(a_start_that_cannot_make_durable_what_it_found_is_refused)
{
	uint64_t id = fixture_add(1, SLICE("body"));

	fixture_settle();
	fsync_error = EIO;
	fsync_good = 1; /* that of the spool's directory */
	ck_assert_int_eq(open_again(), -EIO);
	fsync_error = 0;
	fixture_open();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
}
END_TEST

START_TEST(a_second_store_on_the_same_spool_is_refused)
{
	struct store *first = fixture.store;

	fixture.store = NULL; /* not closed by what follows */
	ck_assert_int_eq(open_again(), -EBUSY);
	fixture.store = first;
}
END_TEST

START_TEST(a_directory_that_cannot_be_read_costs_no_body)
{
	uint64_t id = add_with_body();

	readdir_error = EIO;
	ck_assert_int_eq(open_again(), -EIO);
	readdir_error = 0;
	fixture_open();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("body"), 1);
}
END_TEST

START_TEST(a_body_that_cannot_be_looked_at_is_not_given_up)
{
	uint64_t id = add_with_body();

	stat_error = EIO;
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	stat_error = 0;
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
}
END_TEST

START_TEST(a_segment_that_cannot_be_read_in_part_is_kept_with_the_bodies_that_it_names)
{
	add_with_body();
	read_error = EIO;
	read_bad = SEGMENT_HEADER_SIZE;
	fixture_restart();
	read_error = 0;
	fixture_settle();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	ck_assert_uint_eq(fixture_count_files("body"), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
}
END_TEST

START_TEST(a_start_is_refused_while_nothing_of_a_segment_can_be_read)
{
	uint64_t id = add_with_body();

	read_error = EIO;
	ck_assert_int_eq(open_again(), -EIO);
	read_error = 0;
	fixture_open();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
}
END_TEST

START_TEST(a_disk_that_cannot_be_read_for_a_moment_costs_nothing)
{
	uint64_t id = add_with_body();

	read_error = EIO;
	read_good_after = 3;
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	ck_assert_uint_eq(fixture_count_files("damaged"), 0);
}
END_TEST

START_TEST(the_body_of_a_damaged_record_is_kept_with_it)
{
	uint64_t id = add_with_body();
	struct place place = store_find(fixture.store, id)->place;
	int fd = open(fixture_path("segment", "0000000000000001"), O_WRONLY);

	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)place.offset + 50), 6);
	close(fd);
	fixture_restart();
	fixture_settle();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
}
END_TEST

START_TEST(a_message_that_is_given_up_while_the_queue_runs_keeps_its_body_too)
{
	uint64_t id = add_with_body();

	store_give_up(fixture.store, store_find(fixture.store, id));
	fixture_settle();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("body"), 0);
	ck_assert_uint_eq(fixture_count_files("damaged"), 2);
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

/* ---- a full disk ---- */

static uint32_t
room_in_segment(const struct segment *segment)
{
	return segment->size - segment->used;
}

START_TEST(a_body_file_stays_until_the_result_is_on_disk_although_the_disk_was_full_in_between)
{
	uint64_t id = add_with_body();
	const struct segment *segment = store_find(fixture.store, id)->place.segment;
	struct message *message;
	struct record *record = fixture_record(id + 1, 1, SLICE(""), SLICE(""), false, &message);
	size_t fixed = record->size;
	static char filling[SEGMENT_SIZE_MIN];

	record_release(&record);
	message_free(&message);
	memset(filling, 'x', sizeof(filling));
	/* Fills the segment, so that the RESULT behind it needs a new one. */
	fixture_add(1, slice_of(filling, room_in_segment(segment) - fixed));
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	space = 0;
	store_flush(fixture.store);
	ck_assert(store_is_broken(fixture.store));
	fixture_answer(0);
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	space = INT64_MAX;
	store_retry(fixture.store);
	fixture_settle();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
}
END_TEST

START_TEST(when_there_is_no_space_for_a_whole_segment_a_small_one_does)
{
	uint64_t id;

	fixture_close();
	fixture_open_sized(4 * 1024 * 1024);
	id = fixture_add(1, SLICE("body"));
	fixture_settle();
	fixture_close();
	space = 1024 * 1024;
	fixture_open_sized(4 * 1024 * 1024);
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	ck_assert(!store_is_broken(fixture.store));
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

enum { STAYING = 8, OTHERS = 60 };

static bool
any_is_copied(const uint64_t *ids)
{
	for (size_t i = 0; i < STAYING; i++)
		if (store_find(fixture.store, ids[i])->copying)
			return true;
	return false;
}

/* Messages that stay, and so many that go that copying begins; then the disk is full. */
static void
fill_while_copying(uint64_t *ids)
{
	static char filling[20000];

	memset(filling, 'x', sizeof(filling));
	for (size_t i = 0; i < STAYING; i++)
		ids[i] = fixture_add(1, slice_of(filling, sizeof(filling)));
	fixture_settle();
	for (size_t i = 0; i < OTHERS && !any_is_copied(ids); i++) {
		uint64_t other = fixture_add(1, slice_of(filling, sizeof(filling)));

		fixture_settle();
		fixture_result(other, 0, 1, RECIPIENT_DELIVERED);
		store_flush(fixture.store);
		store_sync(fixture.store);
		fixture_answer(0);
	}
	ck_assert(any_is_copied(ids));
	space = 0;
}

static void
check_all_can_be_read(const uint64_t *ids)
{
	for (size_t i = 0; i < STAYING; i++) {
		struct record *record;

		ck_assert_ptr_nonnull(store_find(fixture.store, ids[i]));
		ck_assert_int_eq(store_read(fixture.store, store_find(fixture.store, ids[i]), &record), 0);
		record_release(&record);
	}
}

START_TEST(a_disk_that_is_full_while_messages_are_copied_forward_costs_none)
{
	uint64_t ids[STAYING];

	fill_while_copying(ids);
	store_flush(fixture.store);
	ck_assert(store_is_broken(fixture.store));
	for (size_t i = 0; i < 3; i++) {
		store_retry(fixture.store);
		ck_assert(store_is_broken(fixture.store));
		check_all_can_be_read(ids);
	}
	space = INT64_MAX;
	store_retry(fixture.store);
	fixture_settle();
	ck_assert(!store_is_broken(fixture.store) && !any_is_copied(ids));
	check_all_can_be_read(ids);
	fixture_restart();
	check_all_can_be_read(ids);
}
END_TEST

START_TEST(a_start_on_a_disk_that_got_full_while_messages_were_copied_forward_finds_all)
{
	uint64_t ids[STAYING];

	fill_while_copying(ids);
	store_flush(fixture.store);
	fixture_restart();
	check_all_can_be_read(ids);
	space = INT64_MAX;
	fixture_restart();
	check_all_can_be_read(ids);
}
END_TEST

UNIT_MAIN_WITH("store_disk", setup, fixture_teardown,
	what_recovery_reads_is_synced_before_and_comes_from_the_disk,
	a_start_that_cannot_make_durable_what_it_found_is_refused,
	a_second_store_on_the_same_spool_is_refused,
	a_directory_that_cannot_be_read_costs_no_body,
	a_body_that_cannot_be_looked_at_is_not_given_up,
	a_segment_that_cannot_be_read_in_part_is_kept_with_the_bodies_that_it_names,
	a_start_is_refused_while_nothing_of_a_segment_can_be_read,
	a_disk_that_cannot_be_read_for_a_moment_costs_nothing,
	the_body_of_a_damaged_record_is_kept_with_it,
	a_message_that_is_given_up_while_the_queue_runs_keeps_its_body_too,
	a_body_file_stays_until_the_result_is_on_disk_although_the_disk_was_full_in_between,
	when_there_is_no_space_for_a_whole_segment_a_small_one_does,
	a_disk_that_is_full_while_messages_are_copied_forward_costs_none,
	a_start_on_a_disk_that_got_full_while_messages_were_copied_forward_finds_all)
