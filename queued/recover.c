/*
 * Recovery: the index is built from what the segments say, whatever state they are in. The table of states is in doc/queue.md.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/mail/queueid.h"
#include "queued/payload_deferral.h"
#include "queued/scan.h"
#include "queued/store_state.h"

enum {
	READ_BLOCK = 4096, /* bytes; what is given up at once when a disk cannot read */
	READ_AGAIN = 10,   /* times in one start: a disk that was away for a moment has lost nothing */
	READ_PAUSE_MS = 100,
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

/* ---- statements ---- */

/* The message of that id, made when it is not there: statements may come before the MESSAGE. NULL when out of memory. */
static struct message *
recover_message(struct recovery *recovery, uint64_t id)
{
	struct store *store = recovery->store;
	struct message *message = index_find(&store->index, id);

	if (message != NULL)
		return message;
	message = message_new(id);
	if (message != NULL)
		index_insert(&store->index, message);
	if (id >= store->next_id)
		store->next_id = id + 1;
	return message;
}

/* Records are read in the order of their sequence numbers, so the last of two marks counts. */
static int
apply_result(struct recovery *recovery, uint64_t id, uint8_t state, const struct payload_range *range)
{
	struct message *message;

	if (state < RECIPIENT_FINAL || state > MARK_MAX)
		return -EINVAL;
	message = recover_message(recovery, id);
	if (message == NULL)
		return -ENOMEM;
	if (state >= MARK_LEAST)
		return message_mark(message, state) ? 0 : -EINVAL;
	return message_set_range(message, range, state);
}

static int
apply_results(struct recovery *recovery, struct slice payload)
{
	struct payload_results results;
	struct payload_range range;
	int found;

	payload_results_parse(payload, &results);
	while ((found = payload_results_next(&results, &range)) > 0) {
		int error = apply_result(recovery, results.id, results.state, &range);

		if (error != 0)
			return error;
	}
	return found;
}

static int
apply_message(struct recovery *recovery, const struct record_header *header, struct slice payload)
{
	struct place place = { recovery->segment, (uint32_t)recovery->item.offset, (uint32_t)recovery->item.size };
	struct message_payload parsed;
	struct payload_range range;
	struct message *message;
	int error = payload_message_parse(payload, &parsed);

	if (error != 0)
		return error;
	message = recover_message(recovery, header->id);
	if (message == NULL)
		return -ENOMEM;
	range = (struct payload_range){ 0, parsed.recipients };
	error = message_open(message, &range);
	if (error != 0)
		return error;
	message->arrival = parsed.arrival;
	message->body_size = parsed.body_size;
	message->body_in_file = parsed.body_in_file;
	message->recipients = parsed.recipients;
	/* Of two copies the older one: everything that was said about the message lies behind it. */
	if (message->place.segment == NULL)
		segment_add_message(&place, message);
	return apply_results(recovery, parsed.ends);
}

static int
apply_expansion(struct recovery *recovery, const struct record_header *header, struct slice payload)
{
	struct message *message = recover_message(recovery, header->id);
	struct record *record = record_new(RECORD_EXPANSION, header->id, payload.length);
	struct expansion *expansion;
	struct payload_range targets, recipient;
	int error;

	if (message == NULL || record == NULL) {
		record_release(&record);
		return -ENOMEM;
	}
	memcpy(record_payload(record), payload.data, payload.length);
	error = message_add_expansion(message, record, &expansion);
	record_release(&record);
	if (error != 0)
		return error == -EEXIST ? 0 : error;
	targets = (struct payload_range){ expansion->first, expansion->count };
	recipient = (struct payload_range){ expansion->recipient, 1 };
	error = message_open(message, &targets);
	return error != 0 ? error : message_set_range(message, &recipient, RECIPIENT_EXPANDED);
}

static int
apply_deferral(struct recovery *recovery, const struct record_header *header, struct slice payload)
{
	struct message *message = recover_message(recovery, header->id);
	struct deferral deferral;

	if (deferral_parse(payload, &deferral) != 0)
		return -EINVAL;
	if (message == NULL)
		return -ENOMEM;
	/* Records are read in the order of their sequence numbers. */
	message->attempts = deferral.attempts;
	message->timer.key = deferral.next;
	message->deferral =
		(struct place){ recovery->segment, (uint32_t)recovery->item.offset, (uint32_t)recovery->item.size };
	return 0;
}

static int
apply_record(struct recovery *recovery)
{
	const struct record_header *header = &recovery->item.header;
	struct slice payload = recovery->item.payload;

	switch (header->type) {
	case RECORD_MESSAGE:
		return apply_message(recovery, header, payload);
	case RECORD_EXPANSION:
		return apply_expansion(recovery, header, payload);
	case RECORD_RESULT:
		return apply_results(recovery, payload);
	case RECORD_DEFERRAL:
		return apply_deferral(recovery, header, payload);
	default:
		return -EINVAL;
	}
}

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
	const struct record_header *header = &recovery->item.header;
	char segment[SEGMENT_NAME_SIZE];
	int error;

	if (header->sequence >= store->next_sequence)
		store->next_sequence = header->sequence + 1;
	error = apply_record(recovery);
	recovery->records++;
	if (error == 0 || error == -ENOMEM)
		return error;
	segment_name(recovery->segment->number, segment);
	log_event(LOG_ERR, "queue.record_not_understood", LOG_STRING("segment", segment),
	          LOG_UINT("offset", recovery->item.offset), LOG_UINT("type", header->type));
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
read_whole(struct recovery *recovery, char *bytes)
{
	const struct segment *segment = recovery->segment;
	int error;

	for (;;) {
		error = durable_pread(segment->fd, bytes, segment->size, 0);
		if (error == 0 || recovery->read_again == READ_AGAIN)
			return error;
		recovery->read_again++;
		nanosleep(&(struct timespec){ .tv_nsec = READ_PAUSE_MS * 1000000L }, NULL);
	}
}

/* Blocks that cannot be read are zeros. How many could, or a negative errno value when none. */
static int
read_blocks(const struct segment *segment, char *bytes)
{
	char name[SEGMENT_NAME_SIZE];
	int count = 0;
	int worst = 0;

	segment_name(segment->number, name);
	for (size_t at = 0; at < segment->size; at += READ_BLOCK) {
		size_t length = segment->size - at < READ_BLOCK ? segment->size - at : READ_BLOCK;
		int error = durable_pread(segment->fd, bytes + at, length, (off_t)at);

		if (error == 0) {
			count++;
			continue;
		}
		if (worst == 0)
			log_event(LOG_ERR, "queue.unreadable", LOG_STRING("segment", name), LOG_UINT("offset", at), LOG_ERROR(error));
		worst = error;
		memset(bytes + at, 0, length);
	}
	if (worst != 0)
		log_event(LOG_ERR, "queue.unreadable", LOG_STRING("segment", name), LOG_INT("blocks_read", count), LOG_ERROR(worst));
	return count > 0 ? count : worst;
}

/*
 * Reads all that can be read. 0 and *whole_r; or a negative errno value when nothing can: then it is not the segment that is
 * damaged, but the disk that is away, and to go on without would be to lose what is on it.
 */
static int
read_segment(struct recovery *recovery, char *bytes, bool *whole_r)
{
	int read;

	*whole_r = read_whole(recovery, bytes) == 0;
	if (*whole_r)
		return 0;
	read = read_blocks(recovery->segment, bytes);
	*whole_r = (uint32_t)read == (recovery->segment->size + READ_BLOCK - 1) / READ_BLOCK;
	return read < 0 ? read : 0;
}

/*
 * What is found must be durable: so far it may be in the kernel's memory only. And there it may be although an earlier sync of it
 * failed, which the kernel says once and never again. So it is synced, forgotten, and then read from the disk itself.
 */
static int
sync_segment(const struct segment *segment, const char *name)
{
	int error = durable_sync(segment->fd);

	if (error == 0)
		(void)posix_fadvise(segment->fd, 0, 0, POSIX_FADV_DONTNEED);
	else
		log_event(LOG_ERR, "queue.segment_not_synced", LOG_STRING("segment", name), LOG_ERROR(error));
	return error;
}

static int
recover_segment(struct recovery *recovery)
{
	struct segment *segment = recovery->segment;
	char name[SEGMENT_NAME_SIZE];
	char *bytes;
	bool whole;
	int error;

	segment_name(segment->number, name);
	error = sync_segment(segment, name);
	if (error != 0)
		return error;
	bytes = malloc(segment->size == 0 ? 1 : segment->size);
	if (bytes == NULL)
		return -ENOMEM;
	error = read_segment(recovery, bytes, &whole);
	recovery->bytes = slice_of(bytes, segment->size);
	if (error == 0)
		error = recover_bytes(recovery);
	free(bytes);
	if (error != 0)
		return error;
	if (whole) {
		segment_seal(segment);
	} else {
		keep_segment(recovery->store, name);
		recovery->damages++;
	}
	return 0;
}

/* ---- all segments ---- */

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a;
	uint64_t second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

static int
add_number(uint64_t **list, size_t *count, uint64_t number)
{
	uint64_t *grown = reallocarray(*list, *count + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[(*count)++] = number;
	*list = grown;
	return 0;
}

/* The numbers of the segments that are there, in order; free *list_r. */
static int
list_segments(const struct store *store, uint64_t **list_r, size_t *count_r)
{
	int fd = openat(store->segment_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t number;
	int error = 0;

	*list_r = NULL;
	*count_r = 0;
	if (directory == NULL) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	for (errno = 0; error == 0 && (entry = readdir(directory)) != NULL; errno = 0) {
		if (entry->d_name[0] == '.')
			continue;
		if (segment_parse_name(entry->d_name, &number) == 0)
			error = add_number(list_r, count_r, number);
		else
			log_event(LOG_WARNING, "queue.foreign_file", LOG_STRING("directory", "segment"),
			          LOG_STRING("file", entry->d_name));
	}
	if (error == 0)
		error = -errno;
	closedir(directory);
	if (*count_r > 0)
		qsort(*list_r, *count_r, sizeof(**list_r), compare_numbers);
	return error;
}

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
	int error = list_segments(store, &numbers, &count);

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
