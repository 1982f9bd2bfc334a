/*
 * The queue's store: a log of records (doc/queue.md) and the index of the messages that live in it.
 *
 * Nothing here waits for the disk's sync: records are appended, written together by store_flush at the end of a turn of the
 * event loop, and settled when the syncer has answered.
 */
#ifndef ANGARIUM_QUEUED_STORE_H
#define ANGARIUM_QUEUED_STORE_H

#include "queued/disk.h"
#include "queued/message.h"

struct store;

struct store_options {
	const char *directory;  /* of the spool */
	uint64_t segment_size;  /* bytes; brought within SEGMENT_SIZE_MIN and SEGMENT_SIZE_MAX */
	struct disk *disk;      /* outlives the store */
	/*
	 * Something waits to be written: call store_flush at the end of this turn. Not called again before store_flush.
	 */
	void (*wake)(void *context);
	void *context;
};

/*
 * Makes or opens the spool and recovers what is in it. Blocks; for the start of the process. 0, -EBUSY (another store has it open), or another
 * negative errno value: what could not be read or made durable is not believed and nothing was deleted.
 */
int store_open(const struct store_options *options, struct store **store_r);
/* Closes without writing anything. Unsettled records and those who wait for durability are dropped without a call. Frees all messages. Sets *store to NULL. */
void store_close(struct store **store);

/* For each message that lives; right after store_open. VISIT may end the message. */
void store_each(struct store *store, void (*visit)(void *context, struct message *message), void *context);
/* The same in small steps, between which everything may happen: see index_walk. False at the end. */
bool store_walk(const struct store *store, uint64_t *cursor, void (*visit)(void *context, struct message *message), void *context);
struct message *store_find(const struct store *store, uint64_t id);
size_t store_count(const struct store *store);

/* COUNT new queue ids, the first of which is returned. NOW is clock_wall_us(). */
uint64_t store_take_ids(struct store *store, int64_t now, uint32_t count);

/*
 * Appends MESSAGE's RECORD. The store owns MESSAGE from here on; RECORD is held until it is settled. SETTLED with an error: the message does not
 * exist, and is freed after the call. With RECORD's again set beforehand that cannot happen.
 */
void store_add(struct store *store, struct message *message, struct record *record, record_settled *settled, void *context);
/*
 * Appends a record about a message. It becomes durable whatever happens (SETTLED comes with 0, perhaps late). LAZY: nobody waits for it.
 */
void store_append(struct store *store, struct record *record, bool lazy, record_settled *settled, void *context);
/*
 * These recipients have ended as STATE: sets it in MESSAGE, and appends it to the turn's RESULT.
 */
void store_results(struct store *store, struct message *message, enum recipient_state state, const struct payload_range *ranges,
                   size_t count);
/* Sets MARK in MESSAGE, and appends it to the turn's RESULT. */
void store_mark(struct store *store, struct message *message, enum message_mark mark);
/* Calls DONE, not before this returns, when all that was appended until now is durable, and asks for a sync. 0 or -ENOMEM. */
int store_await(struct store *store, void (*done)(void *context), void *context);
/* MESSAGE has no live recipient any more: forgets and frees it. Its body file is removed when that is durable. */
void store_end(struct store *store, struct message *message);
/*
 * The body of MESSAGE, in a file, is damaged: a copy of its record and a second name of its body are kept in damaged/ (QUEUEID, QUEUEID.body), and it is
 * marked as damaged in memory.
 */
void store_keep_damaged(struct store *store, struct message *message);
/*
 * The record of MESSAGE cannot be used: what is left of record and body is kept in damaged/, its recipients end as removed, and it is
 * freed.
 */
void store_give_up(struct store *store, struct message *message);

/* Writes what was appended in this turn, and asks for a sync when somebody waits for one. */
void store_flush(struct store *store);
/* Asks for a sync of what nobody waits for. */
void store_sync(struct store *store);
/* True when something written is not yet synced, and no sync is under way. */
bool store_has_lazy(const struct store *store);
/* True after a failure: nothing can be written. store_retry after a while. */
bool store_is_broken(const struct store *store);
void store_retry(struct store *store);
/* True when nothing is waiting to be written or synced. */
bool store_is_idle(const struct store *store);

/*
 * MESSAGE's record, read back from disk (release it). 0, -EBADMSG (damaged: it is set aside in damaged/ and logged), or another negative errno value.
 */
int store_read(struct store *store, const struct message *message, struct record **record_r);

/* Its last DEFERRAL, read back (release it). 0, -ENOENT (there is none, or not yet on disk), or another negative errno value. */
int store_read_deferral(const struct message *message, struct record **record_r);

/* Creates the body file of ID. Returns a descriptor open for writing only, or a negative errno value. */
int store_create_body(struct store *store, uint64_t id);
/* Opens it for reading. A descriptor or a negative errno value. */
int store_open_body(const struct store *store, uint64_t id);
void store_remove_body(struct store *store, uint64_t id);
/* Makes the body file and its name durable. As disk_sync; a lost syncer is an error here. */
int store_sync_body(struct store *store, uint64_t id, disk_done *done, void *context);

struct store_numbers {
	uint64_t segments;
	uint64_t total_bytes; /* of the segments */
	uint64_t live_bytes;  /* of live MESSAGE records in them */
};

struct store_numbers store_numbers(const struct store *store);
/* The number of the newest segment: another one when one was begun. */
uint64_t store_newest_segment(const struct store *store);
/* Says whether space is short: then segments that are mostly dead are given back before others are full. */
void store_set_space_short(struct store *store, bool space_short);
/* Free bytes of the spool's file system, or a negative errno value. */
int store_free_space(const struct store *store, uint64_t *bytes_r);

#endif
