/*
 * Deliveries in batches: one sync makes the files of one batch durable, and the moves into new/ of the
 * batch before it.
 *
 *   turn k:  write the files of batch k into tmp/
 *            sync: files of batch k, and new/ of batch k-1
 *            batch k-1 is done
 *            move the files of batch k into new/
 *
 * A turn without new jobs finishes the batch before it. After a sync that failed, what it was for counts as
 * lost: those files are removed and their targets fail for the moment.
 */
#ifndef ANGARIUM_DELIVERD_BATCH_H
#define ANGARIUM_DELIVERD_BATCH_H

#include "deliverd/job.h"
#include "deliverd/store.h"

enum {
	/*
	 * Up to so many files and directories are synced each by itself; more, by one syncfs. Measured on
	 * ext4 with messages of 4 KiB: one or two by themselves cost what a syncfs does, and wait for
	 * nobody else's data; from four on syncfs is faster, with a hundred three times and more.
	 */
	BATCH_SYNC_EACH = 2,
};

struct batches {
	struct store *store;
	struct job_list visible; /* the batch before: moved, but the move is not durable */
	/* Replaceable, for tests. 0 or a negative errno value. */
	int (*sync_file)(int fd);
	int (*sync_all)(int fd); /* the whole file system */
};

void batches_init(struct batches *batches, struct store *store);
/* True when a turn without new jobs would finish something. */
bool batches_pending(const struct batches *batches);
/* One turn. Takes all of JOBS, and appends finished ones to DONE. */
void batches_turn(struct batches *batches, struct job_list *jobs, struct job_list *done);

#endif
