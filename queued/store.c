/*
 * The queue's store: opening and closing, its messages, ids, and what is appended. Writing is in store_write.c.
 */
#include "queued/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/mail/queueid.h"

enum {
	ID_SHIFT = 12,         /* bits below a microsecond in an id; doc/queue.md says why */
	RESULTS_MAX = 1 << 20, /* bytes of one RESULT */
};

static int
open_directory(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int
store_open_directories(struct store *store)
{
	store->directory = open(store->options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory < 0)
		return -errno;
	/* Two processes would delete each other's segments. The lock goes with the last of our descriptors, and none is passed on. */
	if (flock(store->directory, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	store->segment_directory = open_directory(store->directory, "segment");
	if (store->segment_directory < 0)
		return store->segment_directory;
	store->body_directory = open_directory(store->directory, "body");
	if (store->body_directory < 0)
		return store->body_directory;
	store->damaged_directory = open_directory(store->directory, "damaged");
	if (store->damaged_directory < 0)
		return store->damaged_directory;
	return fsync(store->directory) == 0 ? 0 : -errno;
}

int
store_open(const struct store_options *options, struct store **store_r)
{
	struct store *store = calloc(1, sizeof(*store));
	int error;

	if (store == NULL)
		return -ENOMEM;
	store->options = *options;
	if (store->options.segment_size < SEGMENT_SIZE_MIN)
		store->options.segment_size = SEGMENT_SIZE_MIN;
	if (store->options.segment_size > SEGMENT_SIZE_MAX)
		store->options.segment_size = SEGMENT_SIZE_MAX;
	store->directory = store->segment_directory = store->body_directory = store->damaged_directory = -1;
	store->next_segment = store->next_sequence = store->next_id = store->turn = 1;
	TAILQ_INIT(&store->segments);
	TAILQ_INIT(&store->batch);
	TAILQ_INIT(&store->written);
	TAILQ_INIT(&store->departed);
	TAILQ_INIT(&store->waiters);
	store->spare.fd = -1;
	buffer_init(&store->results, RESULTS_MAX);
	error = index_init(&store->index);
	if (error == 0)
		error = store_open_directories(store);
	if (error == 0)
		error = spare_init(&store->spare, store->segment_directory, store->options.disk);
	if (error == 0)
		error = store_recover(store);
	if (error != 0) {
		store_close(&store);
		return error;
	}
	*store_r = store;
	return 0;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
drop_records(struct record_list *list)
{
	struct record *record;

	while ((record = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, record, link);
		record_release(&record);
	}
}

static void
drop_message(void *context, struct message *message)
{
	struct store *store = context;

	index_remove(&store->index, message);
	segment_remove_message(message);
	message_free(&message);
}

void
store_close(struct store **store_p)
{
	struct store *store = *store_p;
	struct departed *departed;
	struct segment *segment;
	struct waiter *waiter;

	*store_p = NULL;
	if (store == NULL)
		return;
	index_each(&store->index, drop_message, store);
	index_free(&store->index);
	while ((departed = TAILQ_FIRST(&store->departed)) != NULL) {
		TAILQ_REMOVE(&store->departed, departed, link);
		free(departed);
	}
	while ((waiter = TAILQ_FIRST(&store->waiters)) != NULL) {
		TAILQ_REMOVE(&store->waiters, waiter, link);
		free(waiter);
	}
	drop_records(&store->batch);
	drop_records(&store->written);
	buffer_free(&store->results);
	while ((segment = TAILQ_FIRST(&store->segments)) != NULL) {
		TAILQ_REMOVE(&store->segments, segment, link);
		segment_free(&segment);
	}
	spare_close(&store->spare);
	close_if_open(store->damaged_directory);
	close_if_open(store->body_directory);
	close_if_open(store->segment_directory);
	close_if_open(store->directory);
	free(store);
}

void
store_each(struct store *store, void (*visit)(void *context, struct message *message), void *context)
{
	index_each(&store->index, visit, context);
}

bool
store_walk(const struct store *store, uint64_t *cursor, void (*visit)(void *context, struct message *message), void *context)
{
	return index_walk(&store->index, cursor, visit, context);
}

struct message *
store_find(const struct store *store, uint64_t id)
{
	return index_find(&store->index, id);
}

size_t
store_count(const struct store *store)
{
	return store->index.count;
}

uint64_t
store_take_ids(struct store *store, int64_t now, uint32_t count)
{
	uint64_t from_clock = now <= 0 ? 0 : (uint64_t)now << ID_SHIFT;
	uint64_t first = store->next_id > from_clock ? store->next_id : from_clock;

	store->next_id = first + count;
	return first;
}

static void
store_push(struct store *store, struct record *record, record_settled *settled, void *context)
{
	record->settled = settled;
	record->context = context;
	record_hold(record);
	TAILQ_INSERT_TAIL(&store->batch, record, link);
	store_wake(store);
}

void
store_add(struct store *store, struct message *message, struct record *record, record_settled *settled, void *context)
{
	record->message = message;
	index_insert(&store->index, message);
	store_push(store, record, settled, context);
}

void
store_append(struct store *store, struct record *record, bool lazy, record_settled *settled, void *context)
{
	struct message *message = index_find(&store->index, record_id(record));

	if (message != NULL)
		message->settling++;
	record->again = true;
	record->lazy = lazy;
	store_push(store, record, settled, context);
}

/* What this turn was to write comes in the next one. */
static void
store_delay_waiters(struct store *store)
{
	struct waiter *waiter;

	TAILQ_FOREACH(waiter, &store->waiters, link)
		if (waiter->turn == store->turn)
			waiter->turn++;
}

/* The turn's RESULT becomes a record. */
void
store_take_results(struct store *store)
{
	struct slice payload = buffer_slice(&store->results);
	struct record *record;

	if (payload.length == 0)
		return;
	record = record_new(RECORD_RESULT, 0, payload.length);
	if (record == NULL) {
		log_event(LOG_ERR, "queue.memory", LOG_STRING("what", "results; they are written in a later turn"));
		store_delay_waiters(store);
		return;
	}
	memcpy(record_payload(record), payload.data, payload.length);
	buffer_clear(&store->results);
	store_append(store, record, true, NULL, NULL);
	record_release(&record);
}

static int
store_add_results(struct store *store, uint64_t id, uint8_t state, const struct payload_range *ranges, size_t count)
{
	int error = 0;

	if (buffer_length(&store->results) == 0)
		error = payload_results_begin(&store->results);
	if (error == 0)
		error = payload_results_add(&store->results, id, state, ranges, count);
	return error;
}

/* Also for a message whose MESSAGE failed: its states do not matter any more. */
static void
store_write_results(struct store *store, uint64_t id, uint8_t state, const struct payload_range *ranges, size_t count)
{
	int error = store_add_results(store, id, state, ranges, count);

	if (error == -ENOBUFS) {
		store_take_results(store);
		error = store_add_results(store, id, state, ranges, count);
	}
	store_wake(store);
	if (error != 0) {
		char name[QUEUEID_SIZE];

		queueid_format(id, name);
		log_event(LOG_ERR, "queue.result_not_written", LOG_STRING("id", name), LOG_ERROR(error));
	}
}

void
store_results(struct store *store, struct message *message, enum recipient_state state, const struct payload_range *ranges,
              size_t count)
{
	for (size_t i = 0; i < count; i++)
		message_set_range(message, &ranges[i], state);
	store_write_results(store, message->id, (uint8_t)state, ranges, count);
}

void
store_mark(struct store *store, struct message *message, enum message_mark mark)
{
	message_mark(message, mark);
	store_write_results(store, message->id, (uint8_t)mark, NULL, 0);
}

int
store_await(struct store *store, void (*done)(void *context), void *context)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (waiter == NULL)
		return -ENOMEM;
	*waiter = (struct waiter){ .turn = store->turn, .done = done, .context = context };
	TAILQ_INSERT_TAIL(&store->waiters, waiter, link);
	store_wake(store);
	return 0;
}

void
store_void(struct store *store, const struct message *message)
{
	struct payload_range all = { 0, message->index_count };

	store_write_results(store, message->id, RECIPIENT_REMOVED, &all, 1);
}

static void
store_depart(struct store *store, uint64_t id)
{
	struct departed *departed = malloc(sizeof(*departed));

	if (departed == NULL)
		return; /* recovery removes it */
	*departed = (struct departed){ .id = id, .turn = store->turn };
	TAILQ_INSERT_TAIL(&store->departed, departed, link);
}

void
store_end(struct store *store, struct message *message)
{
	if (message->copying) {
		message->ended = true;
		return;
	}
	if (message->body_in_file)
		store_depart(store, message->id);
	if (message->place.segment != NULL)
		message->place.segment->ended = store->turn;
	index_remove(&store->index, message);
	segment_remove_message(message);
	message_free(&message);
	store_wake(store);
}

static void
store_set_aside_place(const struct store *store, const char *name, const struct place *place)
{
	char *bytes = malloc(place->size);

	if (bytes != NULL && durable_pread(place->segment->fd, bytes, place->size, (off_t)place->offset) == 0)
		store_set_aside(store, name, slice_of(bytes, place->size));
	free(bytes);
}

int
store_read(struct store *store, const struct message *message, struct record **record_r)
{
	char name[QUEUEID_SIZE];
	int error;

	if (message->place.segment == NULL)
		return -ENOENT;
	error = segment_read(&message->place, record_r);
	if (error == 0 && (record_type(*record_r) != RECORD_MESSAGE || record_id(*record_r) != message->id)) {
		record_release(record_r);
		error = -EBADMSG;
	}
	if (error == 0)
		return 0;
	queueid_format(message->id, name);
	log_event(LOG_ERR, "queue.record_unreadable", LOG_STRING("id", name),
	          LOG_UINT("segment", message->place.segment->number), LOG_UINT("offset", message->place.offset), LOG_ERROR(error));
	if (error == -EBADMSG)
		store_set_aside_place(store, name, &message->place);
	return error;
}

int
store_read_deferral(const struct message *message, struct record **record_r)
{
	int error;

	if (message->deferral.segment == NULL)
		return -ENOENT;
	error = segment_read(&message->deferral, record_r);
	if (error == 0 && (record_type(*record_r) != RECORD_DEFERRAL || record_id(*record_r) != message->id)) {
		record_release(record_r);
		error = -EBADMSG;
	}
	return error;
}

struct store_numbers
store_numbers(const struct store *store)
{
	struct store_numbers numbers = { 0 };
	const struct segment *segment;

	TAILQ_FOREACH(segment, &store->segments, link) {
		numbers.segments++;
		numbers.total_bytes += segment->size;
		numbers.live_bytes += segment->live_bytes;
	}
	return numbers;
}

uint64_t
store_newest_segment(const struct store *store)
{
	return store->next_segment - 1;
}

void
store_set_space_short(struct store *store, bool space_short)
{
	store->space_short = space_short;
	store_reclaim(store);
}

int
store_free_space(const struct store *store, uint64_t *bytes_r)
{
	struct statvfs status;

	if (fstatvfs(store->directory, &status) != 0)
		return -errno;
	*bytes_r = (uint64_t)status.f_bavail * status.f_frsize;
	return 0;
}
