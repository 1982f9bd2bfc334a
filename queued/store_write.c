/*
 * Writing the queue's log: one write for a turn of the event loop, one round of syncs for all turns that passed while the last one
 * ran, and what follows when either fails. The rules are in doc/queue.md, "Writing".
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "queued/store_state.h"

enum {
	WRITE_RECORDS = 256, /* in one system call */
	WRITE_BLOCK = 4096,  /* bytes: of a file system's cache */
};

static void store_sync_answered(void *context, int error);

void
store_wake(struct store *store)
{
	if (store->woken)
		return;
	store->woken = true;
	store->options.wake(store->options.context);
}

/* ---- settling ---- */

/* A record about a message is durable. The message may be over by now. */
static void
store_settle_statement(struct store *store, const struct record *record)
{
	struct message *message = index_find(&store->index, record_id(record));

	if (message == NULL)
		return;
	message->settling--;
	if (record_type(record) == RECORD_DEFERRAL)
		message->deferral = record->place;
}

static void
store_settle(struct store *store, struct record *record, int error)
{
	struct message *message = record->message;

	if (message == NULL && error == 0)
		store_settle_statement(store, record);
	if (message != NULL && error == 0)
		segment_add_message(&record->place, message);
	if (message != NULL && error != 0) {
		if (record->place.segment != NULL)
			store_void(store, message);
		index_remove(&store->index, message);
	}
	if (record->settled != NULL)
		record->settled(record->context, record, error);
	if (message != NULL && error != 0)
		message_free(&message);
	record_release(&record);
}

static void
store_settle_list(struct store *store, struct record_list *list, int error)
{
	struct record *record;

	while ((record = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, record, link);
		store_settle(store, record, error);
	}
}

/* Takes from LIST what need not become durable at any price. */
static void
take_mortals(struct record_list *list, struct record_list *mortals)
{
	struct record *record, *next;

	for (record = TAILQ_FIRST(list); record != NULL; record = next) {
		next = TAILQ_NEXT(record, link);
		if (record->again)
			continue;
		TAILQ_REMOVE(list, record, link);
		TAILQ_INSERT_TAIL(mortals, record, link);
	}
}

/* Nothing more goes into the current segment; the file is cut behind its last whole record. */
static void
store_close_segment(struct store *store)
{
	if (store->current == NULL)
		return;
	segment_seal(store->current);
	store->current = NULL;
}

/* ERROR has struck in DOING something to SEGMENT: what waits and can be given up is, and the rest waits for store_retry. */
static void
store_break(struct store *store, const char *doing, uint64_t segment, int error)
{
	struct record_list mortals = TAILQ_HEAD_INITIALIZER(mortals);
	char name[SEGMENT_NAME_SIZE];

	segment_name(segment, name);
	if (store->error == 0)
		log_event(LOG_ERR, "queue.store_failed", LOG_STRING("doing", doing), LOG_STRING("segment", name), LOG_ERROR(error));
	store->error = error;
	store_close_segment(store);
	take_mortals(&store->batch, &mortals);
	store_settle_list(store, &mortals, error);
}

/* ---- writing ---- */

static int
store_create_segment(struct store *store, size_t size, struct segment **segment_r)
{
	uint64_t number = store->next_segment++;

	if (spare_is_ready(&store->spare, (uint32_t)size)) {
		uint32_t spare_size;
		int fd = spare_take(&store->spare, &spare_size);

		return segment_adopt(store->segment_directory, SPARE_NAME, fd, number, spare_size, store->next_id, segment_r);
	}
	return segment_create(store->segment_directory, number, (uint32_t)size, store->next_id, segment_r);
}

/* Bytes from OFFSET to where its block, or the segment, ends. */
static uint32_t
store_block_rest(const struct segment *segment, uint32_t offset)
{
	uint32_t rest = (WRITE_BLOCK - offset % WRITE_BLOCK) % WRITE_BLOCK;
	uint32_t left = segment->size - offset;

	return rest < left ? rest : left;
}

/* A segment that was begun without one is left as soon as there is a filled file. */
static bool
store_has_better(const struct store *store)
{
	return store->current->makeshift && spare_is_ready(&store->spare, (uint32_t)store->options.segment_size);
}

/*
 * What a sync may have made durable shares no block with what is written behind it: a write that fails, or that a power cut tears,
 * may take its whole block with it.
 */
static void
store_begin_block(struct segment *segment)
{
	if (!segment->dirty)
		segment->used += store_block_rest(segment, segment->used);
}

static int
store_make_room(struct store *store, size_t size)
{
	size_t wanted = SEGMENT_HEADER_SIZE + size;
	size_t full = (size_t)store->options.segment_size;
	struct segment *segment;
	int error;

	if (store->current != NULL)
		store_begin_block(store->current);
	if (store->current != NULL && size <= store->current->size - store->current->used && !store_has_better(store))
		return 0;
	store_close_segment(store);
	error = store_create_segment(store, wanted > full ? wanted : full, &segment);
	/* On a full disk a small one may do: it takes the results that give back space. */
	if ((error == -ENOSPC || error == -EDQUOT) && wanted < full) {
		log_event(LOG_WARNING, "queue.small_segment", LOG_UINT("segment", store->next_segment), LOG_ERROR(error));
		error = store_create_segment(store, wanted > SEGMENT_SIZE_MIN ? wanted : SEGMENT_SIZE_MIN, &segment);
	}
	if (error != 0)
		return error;
	segment->dirty = true;
	TAILQ_INSERT_TAIL(&store->segments, segment, link);
	store->current = segment;
	spare_prepare(&store->spare, (uint32_t)full);
	return 0;
}

int
store_begin_segment(struct store *store)
{
	int error = store_make_room(store, RECORD_HEADER_SIZE);

	if (error == 0)
		store->current->makeshift = true;
	return error;
}

/*
 * Zeros up to the end of the block: a block that is written as a whole need not be read before, when the system has forgotten what
 * is in it.
 */
static struct iovec
store_padding(const struct segment *segment, uint32_t end)
{
	static char zeros[WRITE_BLOCK];

	return (struct iovec){ .iov_base = zeros, .iov_len = store_block_rest(segment, end) };
}

/* Seals as many records as fit. Returns how many, and the bytes. */
static int
store_gather(struct store *store, struct iovec *vector, uint32_t *bytes_r)
{
	struct segment *segment = store->current;
	struct record *record;
	uint32_t bytes = 0;
	int count = 0;

	TAILQ_FOREACH(record, &store->batch, link) {
		if (count == WRITE_RECORDS || record->size > segment->size - segment->used - bytes)
			break;
		record_seal(record, segment->salt, store->next_sequence++);
		record->place = (struct place){ segment, segment->used + bytes, (uint32_t)record->size };
		record->turn = store->turn;
		vector[count++] = (struct iovec){ .iov_base = record->image, .iov_len = record->size };
		bytes += (uint32_t)record->size;
	}
	*bytes_r = bytes;
	return count;
}

static int
store_write_some(struct store *store)
{
	struct iovec vector[WRITE_RECORDS + 1];
	uint32_t bytes;
	int count = store_gather(store, vector, &bytes);
	int error;

	vector[count] = store_padding(store->current, store->current->used + bytes);
	error = segment_write(store->current, vector, count + 1, store->current->used);
	if (error != 0)
		return error;
	store->current->used += bytes;
	store->current->dirty = true;
	while (count-- > 0) {
		struct record *record = TAILQ_FIRST(&store->batch);

		TAILQ_REMOVE(&store->batch, record, link);
		TAILQ_INSERT_TAIL(&store->written, record, link);
		store->urgent += record->lazy ? 0 : 1;
	}
	return 0;
}

static int
store_write_batch(struct store *store)
{
	int error = store->error;

	while (error == 0 && !TAILQ_EMPTY(&store->batch)) {
		error = store_make_room(store, TAILQ_FIRST(&store->batch)->size);
		if (error == 0)
			error = store_write_some(store);
	}
	return error;
}

static void
store_tell_waiters(struct store *store)
{
	struct waiter *waiter;

	while ((waiter = TAILQ_FIRST(&store->waiters)) != NULL && waiter->turn <= store->synced_turn) {
		TAILQ_REMOVE(&store->waiters, waiter, link);
		waiter->done(waiter->context);
		free(waiter);
	}
}

/* What ended is durable up to synced_turn: files may go. */
static void
store_clean(struct store *store)
{
	if (TAILQ_EMPTY(&store->batch) && TAILQ_EMPTY(&store->written))
		store->synced_turn = store->turn - 1;
	store_tell_waiters(store);
	store_remove_departed(store);
	store_reclaim(store);
}

void
store_flush(struct store *store)
{
	int error;

	store->woken = true; /* appending from here is noticed at the end */
	store_take_results(store);
	error = store_write_batch(store);
	store->turn++;
	if (error != 0 && store->current == NULL)
		store_break(store, "create", store->next_segment - 1, error);
	else if (error != 0)
		store_break(store, "write", store->current->number, error);
	if (store->urgent > 0 || !TAILQ_EMPTY(&store->waiters))
		store_start_sync(store);
	if (TAILQ_EMPTY(&store->written))
		store_clean(store);
	store->woken = false;
	if (store->error == 0 && (!TAILQ_EMPTY(&store->batch) || buffer_length(&store->results) > 0))
		store_wake(store);
}

void
store_retry(struct store *store)
{
	if (store->error == 0)
		return;
	store->error = 0;
	store_flush(store);
	if (store->error == 0)
		log_event(LOG_NOTICE, "queue.store_resumed", LOG_UINT("segment", store->next_segment - 1));
}

bool
store_is_broken(const struct store *store)
{
	return store->error != 0;
}

bool
store_has_lazy(const struct store *store)
{
	return !store->syncing && !TAILQ_EMPTY(&store->written);
}

bool
store_is_idle(const struct store *store)
{
	return TAILQ_EMPTY(&store->batch) && TAILQ_EMPTY(&store->written) && buffer_length(&store->results) == 0 && !store->syncing &&
	       !store->unlinking;
}

/* ---- syncing ---- */

static void
store_ask(struct store *store, int fd, enum disk_what what)
{
	int error = disk_sync(store->options.disk, fd, what, store_sync_answered, store);

	if (error == 0)
		store->sync_left++;
	else
		store->sync_error = error;
}

void
store_start_sync(struct store *store)
{
	struct segment *segment;
	bool named = true;

	if (store->syncing || TAILQ_EMPTY(&store->written))
		return;
	store->syncing = true;
	store->sync_error = 0;
	store->sync_left = 1; /* our own, given back below: all may fail at once */
	store->sync_turn = TAILQ_LAST(&store->written, record_list)->turn;
	store->sync_whole = store->error == 0; /* else a part of a turn waits for store_retry */
	TAILQ_FOREACH_REVERSE(segment, &store->segments, segment_list, link) {
		if (!segment->dirty)
			break; /* segments are written in order */
		segment->dirty = false;
		named = named && segment->named;
		store_ask(store, segment->fd, DISK_SEGMENT);
	}
	store->sync_named = store->next_segment;
	if (!named)
		store_ask(store, store->segment_directory, DISK_SEGMENT_DIRECTORY);
	store_sync_answered(store, 0);
}

void
store_sync(struct store *store)
{
	store_start_sync(store);
}

static void
store_synced(struct store *store)
{
	struct segment *segment;
	struct record *record;

	TAILQ_FOREACH_REVERSE(segment, &store->segments, segment_list, link) {
		if (segment->named)
			break;
		segment->named = segment->number < store->sync_named;
	}
	if (store->sync_whole)
		store->synced_turn = store->sync_turn;
	while ((record = TAILQ_FIRST(&store->written)) != NULL && record->turn <= store->sync_turn) {
		TAILQ_REMOVE(&store->written, record, link);
		store->urgent -= record->lazy ? 0 : 1;
		store_settle(store, record, 0);
	}
}

/* Nothing that is not yet settled counts as written, in whatever segment it is. */
static void
store_unwrite(struct store *store, int error)
{
	struct record_list mortals = TAILQ_HEAD_INITIALIZER(mortals);
	struct record *record = TAILQ_FIRST(&store->written);
	uint64_t segment = record == NULL ? 0 : record->place.segment->number; /* the first of those that are not durable */

	store->urgent = 0;
	take_mortals(&store->written, &mortals);
	while ((record = TAILQ_LAST(&store->written, record_list)) != NULL) {
		TAILQ_REMOVE(&store->written, record, link);
		TAILQ_INSERT_HEAD(&store->batch, record, link);
	}
	store_settle_list(store, &mortals, error);
	store_break(store, "sync", segment, error);
}

/* The syncer died, and nobody knows what it saw: everything is written again to its place, so that it is to be synced again. */
static void
store_rewrite(struct store *store)
{
	struct record *record;
	int error = 0;

	TAILQ_FOREACH(record, &store->written, link) {
		struct iovec vector = { .iov_base = record->image, .iov_len = record->size };

		error = segment_write(record->place.segment, &vector, 1, record->place.offset);
		if (error != 0)
			break;
	}
	if (error != 0) {
		store_unwrite(store, error);
		return;
	}
	/* From the first of these segments on, so that the dirty ones are the last ones. */
	record = TAILQ_FIRST(&store->written);
	for (struct segment *segment = record == NULL ? NULL : record->place.segment; segment != NULL;
	     segment = TAILQ_NEXT(segment, link))
		segment->dirty = true;
	store_start_sync(store);
}

static void
store_sync_answered(void *context, int error)
{
	struct store *store = context;

	if (error != 0 && (store->sync_error == 0 || store->sync_error == -ECONNRESET))
		store->sync_error = error;
	if (--store->sync_left > 0)
		return;
	store->syncing = false;
	if (store->sync_error == 0)
		store_synced(store);
	else if (store->sync_error == -ECONNRESET)
		store_rewrite(store);
	else
		store_unwrite(store, store->sync_error);
	if (store->urgent > 0 || !TAILQ_EMPTY(&store->waiters))
		store_start_sync(store);
	store_clean(store);
	store_wake(store); /* the owner may wait for this */
}
