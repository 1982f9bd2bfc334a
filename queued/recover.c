/*
 * Recovery: the index is built from what the segments say, whatever state they are in. The table of states is in doc/queue.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"
#include "queued/scan.h"
#include "queued/segment_load.h"
#include "queued/statement.h"
#include "queued/store_state.h"

enum {
	NAME_SIZE = 64,
};

struct recovery {
	struct store *store;
	struct segment *segment;
	struct slice bytes; /* of the segment */
	struct scan_item item; /* the one being read */
	uint64_t records;
	uint64_t damages;
	unsigned read_again; /* times so far */
};

/* ---- one segment ---- */

bool
store_set_aside(const struct store *store, const char *name, struct slice bytes)
{
	int fd = openat(store->damaged_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error;

	if (fd < 0 && errno == EEXIST)
		return false;
	error = fd < 0 ? -errno : durable_write(fd, bytes.data, bytes.length);
	if (fd >= 0)
		close(fd);
	if (error != 0)
		log_event(LOG_ERR, "queue.set_aside_failed", LOG_STRING("file", name), LOG_ERROR(error));
	return true;
}

static void
recover_damage(struct recovery *recovery)
{
	const struct scan_item *item = &recovery->item;
	char segment[SEGMENT_NAME_SIZE];
	char name[NAME_SIZE];

	segment_name(recovery->segment->number, segment);
	snprintf(name, sizeof(name), "%s-%08zx", segment, item->offset);
	if (store_set_aside(recovery->store, name, slice_first(slice_from(recovery->bytes, item->offset), item->size)))
		log_event(LOG_ERR, "queue.damage", LOG_STRING("segment", segment), LOG_UINT("offset", item->offset),
		          LOG_UINT("size", item->size), LOG_STRING("kept", name));
	recovery->damages++;
}

static int
recover_record(struct recovery *recovery)
{
	struct store *store = recovery->store;
	const struct scan_item *item = &recovery->item;
	struct place place = { recovery->segment, (uint32_t)item->offset, (uint32_t)item->size };
	char segment[SEGMENT_NAME_SIZE];
	int error;

	if (item->header.sequence >= store->next_sequence)
		store->next_sequence = item->header.sequence + 1;
	error = statement_apply(store, &place, &item->header, item->payload);
	recovery->records++;
	if (error == 0 || error == -ENOMEM)
		return error;
	segment_name(recovery->segment->number, segment);
	log_event(LOG_ERR, "queue.record_not_understood", LOG_STRING("segment", segment),
	          LOG_UINT("offset", item->offset), LOG_UINT("type", item->header.type));
	return 0;
}

/* 0; -EBADMSG: it is damaged; -EPROTONOSUPPORT: the segment is of another version, and to read it by our rules would be to lose what is in it. */
static int
recover_header(struct recovery *recovery, struct segment_header *header_r)
{
	struct store *store = recovery->store;
	int error = segment_header_parse(recovery->bytes, header_r);

	if (error == 0 && header_r->id > store->next_id)
		store->next_id = header_r->id;
	if (error == -EPROTONOSUPPORT)
		log_event(LOG_ERR, "queue.segment_version", LOG_UINT("segment", recovery->segment->number), LOG_ERROR(error));
	return error;
}

static int
recover_bytes(struct recovery *recovery)
{
	struct segment *segment = recovery->segment;
	struct segment_header header;
	const struct scan_item *item = &recovery->item;
	struct scan scan;
	enum scan_result found;
	int error = recover_header(recovery, &header);

	if (error == -EPROTONOSUPPORT)
		return error;
	scan = scan_begin(recovery->bytes, error == 0 ? &header : NULL);
	segment->used = recovery->bytes.length < SEGMENT_HEADER_SIZE ? (uint32_t)recovery->bytes.length : SEGMENT_HEADER_SIZE;
	while ((found = scan_next(&scan, &recovery->item)) != SCAN_END) {
		segment->used = (uint32_t)(item->offset + item->size);
		error = 0;
		if (found == SCAN_DAMAGE)
			recover_damage(recovery);
		else
			error = recover_record(recovery);
		if (error != 0)
			return error;
	}
	segment->salt = scan.salt;
	return 0;
}

/* An unreadable segment is kept, although recovery goes on without it: perhaps another machine can read the disk. */
static void
keep_segment(const struct store *store, const char *name)
{
	if (linkat(store->segment_directory, name, store->damaged_directory, name, 0) != 0 && errno != EEXIST)
		log_event(LOG_ERR, "queue.set_aside_failed", LOG_STRING("file", name), LOG_ERROR(errno));
}

static int
recover_segment(struct recovery *recovery)
{
	struct segment *segment = recovery->segment;
	char name[SEGMENT_NAME_SIZE];
	char *bytes;
	bool whole;
	int error = segment_load(segment, &recovery->read_again, &bytes, &whole);

	if (error != 0)
		return error;
	recovery->bytes = slice_of(bytes, segment->size);
	error = recover_bytes(recovery);
	free(bytes);
	if (error != 0)
		return error;
	if (whole) {
		segment_seal(segment);
	} else {
		segment_name(segment->number, name);
		keep_segment(recovery->store, name);
		recovery->damages++;
	}
	return 0;
}

/* ---- all segments ---- */

static int
recover_number(struct recovery *recovery, uint64_t number)
{
	struct store *store = recovery->store;
	int error = segment_open(store->segment_directory, number, &recovery->segment);

	if (number >= store->next_segment)
		store->next_segment = number + 1;
	if (error == -EINVAL) {
		log_event(LOG_ERR, "queue.foreign_file", LOG_STRING("directory", "segment"), LOG_UINT("number", number));
		return 0;
	}
	if (error != 0)
		return error;
	TAILQ_INSERT_TAIL(&store->segments, recovery->segment, link);
	return recover_segment(recovery);
}

/* Only what has its MESSAGE and a live recipient goes on. */
static void
drop_dead(void *context, struct message *message)
{
	struct store *store = context;

	if (message->recipients > 0 && message->live > 0) {
		/* A segment before the message's own may go at any time. */
		if (message->deferral.segment != NULL && message->deferral.segment->number < message->place.segment->number)
			message->deferral.segment = NULL;
		return;
	}
	index_remove(&store->index, message);
	segment_remove_message(message);
	message_free(&message);
}

int
store_recover(struct store *store)
{
	struct recovery recovery = { .store = store };
	uint64_t *numbers;
	size_t count;
	int error = segment_numbers(store->segment_directory, &numbers, &count);

	store->woken = true; /* until the owner's first store_flush */
	for (size_t i = 0; error == 0 && i < count; i++)
		error = recover_number(&recovery, numbers[i]);
	free(numbers);
	if (error != 0)
		return error;
	index_each(&store->index, drop_dead, store);
	/*
	 * The names of the segments, before a body is removed because of what stands in them. The names of bodies need no sync: a MESSAGE was
	 * written only when that of its body was durable, and what is removed here may come back.
	 */
	error = durable_sync(store->segment_directory);
	if (error == 0)
		error = store_check_bodies(store, recovery.damages > 0);
	if (error != 0)
		return error;
	error = store_begin_segment(store);
	if (error != 0)
		log_event(LOG_ERR, "queue.no_segment", LOG_ERROR(error));
	log_event(LOG_NOTICE, "queue.recovered", LOG_UINT("messages", store->index.count), LOG_UINT("segments", count),
	          LOG_UINT("records", recovery.records), LOG_UINT("damages", recovery.damages));
	return 0;
}
