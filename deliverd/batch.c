/*
 * The turn of a batch. See batch.h for the order, which is what makes a delivery durable before it is reported.
 */
#include "deliverd/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/io/durable.h"
#include "deliverd/message.h"
#include "deliverd/target.h"

/* The next target in STATE at or after *index of JOB; NULL at the job's end. */
static struct job_target *
next_in_state(struct job *job, enum target_state state, uint32_t *index)
{
	while (*index < job->target_count) {
		struct job_target *target = &job->targets[(*index)++];

		if (target->state == state)
			return target;
	}
	return NULL;
}

#define FOREACH_TARGET(job, target, jobs, wanted)                                                                     \
	STAILQ_FOREACH(job, jobs, next)                                                                               \
		for (uint32_t index_ = 0; (target = next_in_state(job, wanted, &index_)) != NULL;)

static int
sync_file_system(int fd)
{
	return syncfs(fd) == 0 ? 0 : -errno;
}

void
batches_init(struct batches *batches, struct store *store)
{
	*batches = (struct batches){ .store = store, .sync_file = durable_sync, .sync_all = sync_file_system };
	STAILQ_INIT(&batches->visible);
}

bool
batches_pending(const struct batches *batches)
{
	return !STAILQ_EMPTY(&batches->visible);
}

static void
fail_all(struct job_list *jobs, enum target_state state, int error)
{
	struct job_target *target;
	struct job *job;

	FOREACH_TARGET(job, target, jobs, state)
		target_fail(target, outcome_from_error(error));
}

static int
sync_one(struct batches *batches, int fd)
{
	int error = batches->sync_file(fd);

	store_step(batches->store);
	return error;
}

/* ---- writing ---- */

/* A mailbox on another file system than the mail root's, which no syncfs on the root reaches. */
static bool
is_elsewhere(const struct batches *batches, const struct mailbox *mailbox)
{
	return mailbox->device != batches->store->device;
}

/*
 * Closes the files of JOB: the sync of the whole file system will find them. One that it will not find is
 * synced now.
 */
static void
close_files(struct batches *batches, struct job *job)
{
	struct job_target *target;
	uint32_t index = 0;

	while ((target = next_in_state(job, TARGET_WRITTEN, &index)) != NULL) {
		int error = target->fd >= 0 && is_elsewhere(batches, target->mailbox) ? sync_one(batches, target->fd) : 0;

		target_close(target);
		if (error != 0)
			target_fail(target, outcome_from_error(error));
	}
}

static size_t
count_in_state(struct job *job, enum target_state state)
{
	size_t count = 0;
	uint32_t index = 0;

	while (next_in_state(job, state, &index) != NULL)
		count++;
	return count;
}

/* Writes all, and returns how many files there are: those of a small batch are left open. */
static size_t
write_all(struct batches *batches, struct job_list *jobs)
{
	struct job *open = STAILQ_FIRST(jobs); /* the first one whose files may be open */
	size_t files = 0;

	for (struct job *job = STAILQ_FIRST(jobs); job != NULL; job = STAILQ_NEXT(job, next)) {
		message_write(batches->store, job);
		files += count_in_state(job, TARGET_WRITTEN);
		while (files > BATCH_SYNC_EACH && open != STAILQ_NEXT(job, next)) {
			close_files(batches, open);
			open = STAILQ_NEXT(open, next);
		}
	}
	return files;
}

/* ---- syncing ---- */

/*
 * What one syncfs of the mail root's file system is for: many files and moves, or a new mailbox, whose
 * directories lie on the way to it.
 */
static bool
needs_whole(struct batches *batches, struct job_list *written, size_t files)
{
	struct job_target *target;
	struct job *job;

	STAILQ_FOREACH(job, &batches->visible, next)
		files += count_in_state(job, TARGET_VISIBLE);
	if (files > BATCH_SYNC_EACH)
		return true;
	FOREACH_TARGET(job, target, written, TARGET_WRITTEN)
		if (target->mailbox->made)
			return true;
	return false;
}

/* The directories of a new mailbox on another file system. */
static int
sync_made_elsewhere(struct batches *batches, struct job_list *written)
{
	struct job_target *target;
	struct job *job;

	FOREACH_TARGET(job, target, written, TARGET_WRITTEN) {
		bool needed = target->mailbox->made && is_elsewhere(batches, target->mailbox);
		int error = needed ? batches->sync_all(target->mailbox->new) : 0;

		if (error != 0)
			return error;
	}
	return 0;
}

/* After a sync of the whole only what that did not reach. */
static int
sync_files(struct batches *batches, struct job_list *written, bool after_whole)
{
	struct job_target *target;
	struct job *job;

	/* All start before the first is waited for. */
	FOREACH_TARGET(job, target, written, TARGET_WRITTEN)
		if (!after_whole)
			(void)sync_file_range(target->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	FOREACH_TARGET(job, target, written, TARGET_WRITTEN) {
		bool needed = target->fd >= 0 && (!after_whole || is_elsewhere(batches, target->mailbox));
		int error = needed ? sync_one(batches, target->fd) : 0;

		if (error != 0)
			return error;
	}
	return 0;
}

/* Likewise. */
static int
sync_moves(struct batches *batches, bool after_whole)
{
	struct job_target *target;
	struct job *job;

	FOREACH_TARGET(job, target, &batches->visible, TARGET_VISIBLE) {
		struct mailbox *mailbox = target->mailbox;
		bool needed = mailbox->to_sync && (!after_whole || is_elsewhere(batches, mailbox));
		int error = needed ? sync_one(batches, mailbox->new) : 0;

		if (error != 0)
			return error;
		mailbox->to_sync = false;
	}
	return 0;
}

static void
mark_synced(struct job_list *written)
{
	struct job_target *target;
	struct job *job;

	FOREACH_TARGET(job, target, written, TARGET_WRITTEN) {
		target_close(target);
		target->mailbox->made = false;
		target->state = TARGET_SYNCED;
	}
}

/*
 * The one sync of a turn. Afterwards the files of WRITTEN are synced or failed, and the moves of the batch
 * before are durable or failed.
 */
static void
sync_turn(struct batches *batches, struct job_list *written, size_t files)
{
	bool whole = needs_whole(batches, written, files);
	int files_error = whole ? batches->sync_all(batches->store->root) : 0;
	int moves_error = files_error;

	if (files_error == 0)
		files_error = sync_made_elsewhere(batches, written);
	if (files_error == 0)
		files_error = sync_files(batches, written, whole);
	if (moves_error == 0)
		moves_error = sync_moves(batches, whole);
	if (files_error != 0)
		fail_all(written, TARGET_WRITTEN, files_error);
	else
		mark_synced(written);
	if (moves_error != 0)
		fail_all(&batches->visible, TARGET_VISIBLE, moves_error);
}

/* ---- moving and reporting ---- */

static void
report(struct batches *batches, struct job_list *done)
{
	struct job_target *target;
	struct job *job;

	FOREACH_TARGET(job, target, &batches->visible, TARGET_VISIBLE)
		target_finish(target);
	STAILQ_CONCAT(done, &batches->visible);
}

/* A job of which nothing is visible has nothing to wait for. */
static void
publish(struct batches *batches, struct job_list *written, struct job_list *done)
{
	struct job *job;

	while ((job = STAILQ_FIRST(written)) != NULL) {
		struct job_target *target;
		uint32_t index = 0;

		STAILQ_REMOVE_HEAD(written, next);
		while ((target = next_in_state(job, TARGET_SYNCED, &index)) != NULL)
			target_publish(batches->store, target);
		store_step(batches->store);
		index = 0;
		if (next_in_state(job, TARGET_VISIBLE, &index) != NULL)
			STAILQ_INSERT_TAIL(&batches->visible, job, next);
		else
			STAILQ_INSERT_TAIL(done, job, next);
	}
}

void
batches_turn(struct batches *batches, struct job_list *jobs, struct job_list *done)
{
	struct job_list written = STAILQ_HEAD_INITIALIZER(written);
	size_t files;

	STAILQ_CONCAT(&written, jobs);
	files = write_all(batches, &written);
	if (files > 0 || batches_pending(batches))
		sync_turn(batches, &written, files);
	report(batches, done);
	publish(batches, &written, done);
}
