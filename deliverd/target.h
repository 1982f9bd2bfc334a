/*
 * One message in one mailbox: the steps of its file. Each expects the target in the state that it names,
 * and leaves it in the next one or in TARGET_FAILED; then there is no file any more and the mailbox is
 * released.
 */
#ifndef ANGARIUM_DELIVERD_TARGET_H
#define ANGARIUM_DELIVERD_TARGET_H

#include "deliverd/job.h"
#include "deliverd/store.h"

/* What all targets of a job have in common. */
struct message {
	const struct job *job;
	struct slice return_path; /* the address as it stands between "<" and ">" */
	struct slice header;      /* the beginning of the message, with all of its header section that is looked at */
	bool delivered_before;    /* HEADER has a Delivered-To: */
};

/*
 * WAITING to WRITTEN: finds the mailbox, makes the file in tmp/, and writes the lines that delivery adds
 * and the body, unless that is in a descriptor. A message whose size is known is counted against the quota
 * before it is written.
 */
void target_begin(struct store *store, const struct message *message, struct job_target *target);
/* WRITTEN: appends more of a large body. */
void target_append(struct job_target *target, struct slice piece);
/*
 * WRITTEN: the message is complete and gets its final name. A body that was appended had SIZE and WIRE_SIZE
 * bytes, with LF and with CRLF line ends, and is counted against the quota now.
 */
void target_complete(const struct job *job, struct job_target *target, uint64_t size, uint64_t wire_size);
/* SYNCED to VISIBLE: moves the file into new/. */
void target_publish(struct store *store, struct job_target *target);
/* VISIBLE to DONE: the move is durable. */
void target_finish(struct job_target *target);
/* Any state but DONE to FAILED: removes the file, wherever it is, and takes back what was counted. */
void target_fail(struct job_target *target, struct outcome outcome);
/* Closes the file; its name and its contents stay. */
void target_close(struct job_target *target);

#endif
