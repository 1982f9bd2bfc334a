/*
 * For the unit tests of deliverd: a mail root of its own for each test, jobs as queued sends them, and
 * looks into mailboxes.
 */
#ifndef ANGARIUM_T_DELIVER_H
#define ANGARIUM_T_DELIVER_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/checksum.h"
#include "deliverd/batch.h"
#include "deliverd/job.h"
#include "deliverd/store.h"
#include "t/unit/unit.h"

static char deliver_root[64];
static struct store deliver_store;
static struct batches deliver_batches;

static inline void
deliver_setup(void)
{
	strlcpy(deliver_root, "/tmp/test_deliver.XXXXXX", sizeof(deliver_root));
	ck_assert_ptr_nonnull(mkdtemp(deliver_root));
	ck_assert_int_eq(store_open(&deliver_store, deliver_root, "mail.example.org", 8), 0);
	batches_init(&deliver_batches, &deliver_store);
}

static inline int
deliver_remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void
deliver_teardown(void)
{
	store_close(&deliver_store);
	nftw(deliver_root, deliver_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The main of a test program: each test in a process and a mail root of its own. */
#define DELIVER_MAIN(name, ...) UNIT_MAIN_WITH(name, deliver_setup, deliver_teardown, __VA_ARGS__)

struct deliver_target {
	const char *path;
	const char *folder;
	uint64_t quota;
	const char *to;
};

/* A descriptor of a file without a name that holds BODY. */
static inline int
deliver_file(struct slice body)
{
	int fd = open(deliver_root, O_RDWR | O_TMPFILE, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, body.data, body.length), (ssize_t)body.length);
	return fd;
}

/* The fields of a job, as queued puts them. */
static inline void
deliver_put_job(struct wire_writer *writer, const char *sender, struct slice body, bool file,
                const struct deliver_target *targets, uint32_t count)
{
	wire_put_u64(writer, 77);
	wire_put_u64(writer, 1700000000);
	wire_put_string(writer, sender);
	wire_put_u8(writer, 0);
	wire_put_u64(writer, body.length);
	wire_put_u32(writer, file ? checksum_crc32c(0, body.data, body.length) : 0);
	wire_put_slice(writer, file ? SLICE("") : body);
	wire_put_u32(writer, count);
	for (uint32_t i = 0; i < count; i++) {
		wire_put_string(writer, targets[i].path);
		wire_put_u64(writer, targets[i].quota);
		wire_put_string(writer, targets[i].folder == NULL ? "" : targets[i].folder);
		wire_put_string(writer, targets[i].to == NULL ? "alice@example.org" : targets[i].to);
		wire_put_string(writer, "alice@example.org");
	}
}

/* A job, by way of its encoding. */
static inline struct job *
deliver_job(const char *sender, struct slice body, bool file, const struct deliver_target *targets, uint32_t count)
{
	struct buffer buffer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct job *job;

	buffer_init(&buffer, DELIVER_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	deliver_put_job(&writer, sender, body, file, targets, count);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&buffer));
	ck_assert_int_eq(job_decode(&reader, file ? deliver_file(body) : -1, &job), 0);
	buffer_free(&buffer);
	return job;
}

/* Delivers JOB by itself until it is finished; it stays the caller's. */
static inline void
deliver_now(struct job *job)
{
	struct job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);

	STAILQ_INSERT_TAIL(&jobs, job, next);
	batches_turn(&deliver_batches, &jobs, &done);
	if (batches_pending(&deliver_batches))
		batches_turn(&deliver_batches, &jobs, &done);
	ck_assert_ptr_eq(STAILQ_FIRST(&done), job);
	ck_assert_ptr_null(STAILQ_NEXT(job, next));
}

/* The outcome of BODY for one mailbox. */
static inline struct outcome
deliver_one(struct slice body, struct deliver_target target)
{
	struct job *job = deliver_job("bob@example.net", body, false, &target, 1);
	struct outcome outcome;

	deliver_now(job);
	outcome = job->targets[0].outcome;
	job_free(&job);
	return outcome;
}

/* A message of 32 bytes. */
static const struct slice deliver_small = { "Subject: hello\r\n\r\nHow are you?\r\n", 32 };

static inline void
deliver_assert(struct outcome outcome, enum deliver_result result, const char *status)
{
	ck_assert_int_eq(outcome.result, result);
	ck_assert_str_eq(outcome.status, status);
}

/* How many files are in the directory PATH below the root; *name_r, when not NULL, is the last one's. */
static inline unsigned
deliver_count(const char *path, char *name_r)
{
	char whole[512];
	struct dirent *entry;
	unsigned count = 0;
	DIR *directory;

	snprintf(whole, sizeof(whole), "%s/%s", deliver_root, path);
	directory = opendir(whole);
	ck_assert_msg(directory != NULL, "%s: %s", whole, strerror(errno));
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (name_r != NULL)
			strlcpy(name_r, entry->d_name, 256);
		count++;
	}
	closedir(directory);
	return count;
}

/* Reads a file below the root. */
static inline size_t
deliver_read(const char *directory, const char *name, char *out, size_t size)
{
	char whole[1024];
	ssize_t length;
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s/%s", deliver_root, directory, name);
	fd = open(whole, O_RDONLY);
	ck_assert_msg(fd >= 0, "%s: %s", whole, strerror(errno));
	length = read(fd, out, size - 1);
	ck_assert_int_ge(length, 0);
	close(fd);
	out[length] = '\0';
	return (size_t)length;
}

/* Writes a file below the root. */
static inline void
deliver_write(const char *path, const char *text)
{
	int fd = openat(deliver_store.root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

#endif
