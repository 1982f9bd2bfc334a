/*
 * The writer: the one thread that uses the table once it is open. It does one administrator's call after the
 * other, each in its own transaction, and may wait for the disk; the owner's loop does not. After each call
 * it hands the changes to the loop, which puts them into the index, some in each turn, and only then gives
 * the answer.
 */
#ifndef ANGARIUM_TABLED_WRITER_H
#define ANGARIUM_TABLED_WRITER_H

#include <event2/event.h>
#include <stdatomic.h>

#include "tabled/admin.h"

struct writer;

/* One call. All callbacks come in the loop. */
struct writer_job {
	/* set by the caller, and left alone until done */
	struct buffer payload; /* of ADMIN_CALL; CALL points into it */
	struct admin_call call;
	struct resolve_settings settings;
	int file;
	void (*progress)(struct writer_job *job, uint64_t done, uint64_t total); /* or NULL */
	void (*done)(struct writer_job *job); /* owns the job again */
	void *context;

	/* the result */
	struct admin_reply reply;

	/* used by writer.c */
	STAILQ_ENTRY(writer_job) next;
	struct index_changes changes;
	_Atomic uint64_t progress_done;
	_Atomic uint64_t progress_total;
	atomic_bool cancelled;
};

/*
 * Takes TABLE and closes it in the end. BROKEN is called in the loop when the table needs a recovery, hence a
 * restart. NULL with errno set; TABLE is then still the caller's.
 */
struct writer *writer_new(struct event_base *base, struct table *table, struct index *index,
                          void (*broken)(void *context), void *context);
/* 0; -EBUSY when too many jobs wait. */
int writer_submit(struct writer *writer, struct writer_job *job);
/* Nobody waits for the answer: breaks the job off if it is not done. Its "done" is called all the same. */
void writer_cancel(struct writer_job *job);
/*
 * Breaks off the job under way, waits for the thread, closes the table, and frees. "done" is called for each
 * job that is left. Sets *writer to NULL.
 */
void writer_free(struct writer **writer);

#endif
