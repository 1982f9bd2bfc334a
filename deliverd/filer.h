/*
 * The file thread of a worker: takes jobs from the loop, delivers them in batches, and gives them back. The
 * loop never waits for the disk, and no lock is held during a file operation.
 */
#ifndef ANGARIUM_DELIVERD_FILER_H
#define ANGARIUM_DELIVERD_FILER_H

#include <event2/event.h>

#include "deliverd/job.h"
#include "deliverd/store.h"

enum {
	FILER_BATCH_TARGETS = 256, /* after which a batch takes no more jobs: bounds how long a sync is waited for */
};

struct filer;

struct filer_callbacks {
	/* In the loop: JOB is finished; the callback owns it. */
	void (*finished)(void *context, struct job *job);
	/*
	 * In the loop, after filer_stop: the thread has ended, and every job that was begun has been given
	 * to FINISHED. filer_free may be called.
	 */
	void (*stopped)(void *context);
};

/*
 * Starts the thread. STORE is its own until filer_free. CALLBACKS must outlive it. 0 or a negative errno
 * value.
 */
int filer_new(struct event_base *base, struct store *store, const struct filer_callbacks *callbacks, void *context,
              struct filer **filer_r);
/* JOB is the filer's now. How many there are at once is bounded by the credit that queued was given. */
void filer_give(struct filer *filer, struct job *job);
/* Frees the jobs that the thread has not begun: nobody waits for them any more. Returns how many. */
size_t filer_cancel(struct filer *filer);
/*
 * To be called at regular intervals: for how many of them, in a row, the thread has had something to do and got on with none of it. More than a few
 * mean that it hangs in a file operation.
 */
unsigned filer_still(struct filer *filer);
/* Cancels what was not begun and lets the thread finish what was. */
void filer_stop(struct filer *filer);
/* After STOPPED only. Sets *filer to NULL. */
void filer_free(struct filer **filer);

#endif
