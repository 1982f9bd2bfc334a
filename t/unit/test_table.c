/*
 * tabled/table.h: the table keeps what was committed, and only that; also when its process is killed.
 */
#include "tabled/table.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "t/unit/table_fixture.h"
#include "t/unit/unit.h"

enum {
	KILLS = 25,
	LARGE = 20000, /* records of one transaction */
};

enum { CALLS_MAX = 64 };

static unsigned failing_syncs;  /* that are still to fail */
static char calls[CALLS_MAX];   /* 's' a sync, 'd' forgetting what is cached */
static size_t call_count;

static void
note_call(char call)
{
	if (call_count < CALLS_MAX - 1)
		calls[call_count++] = call;
}

/* These stand before those of the C library, also for Berkeley DB. */
int
fsync(int fd)
{
	note_call('s');
	if (failing_syncs > 0) {
		failing_syncs--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fsync(fd);
}

int
posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	note_call('d');
	return (int)syscall(SYS_fadvise64, fd, offset, length, advice);
}

static void
put(struct fixture *fixture, const char *key, const char *value)
{
	ck_assert_int_eq(
		table_put(fixture->table, TABLE_SPACE_USER, slice_from_string(key), slice_from_string(value)),
		0);
}

static bool
holds(struct fixture *fixture, const char *key, const char *value)
{
	struct buffer found;
	bool same;

	buffer_init(&found, 1024);
	same = table_get(fixture->table, TABLE_SPACE_USER, slice_from_string(key), &found) == 0 &&
	       slice_equal(buffer_slice(&found), slice_from_string(value));
	buffer_free(&found);
	return same;
}

START_TEST(what_is_committed_is_there_after_another_opening)
{
	struct fixture fixture;

	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "a", "1");
	put(&fixture, "a", "2");
	put(&fixture, "b", "3");
	ck_assert_int_eq(table_delete(fixture.table, TABLE_SPACE_USER, SLICE("b")), 0);
	ck_assert_int_eq(table_delete(fixture.table, TABLE_SPACE_USER, SLICE("c")), -ENOENT);
	ck_assert_int_eq(table_commit(fixture.table), 0);
	table_close(&fixture.table);
	fixture_open_table(&fixture);
	ck_assert(holds(&fixture, "a", "2"));
	ck_assert(!holds(&fixture, "b", "3"));
	fixture_close(&fixture);
}
END_TEST

START_TEST(what_is_aborted_was_never_there)
{
	struct fixture fixture;

	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "a", "1");
	ck_assert(holds(&fixture, "a", "1"));
	table_abort(fixture.table);
	ck_assert(!holds(&fixture, "a", "1"));
	fixture_close(&fixture);
}
END_TEST

START_TEST(spaces_do_not_mix)
{
	struct fixture fixture;
	struct buffer value;

	buffer_init(&value, 100);
	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "a", "1");
	ck_assert_int_eq(table_commit(fixture.table), 0);
	ck_assert_int_eq(table_get(fixture.table, TABLE_SPACE_ALIAS, SLICE("a"), &value), -ENOENT);
	fixture_close(&fixture);
}
END_TEST

static int
gather(void *context, struct slice key, struct slice value)
{
	struct buffer *keys = context;

	(void)value;
	return buffer_append_slice(keys, key);
}

START_TEST(a_scan_sees_the_keys_of_its_prefix_in_order)
{
	struct fixture fixture;
	struct buffer keys;

	buffer_init(&keys, 100);
	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "b@2", "");
	put(&fixture, "c@1", "");
	put(&fixture, "b@1", "");
	put(&fixture, "a@9", "");
	ck_assert_int_eq(table_commit(fixture.table), 0);
	ck_assert_int_eq(table_scan(fixture.table, TABLE_SPACE_USER, SLICE("b@"), gather, &keys), 0);
	ck_assert_slice(buffer_slice(&keys), "b@1b@2");
	buffer_clear(&keys);
	ck_assert_int_eq(table_scan(fixture.table, TABLE_SPACE_USER, SLICE(""), gather, &keys), 0);
	ck_assert_slice(buffer_slice(&keys), "a@9b@1b@2c@1");
	buffer_free(&keys);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_second_process_is_told_that_the_table_is_open)
{
	struct fixture fixture;
	struct table *second;
	char message[TABLE_ERROR_SIZE];

	fixture_open(&fixture);
	ck_assert_int_eq(table_open(fixture.directory, 0, &second, message), -EBUSY);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_named)
{
	struct table *table;
	char message[TABLE_ERROR_SIZE];

	ck_assert_int_eq(table_open("/nonexistent/table", 0, &table, message), -ENOENT);
	ck_assert_ptr_nonnull(strstr(message, "/nonexistent/table"));
}
END_TEST

START_TEST(one_transaction_may_be_much_larger_than_the_cache)
{
	struct fixture fixture;
	char key[32], value[400];

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	fixture_open(&fixture);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(table_begin(fixture.table), 0);
		for (int i = 0; i < LARGE; i++) {
			snprintf(key, sizeof(key), "%d@%d", round, i);
			put(&fixture, key, value);
		}
		if (round == 0)
			table_abort(fixture.table);
		else
			ck_assert_int_eq(table_commit(fixture.table), 0);
	}
	ck_assert(!holds(&fixture, "0@77", value));
	ck_assert(holds(&fixture, "1@77", value));
	fixture_close(&fixture);
}
END_TEST

/*
 * Commits one number after the other, two keys each, and writes each number to FD once it is committed. Does
 * not return.
 */
static void
write_for_ever(struct fixture *fixture, int fd, uint32_t from)
{
	char key[32], value[200];

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	fixture_open_table(fixture);
	for (uint32_t number = from;; number++) {
		if (table_begin(fixture->table) != 0)
			_exit(1);
		snprintf(key, sizeof(key), "left@%u", number);
		put(fixture, key, value);
		snprintf(key, sizeof(key), "right@%u", number);
		put(fixture, key, value);
		if (table_commit(fixture->table) != 0 || table_checkpoint(fixture->table) != 0)
			_exit(1);
		if (write(fd, &number, sizeof(number)) != (ssize_t)sizeof(number))
			_exit(1);
	}
}

static bool
has_number(struct fixture *fixture, const char *side, uint32_t number)
{
	struct buffer found;
	char key[32];
	int error;

	snprintf(key, sizeof(key), "%s@%u", side, number);
	buffer_init(&found, 1024);
	error = table_get(fixture->table, TABLE_SPACE_USER, slice_from_string(key), &found);
	buffer_free(&found);
	ck_assert(error == 0 || error == -ENOENT);
	return error == 0;
}

/*
 * Runs the writer until COUNT numbers were committed and a moment longer, and kills it. The first number that
 * was not acknowledged.
 */
static uint32_t
run_and_kill(struct fixture *fixture, uint32_t from, uint32_t count)
{
	uint32_t number, next = from;
	int ends[2];
	pid_t writer;

	ck_assert_int_eq(pipe(ends), 0);
	writer = fork();
	ck_assert_int_ge(writer, 0);
	if (writer == 0) {
		close(ends[0]);
		write_for_ever(fixture, ends[1], from);
	}
	close(ends[1]);
	while (next < from + count && read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
		next = number + 1;
	usleep((useconds_t)(arc4random_uniform(3000)));
	kill(writer, SIGKILL);
	while (read(ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
		next = number + 1;
	close(ends[0]);
	waitpid(writer, NULL, 0);
	return next;
}

START_TEST(a_killed_process_loses_no_commit_and_leaves_no_half)
{
	struct fixture fixture;
	uint32_t next = 0;

	fixture_open(&fixture);
	table_close(&fixture.table);
	for (int i = 0; i < KILLS; i++) {
		next = run_and_kill(&fixture, next, 1 + arc4random_uniform(40));
		fixture_open_table(&fixture);
		for (uint32_t number = 0; number < next; number++)
			ck_assert(has_number(&fixture, "left", number) &&
			          has_number(&fixture, "right", number));
		/* Of the one that was not acknowledged both halves are there, or none. */
		ck_assert(has_number(&fixture, "left", next) == has_number(&fixture, "right", next));
		ck_assert(!has_number(&fixture, "left", next + 1));
		table_close(&fixture.table);
	}
	fixture_open_table(&fixture);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_sync_that_failed_once_is_not_believed_the_second_time)
{
	struct fixture fixture;

	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "a", "1");
	failing_syncs = 1;
	ck_assert_int_ne(table_commit(fixture.table), 0);
	ck_assert_uint_eq(failing_syncs, 0);
	ck_assert(table_is_broken(fixture.table));
	fixture_close(&fixture);
}
END_TEST

START_TEST(what_recovery_reads_comes_from_the_disk_and_the_log_is_synced_before)
{
	struct fixture fixture;
	const char *log;

	fixture_open(&fixture);
	table_close(&fixture.table);
	memset(calls, 0, sizeof(calls));
	call_count = 0;
	fixture_open_table(&fixture);
	/* five spaces, a log, the lock, in whatever order */
	log = strstr(calls, "sd");
	ck_assert_msg(log != NULL && log < calls + 7, "%s", calls);
	ck_assert_msg(strspn(calls, "d") + strspn(log + 1, "d") == 7, "%s", calls);
	fixture_close(&fixture);
}
END_TEST

START_TEST(a_table_that_cannot_be_made_durable_as_it_was_found_is_not_opened)
{
	struct fixture fixture;
	char message[TABLE_ERROR_SIZE];

	fixture_open(&fixture);
	table_close(&fixture.table);
	failing_syncs = 1;
	ck_assert_int_eq(table_open(fixture.directory, 1024 * 1024, &fixture.table, message), -EIO);
	ck_assert_msg(strstr(message, "Input/output error") != NULL, "%s", message);
	fixture_open_table(&fixture);
	fixture_close(&fixture);
}
END_TEST

/* Berkeley DB's recovery says of it only at which place of the log it failed. */
START_TEST(a_file_that_recovery_cannot_open_is_named_with_the_reason)
{
	struct fixture fixture;
	char path[PATH_MAX], message[TABLE_ERROR_SIZE];

	fixture_open(&fixture);
	ck_assert_int_eq(table_begin(fixture.table), 0);
	put(&fixture, "a", "1");
	ck_assert_int_eq(table_commit(fixture.table), 0);
	table_close(&fixture.table);
	snprintf(path, sizeof(path), "%s/users.db", fixture.directory);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_ne(table_open(fixture.directory, 1024 * 1024, &fixture.table, message), 0);
	ck_assert_msg(strstr(message, "users.db: Is a directory") != NULL, "%s", message);
	fixture_close(&fixture);
}
END_TEST

/* For the leak sanitizer: Berkeley DB 5.3 forgets some 300 bytes of its own when its recovery fails. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3.so";
}

UNIT_MAIN("table", what_is_committed_is_there_after_another_opening, what_is_aborted_was_never_there,
          spaces_do_not_mix, a_scan_sees_the_keys_of_its_prefix_in_order,
          a_second_process_is_told_that_the_table_is_open, a_directory_that_is_not_there_is_named,
          one_transaction_may_be_much_larger_than_the_cache,
          a_killed_process_loses_no_commit_and_leaves_no_half, a_sync_that_failed_once_is_not_believed_the_second_time,
          what_recovery_reads_comes_from_the_disk_and_the_log_is_synced_before,
          a_table_that_cannot_be_made_durable_as_it_was_found_is_not_opened,
          a_file_that_recovery_cannot_open_is_named_with_the_reason)
