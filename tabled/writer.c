/*
 * The writer thread and its two queues: jobs to do, and jobs done. An eventfd wakes the loop.
 */
#include "tabled/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/base/thread.h"

enum {
	WAITING_MAX = 64,        /* jobs that wait */
	APPLY_EACH_TURN = 2048,  /* changes that one turn puts into the index: well below a millisecond */
	CHECKPOINT_SECONDS = 60, /* after which an idle writer looks whether a checkpoint is due */
};

STAILQ_HEAD(writer_jobs, writer_job);

struct writer {
	struct table *table; /* the thread's */
	struct index *index; /* the loop's */
	struct event *wake;
	int wake_fd;
	pthread_t thread;
	void (*broken)(void *context);
	void *context;

	pthread_mutex_t mutex; /* held for moments only; guards what follows */
	pthread_cond_t work;
	struct writer_jobs todo;
	struct writer_jobs done;
	struct writer_job *current;
	unsigned waiting;
	bool stopping;
	bool table_broken;
};

static void
writer_wake_loop(const struct writer *writer)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the loop is awake. */
	(void)!write(writer->wake_fd, &one, sizeof(one));
}

/* In the thread. */
static bool
writer_on_progress(void *context, uint64_t done, uint64_t total)
{
	struct writer *writer = context;
	struct writer_job *job = writer->current;

	job->progress_done = done;
	job->progress_total = total;
	writer_wake_loop(writer);
	return !job->cancelled;
}

static void
writer_do(struct writer *writer, struct writer_job *job)
{
	struct admin admin = {
		.table = writer->table,
		.settings = &job->settings,
		.file = job->file,
		.changes = &job->changes,
		.progress = writer_on_progress,
		.context = writer,
	};

	admin_run(&admin, &job->call);
	job->reply = admin.reply;
}

/* The next job, or NULL when there is to be none. With the mutex held. */
static struct writer_job *
writer_next(struct writer *writer)
{
	while (!writer->stopping && STAILQ_EMPTY(&writer->todo)) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += CHECKPOINT_SECONDS;
		if (pthread_cond_timedwait(&writer->work, &writer->mutex, &until) == ETIMEDOUT) {
			pthread_mutex_unlock(&writer->mutex);
			(void)table_checkpoint(writer->table);
			pthread_mutex_lock(&writer->mutex);
			writer->table_broken = table_is_broken(writer->table);
			if (writer->table_broken)
				writer_wake_loop(writer);
		}
	}
	if (writer->stopping)
		return NULL;
	writer->current = STAILQ_FIRST(&writer->todo);
	STAILQ_REMOVE_HEAD(&writer->todo, next);
	writer->waiting--;
	return writer->current;
}

static void *
writer_run(void *context)
{
	struct writer *writer = context;
	struct writer_job *job;

	pthread_mutex_lock(&writer->mutex);
	while ((job = writer_next(writer)) != NULL) {
		pthread_mutex_unlock(&writer->mutex);
		writer_do(writer, job);
		pthread_mutex_lock(&writer->mutex);
		writer->current = NULL;
		writer->table_broken = table_is_broken(writer->table);
		STAILQ_INSERT_TAIL(&writer->done, job, next);
		writer_wake_loop(writer);
	}
	pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

/* Puts some changes of JOB into the index. True when none is left. */
static bool
writer_apply(struct writer *writer, struct writer_job *job)
{
	for (int i = 0; i < APPLY_EACH_TURN; i++) {
		struct index_entry *entry = STAILQ_FIRST(&job->changes);

		if (entry == NULL)
			return true;
		STAILQ_REMOVE_HEAD(&job->changes, queued);
		index_apply(writer->index, entry);
	}
	return STAILQ_EMPTY(&job->changes);
}

/* In the loop: one done job, or a part of it; in the order in which they were committed. */
static void
writer_finish(struct writer *writer)
{
	struct writer_job *job;

	pthread_mutex_lock(&writer->mutex);
	job = STAILQ_FIRST(&writer->done);
	pthread_mutex_unlock(&writer->mutex);
	if (job == NULL)
		return;
	if (writer_apply(writer, job)) {
		pthread_mutex_lock(&writer->mutex);
		STAILQ_REMOVE_HEAD(&writer->done, next);
		pthread_mutex_unlock(&writer->mutex);
		job->done(job);
	}
	writer_wake_loop(writer); /* for the rest, in the next turn */
}

static void
writer_on_wake(evutil_socket_t fd, short what, void *context)
{
	struct writer *writer = context;
	struct writer_job *current;
	uint64_t count;
	uint64_t done = 0, total = 0;
	bool broken;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	pthread_mutex_lock(&writer->mutex);
	broken = writer->table_broken;
	current = writer->current;
	if (current != NULL) {
		done = current->progress_done;
		total = current->progress_total;
	}
	pthread_mutex_unlock(&writer->mutex);
	/* Only the loop ends jobs: CURRENT stays valid although the thread may finish it meanwhile. */
	if (current != NULL && current->progress != NULL && done > 0)
		current->progress(current, done, total);
	writer_finish(writer);
	if (broken)
		writer->broken(writer->context);
}

static void
writer_destroy(struct writer *writer)
{
	if (writer->wake != NULL)
		event_free(writer->wake);
	if (writer->wake_fd != -1)
		close(writer->wake_fd);
	pthread_cond_destroy(&writer->work);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

struct writer *
writer_new(struct event_base *base, struct table *table, struct index *index, void (*broken)(void *context),
           void *context)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t attributes;

	if (writer == NULL)
		return NULL;
	writer->table = table;
	writer->index = index;
	writer->broken = broken;
	writer->context = context;
	STAILQ_INIT(&writer->todo);
	STAILQ_INIT(&writer->done);
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->work, &attributes);
	pthread_condattr_destroy(&attributes);
	writer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->wake_fd != -1)
		writer->wake = event_new(base, writer->wake_fd, EV_READ | EV_PERSIST, writer_on_wake, writer);
	if (writer->wake == NULL || event_add(writer->wake, NULL) != 0 ||
	    thread_start(&writer->thread, writer_run, writer) != 0) {
		writer_destroy(writer);
		return NULL;
	}
	return writer;
}

int
writer_submit(struct writer *writer, struct writer_job *job)
{
	int error = 0;

	STAILQ_INIT(&job->changes);
	job->progress_done = job->progress_total = 0;
	job->cancelled = false;
	pthread_mutex_lock(&writer->mutex);
	if (writer->waiting == WAITING_MAX) {
		error = -EBUSY;
	} else {
		STAILQ_INSERT_TAIL(&writer->todo, job, next);
		writer->waiting++;
		pthread_cond_signal(&writer->work);
	}
	pthread_mutex_unlock(&writer->mutex);
	return error;
}

void
writer_cancel(struct writer_job *job)
{
	job->cancelled = true;
}

void
writer_free(struct writer **writer_pointer)
{
	struct writer *writer = *writer_pointer;
	struct writer_job *job;

	if (writer == NULL)
		return;
	*writer_pointer = NULL;
	pthread_mutex_lock(&writer->mutex);
	writer->stopping = true;
	if (writer->current != NULL)
		writer_cancel(writer->current);
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->mutex);
	pthread_join(writer->thread, NULL);
	(void)table_checkpoint(writer->table);
	table_close(&writer->table);
	STAILQ_FOREACH(job, &writer->todo, next)
		job->reply = (struct admin_reply){ .status = ADMIN_TEMPORARY, .message = "tabled ends; nothing was changed" };
	/* The index goes with the process: changes need not be put there any more. */
	STAILQ_CONCAT(&writer->done, &writer->todo);
	while ((job = STAILQ_FIRST(&writer->done)) != NULL) {
		STAILQ_REMOVE_HEAD(&writer->done, next);
		index_changes_free(&job->changes);
		job->done(job);
	}
	writer_destroy(writer);
}
