/*
 * Giving back the space of what is over: the oldest segments go, one after the other, and when live messages keep too many from going,
 * those are copied forward. The rules are in doc/queue.md, "Reclaiming".
 */
#include <errno.h>
#include <unistd.h>

#include "common/base/log.h"
#include "queued/store_state.h"

enum {
	COPY_STEP = 256 * 1024,  /* bytes that are copied at once, and at least one message */
	TOTAL_TO_LIVE = 4,       /* copying begins when the segments are this many times as large as what lives in them, */
	SPARE_SEGMENTS = 4,      /* and this many segments more */
};

/* ---- unlinking ---- */

/* The next attempt is for store_reclaim to make. */
static void
unlink_not_synced(struct store *store, int error)
{
	store->unlink_unsure = true;
	log_event(LOG_WARNING, "queue.unlink_not_synced", LOG_ERROR(error));
}

static void
unlink_synced(void *context, int error)
{
	struct store *store = context;

	store->unlinking = store->unlink_unsure = false;
	if (error != 0)
		unlink_not_synced(store, error);
	else
		store_reclaim(store);
	store_wake(store); /* the owner may wait for this */
}

/* Makes an unlink durable before the next: a RESULT must never go before the MESSAGE that it ends. */
static void
sync_unlink(struct store *store)
{
	int error = disk_sync(store->options.disk, store->segment_directory, DISK_SEGMENT_DIRECTORY, unlink_synced, store);

	store->unlinking = error == 0;
	store->unlink_unsure = false;
	if (error != 0)
		unlink_not_synced(store, error);
}

/* Records are written in the order of their segments. */
static bool
segment_is_settled(const struct store *store, const struct segment *segment)
{
	const struct record *first = TAILQ_FIRST(&store->written);

	return first == NULL || first->place.segment->number > segment->number;
}

/*
 * On a full disk RESULTs cannot be written until something goes. Then the end of a segment does without them: a crash before it is
 * durable is a duplicate, and no loss. Else the last one on disk stays until its successor is, whose header carries on the ids that
 * were given.
 */
static bool
segment_is_over(const struct store *store, const struct segment *segment)
{
	bool full = store->error == -ENOSPC || store->error == -EDQUOT;
	const struct segment *next = TAILQ_NEXT(segment, link);

	if (segment == store->current || !TAILQ_EMPTY(&segment->messages) || !segment_is_settled(store, segment))
		return false;
	return full || (next != NULL && next->named && segment->ended <= store->synced_turn);
}

static void
unlink_oldest(struct store *store, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(segment->number, name);
	if (unlinkat(store->segment_directory, name, 0) != 0 && errno != ENOENT) {
		log_event(LOG_ERR, "queue.segment_not_removed", LOG_STRING("segment", name), LOG_ERROR(errno));
		return;
	}
	log_event(LOG_DEBUG, "queue.segment_removed", LOG_STRING("segment", name));
	TAILQ_REMOVE(&store->segments, segment, link);
	segment_free(&segment);
	sync_unlink(store);
}

/* ---- copying forward ---- */

static void
copied_statement(void *context, struct record *record, int error)
{
	struct store *store = context;

	(void)record;
	(void)error;
	store->copying--;
}

static void
copied_message(void *context, struct record *record, int error)
{
	struct store *store = context;
	struct message *message = index_find(&store->index, record_id(record));

	(void)error;
	store->copying--;
	if (message == NULL)
		return;
	message->copying = false;
	segment_add_message(&record->place, message);
	if (message->ended)
		store_end(store, message);
}

/* Puts a new record with that payload on LIST. 0 or -ENOMEM. */
static int
prepare_record(struct store *store, struct record_list *list, enum record_type type, uint64_t id, struct slice payload,
               record_settled *settled)
{
	struct record *record = record_new(type, id, payload.length);

	if (record == NULL)
		return -ENOMEM;
	memcpy(record_payload(record), payload.data, payload.length);
	record->settled = settled;
	record->context = store;
	TAILQ_INSERT_TAIL(list, record, link);
	return 0;
}

static int
add_final_ranges(struct buffer *out, const struct message *message, enum recipient_state state)
{
	struct ranges ranges;
	int error = 0;

	ranges_init(&ranges);
	for (uint32_t i = 0; error == 0 && i < message->index_count; i++)
		if (message_state(message, i) == state)
			error = ranges_add(&ranges, i);
	if (error == 0 && ranges.count > 0)
		error = payload_results_add(out, message->id, (uint8_t)state, ranges.list, ranges.count);
	ranges_free(&ranges);
	return error;
}

static int
add_marks(struct buffer *out, const struct message *message)
{
	int error = 0;

	if (message->held)
		error = payload_results_mark(out, message->id, MARK_HELD);
	if (error == 0 && message->warned)
		error = payload_results_mark(out, message->id, MARK_WARNED);
	if (error == 0 && message->returned)
		error = payload_results_mark(out, message->id, MARK_RETURNED);
	return error;
}

/* One RESULT with all final states and marks. */
static int
prepare_results(struct store *store, struct record_list *list, const struct message *message)
{
	struct buffer out;
	int error;

	if (message->live == message->index_count && !message->held && !message->warned && !message->returned)
		return 0;
	buffer_init(&out, RECORD_PAYLOAD_MAX);
	error = payload_results_begin(&out);
	for (int state = RECIPIENT_FINAL; error == 0 && state <= RECIPIENT_STATE_MAX; state++)
		if (state != RECIPIENT_EXPANDED) /* the EXPANSION says that */
			error = add_final_ranges(&out, message, (enum recipient_state)state);
	if (error == 0)
		error = add_marks(&out, message);
	if (error == 0)
		error = prepare_record(store, list, RECORD_RESULT, 0, buffer_slice(&out), copied_statement);
	buffer_free(&out);
	return error;
}

static int
prepare_expansions(struct store *store, struct record_list *list, const struct message *message)
{
	const struct expansion *expansion;
	int error = 0;

	SLIST_FOREACH(expansion, &message->expansions, link)
		if (error == 0)
			error = prepare_record(store, list, RECORD_EXPANSION, message->id, record_payload_slice(expansion->record),
			                       copied_statement);
	return error;
}

static int
prepare_deferral(struct store *store, struct record_list *list, struct message *message)
{
	struct record *old;
	int error;

	if (message->deferral.segment == NULL)
		return 0;
	if (store_read_deferral(message, &old) != 0) {
		message->deferral.segment = NULL; /* the next attempt comes at once, if we are restarted before it */
		return 0;
	}
	error = prepare_record(store, list, RECORD_DEFERRAL, message->id, record_payload_slice(old), copied_statement);
	record_release(&old);
	return error;
}

static int
prepare_message(struct store *store, struct record_list *list, struct message *message, int64_t *size_r)
{
	struct record *old;
	int error = store_read(store, message, &old);

	if (error != 0) {
		message->unreadable = true;
		return error;
	}
	*size_r = (int64_t)old->size;
	error = prepare_record(store, list, RECORD_MESSAGE, message->id, record_payload_slice(old), copied_message);
	record_release(&old);
	if (error == 0)
		error = prepare_expansions(store, list, message);
	if (error == 0)
		error = prepare_results(store, list, message);
	if (error == 0)
		error = prepare_deferral(store, list, message);
	return error;
}

/* Appends everything that is known of MESSAGE again, or nothing. Returns its size, or 0. */
static int64_t
copy_message(struct store *store, struct message *message)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct record *record;
	int64_t size = 0;
	int error = prepare_message(store, &list, message, &size);

	while ((record = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, record, link);
		if (error == 0) {
			store->copying++;
			store_append(store, record, false, record->settled, record->context);
		}
		record_release(&record);
	}
	message->copying = error == 0;
	return error == 0 ? size : 0;
}

static void
copy_some(struct store *store, struct segment *segment)
{
	struct message *message;
	int64_t bytes = 0;

	TAILQ_FOREACH(message, &segment->messages, in_segment) {
		if (bytes >= COPY_STEP)
			break;
		/* While a record about it is not durable, that would come to lie before the copied MESSAGE. */
		if (message->settling == 0 && !message->unreadable)
			bytes += copy_message(store, message);
	}
}

/*
 * While space is short, what lives in the oldest segment goes into what is left of the newest one, when that gives back at least twice as much. On
 * a disk that the mailboxes share delivery could else come to a stop with each segment dead in parts.
 */
static bool
oldest_fits_newest(const struct store *store, const struct segment *oldest)
{
	const struct segment *newest = store->current;

	return newest != NULL && oldest->live_bytes <= oldest->size / 2 && oldest->live_bytes <= newest->size - newest->used;
}

static bool
store_is_sparse(const struct store *store, const struct segment *oldest)
{
	struct store_numbers numbers = store_numbers(store);

	if (store->space_short && oldest_fits_newest(store, oldest))
		return true;
	return numbers.total_bytes > TOTAL_TO_LIVE * numbers.live_bytes + SPARE_SEGMENTS * store->options.segment_size;
}

void
store_reclaim(struct store *store)
{
	struct segment *oldest = TAILQ_FIRST(&store->segments);

	if (store->unlinking || store->copying > 0 || oldest == NULL)
		return;
	if (store->unlink_unsure) {
		sync_unlink(store);
		return;
	}
	if (segment_is_over(store, oldest))
		unlink_oldest(store, oldest);
	else if (store->error == 0 && oldest != store->current && store_is_sparse(store, oldest))
		copy_some(store, oldest);
}
