/*
 * The inside of the store, for store.c, store_write.c, recover.c, statement.c, reclaim.c and store_body.c.
 */
#ifndef ANGARIUM_QUEUED_STORE_STATE_H
#define ANGARIUM_QUEUED_STORE_STATE_H

#include "common/base/buffer.h"
#include "queued/index.h"
#include "queued/segment.h"
#include "queued/spare.h"
#include "queued/store.h"

/* A message that is over, and whose body file goes when TURN is synced. */
struct departed {
	TAILQ_ENTRY(departed) link;
	uint64_t id;
	uint64_t turn;
};

TAILQ_HEAD(departed_list, departed);

/* Somebody who is told when TURN is synced. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	uint64_t turn;
	void (*done)(void *context);
	void *context;
};

TAILQ_HEAD(waiter_list, waiter);

struct store {
	struct store_options options;
	int directory;          /* descriptors of the spool and its parts, or -1 */
	int segment_directory;
	int body_directory;
	int damaged_directory;

	struct index index;
	uint64_t next_id;
	uint64_t next_segment;
	uint64_t next_sequence;

	struct segment_list segments; /* oldest first */
	struct segment *current;      /* the last one, or NULL when a new one must be begun */
	struct spare spare;           /* the file of the next one */

	struct record_list batch;   /* not yet written, in order */
	struct record_list written; /* not yet synced, in order */
	struct buffer results;      /* RESULT of this turn; empty when there is none */
	size_t urgent;              /* records in WRITTEN for which somebody waits */
	bool woken;
	uint64_t turn;              /* number of the coming flush */
	uint64_t synced_turn;       /* all that was written up to it is durable */
	int error;                  /* not 0: broken since a failure of that kind */

	bool syncing;        /* a round of syncs is under way */
	unsigned sync_left;  /* answers to come */
	int sync_error;      /* worst so far */
	uint64_t sync_turn;  /* what it covers */
	bool sync_whole;     /* it covers all that was appended in those turns */
	uint64_t sync_named; /* the directory entries of segments below this number */

	struct departed_list departed;
	struct waiter_list waiters;  /* by turn */
	bool unlinking;      /* the sync of an unlink is under way */
	bool unlink_unsure;  /* an unlink is not known to be durable */
	bool space_short;    /* what lives is copied out of mostly dead segments early */
	unsigned copying;    /* records of a step of copying that are not settled */
};

/* store.c */
/* Makes a record of what store_results gathered. */
void store_take_results(struct store *store);
/* Says that MESSAGE never was: its record may have reached the disk although that failed. */
void store_void(struct store *store, const struct message *message);

/* store_write.c */
void store_wake(struct store *store);
void store_start_sync(struct store *store);
/* At start. 0 or a negative errno value. */
int store_begin_segment(struct store *store);

/* recover.c */
int store_recover(struct store *store);
/* Keeps BYTES in damaged/NAME. True when that file is new. */
bool store_set_aside(const struct store *store, const char *name, struct slice bytes);

/* reclaim.c: does what can be done now towards deleting the oldest segments. */
void store_reclaim(struct store *store);

/* store_body.c */
/* Removes the body files of messages that ended in turns that are synced. */
void store_remove_departed(struct store *store);
/*
 * Removes all body files that no message owns, or, with KEEP, moves them to damaged/: their messages may be among what could not be read. Messages
 * whose body is missing or short are damaged (store_keep_damaged). 0 or a negative errno value.
 */
int store_check_bodies(struct store *store, bool keep);

#endif
