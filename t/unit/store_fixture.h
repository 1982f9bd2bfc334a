/*
 * For the tests of the queue's store: a spool in a temporary directory, and a disk whose syncs the test answers.
 */
#ifndef ANGARIUM_TEST_STORE_FIXTURE_H
#define ANGARIUM_TEST_STORE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/proto_table.h"
#include "common/mail/envelope.h"
#include "common/mail/queueid.h"
#include "queued/payload_deferral.h"
#include "queued/segment.h"
#include "queued/store.h"
#include "t/unit/unit.h"

enum { FIXTURE_SYNCS = 4096 };

struct fixture_sync {
	disk_done *done;
	void *context;
	enum disk_what what;
};

struct fixture {
	struct disk disk; /* first: the interface hands out its address */
	char directory[256];
	struct store *store;
	struct fixture_sync syncs[FIXTURE_SYNCS]; /* asked and not answered, oldest first */
	size_t sync_count;
	bool woken;
	size_t settled;
	size_t failed;
};

static struct fixture fixture;

static int
fixture_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	struct fixture *f = (struct fixture *)disk;

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(f->sync_count, FIXTURE_SYNCS);
	f->syncs[f->sync_count++] = (struct fixture_sync){ done, context, what };
	return 0;
}

static void
fixture_wake(void *context)
{
	((struct fixture *)context)->woken = true;
}

/* Answers what was asked until now, not what the answers lead to. */
static inline void
fixture_answer(int error)
{
	struct fixture_sync syncs[FIXTURE_SYNCS];
	size_t count = fixture.sync_count;

	memcpy(syncs, fixture.syncs, count * sizeof(syncs[0]));
	fixture.sync_count = 0;
	for (size_t i = 0; i < count; i++)
		syncs[i].done(syncs[i].context, error);
}

/* Flushes and answers until nothing is left to do. */
static inline void
fixture_settle(void)
{
	for (int turns = 0; fixture.woken || fixture.sync_count > 0 || store_has_lazy(fixture.store); turns++) {
		ck_assert_int_lt(turns, 10000);
		fixture.woken = false;
		store_flush(fixture.store);
		store_sync(fixture.store);
		fixture_answer(0);
	}
	ck_assert(store_is_idle(fixture.store));
}

static inline void
fixture_open_sized(uint64_t segment_size)
{
	struct store_options options = {
		.directory = fixture.directory,
		.segment_size = segment_size,
		.disk = &fixture.disk,
		.wake = fixture_wake,
		.context = &fixture,
	};

	fixture.disk.sync = fixture_sync;
	fixture.sync_count = 0;
	fixture.woken = false;
	ck_assert_int_eq(store_open(&options, &fixture.store), 0);
	store_flush(fixture.store);
}

static inline void
fixture_open(void)
{
	fixture_open_sized(SEGMENT_SIZE_MIN);
}

static inline void
fixture_close(void)
{
	store_close(&fixture.store);
	fixture.sync_count = 0;
}

/* As a kill: nothing is finished. */
static inline void
fixture_restart(void)
{
	fixture_close();
	fixture_open();
}

static inline int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	remove(path);
	return 0;
}

static inline void
remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
fixture_setup(void)
{
	const char *base = getenv("TMPDIR");

	if (base == NULL)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	memset(&fixture, 0, sizeof(fixture));
	snprintf(fixture.directory, sizeof(fixture.directory), "%s/angarium-store-XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(fixture.directory));
	log_set_level(LOG_CRIT);
	fixture_open();
}

static inline void
fixture_teardown(void)
{
	fixture_close();
	remove_tree(fixture.directory);
}

/* The path of a file in the spool; valid until the next call. */
static inline const char *
fixture_path(const char *directory, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", fixture.directory, directory, name);
	return path;
}

static inline size_t
fixture_count_files(const char *directory)
{
	DIR *opened = opendir(fixture_path(directory, "."));
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(opened);
	while ((entry = readdir(opened)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(opened);
	return count;
}

static inline void
fixture_settled(void *context, struct record *record, int error)
{
	(void)context;
	(void)record;
	if (error == 0)
		fixture.settled++;
	else
		fixture.failed++;
}

/* An envelope with COUNT recipients, encoded in OUT. */
static inline void
fixture_envelope(struct buffer *out, uint32_t count)
{
	struct envelope_recipient *recipients = calloc(count, sizeof(*recipients));
	struct envelope envelope = { .sender = SLICE("sender@example.org"), .recipient_count = count, .recipients = recipients };

	ck_assert_ptr_nonnull(recipients);
	for (uint32_t i = 0; i < count; i++)
		recipients[i].address = SLICE("recipient@example.org");
	buffer_init(out, 16 * 1024 * 1024);
	ck_assert_int_eq(envelope_encode(&envelope, out), 0);
	free(recipients);
}

/* Makes the body file of ID, and returns its checksums. */
static inline struct body_sums
fixture_write_body(uint64_t id, struct slice body)
{
	struct body_sums sums = { 0 };
	int fd = store_create_body(fixture.store, id);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, body.data, body.length), (ssize_t)body.length);
	close(fd);
	body_sums_add(&sums, 0, body);
	return sums;
}

/* A message's record, and the message, as submission makes them. */
static inline struct record *
fixture_record(uint64_t id, uint32_t recipients, struct slice body, struct slice ends, bool file, struct message **message_r)
{
	struct payload_range all = { 0, recipients };
	struct message *message = message_new(id);
	struct record *record;
	struct buffer envelope;

	fixture_envelope(&envelope, recipients);
	record = payload_message(id, &(struct message_payload){
		.arrival = 1000,
		.body_size = body.length,
		.recipients = recipients,
		.body_in_file = file,
		.ends = ends,
		.envelope = buffer_slice(&envelope),
		.body = file ? SLICE("") : body,
	});
	buffer_free(&envelope);
	ck_assert_ptr_nonnull(message);
	ck_assert_ptr_nonnull(record);
	message->recipients = recipients;
	message->arrival = 1000;
	message->body_size = body.length;
	message->body_in_file = file;
	ck_assert_int_eq(message_open(message, &all), 0);
	*message_r = message;
	return record;
}

/* Appends a message; returns where its record came to lie once it is flushed. */
static inline uint64_t
fixture_add_ending(uint32_t recipients, struct slice body, struct slice ends)
{
	uint64_t id = store_take_ids(fixture.store, 0, 1);
	struct message *message;
	struct record *record = fixture_record(id, recipients, body, ends, false, &message);

	store_add(fixture.store, message, record, fixture_settled, NULL);
	record_release(&record);
	return id;
}

static inline uint64_t
fixture_add(uint32_t recipients, struct slice body)
{
	return fixture_add_ending(recipients, body, SLICE(""));
}

static inline void
fixture_result(uint64_t id, uint32_t first, uint32_t count, enum recipient_state state)
{
	struct message *message = store_find(fixture.store, id);
	struct payload_range range = { first, count };

	ck_assert_ptr_nonnull(message);
	store_results(fixture.store, message, state, &range, 1);
	if (message->live == 0)
		store_end(fixture.store, message);
}

static inline void
fixture_defer(uint64_t id, uint32_t attempts, int64_t next)
{
	struct payload_range range = { 0, 1 };
	struct record *record;
	struct buffer out;

	buffer_init(&out, 4096);
	ck_assert_int_eq(deferral_begin(&out, attempts, next, 1000), 0);
	ck_assert_int_eq(deferral_add(&out, "4.2.2", SLICE(""), SLICE("mailbox full"), &range, 1), 0);
	record = record_new(RECORD_DEFERRAL, id, buffer_length(&out));
	memcpy(record_payload(record), out.data, buffer_length(&out));
	buffer_free(&out);
	store_append(fixture.store, record, true, NULL, NULL);
	record_release(&record);
}

/* Recipient becomes two targets with indexes from FIRST on; as the scheduler does it when that is durable. */
static inline void
fixture_expand(uint64_t id, uint32_t recipient, uint32_t first)
{
	struct expansion_target targets[] = {
		{ TABLE_TARGET_MAILBOX, SLICE("one@example.org") },
		{ TABLE_TARGET_MAILBOX, SLICE("two@example.org") },
	};
	struct record *record = payload_expansion(id, recipient, first, targets, 2);
	struct message *message = store_find(fixture.store, id);
	struct payload_range range = { first, 2 };
	struct expansion *expansion;

	ck_assert_int_eq(message_add_expansion(message, record, &expansion), 0);
	ck_assert_int_eq(message_open(message, &range), 0);
	message_set_state(message, recipient, RECIPIENT_EXPANDED);
	store_append(fixture.store, record, false, NULL, NULL);
	record_release(&record);
}

/* A body of up to 256 KiB. */
static inline struct slice
fixture_large_body(size_t length)
{
	static char bytes[256 * 1024];

	memset(bytes, 'x', sizeof(bytes));
	return slice_of(bytes, length);
}

#endif
