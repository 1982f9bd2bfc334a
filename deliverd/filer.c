/*
 * The file thread. Two lists go between it and the loop, under one mutex; an eventfd wakes the loop, a
 * condition the thread.
 */
#include "deliverd/filer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/thread.h"
#include "deliverd/batch.h"

struct filer {
	struct batches batches; /* the thread's */
	const struct filer_callbacks *callbacks;
	void *context;
	struct event *event;
	int wake; /* eventfd */
	pthread_t thread;
	unsigned steps; /* of the store, when the loop last looked */
	unsigned still; /* looks since then */

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t given;
	struct job_list waiting;
	struct job_list done;
	bool working; /* the thread does not wait for work */
	bool stopping;
	bool ended;
};

/* Moves jobs for one batch from WAITING to TAKEN. */
static void
take(struct filer *filer, struct job_list *taken)
{
	size_t targets = 0;
	struct job *job;

	while (targets < FILER_BATCH_TARGETS && (job = STAILQ_FIRST(&filer->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&filer->waiting, next);
		STAILQ_INSERT_TAIL(taken, job, next);
		targets += job->target_count;
	}
}

/* Waits for work. False: stopping, and all is finished. */
static bool
wait_for_work(struct filer *filer, struct job_list *taken)
{
	bool pending = batches_pending(&filer->batches);

	pthread_mutex_lock(&filer->mutex);
	filer->working = false;
	while (STAILQ_EMPTY(&filer->waiting) && !pending && !filer->stopping)
		pthread_cond_wait(&filer->given, &filer->mutex);
	filer->working = true;
	take(filer, taken);
	pthread_mutex_unlock(&filer->mutex);
	return pending || !STAILQ_EMPTY(taken);
}

static void
wake_loop(struct filer *filer)
{
	/* It fails only when the counter is at its largest, and then the loop is awake. */
	(void)!eventfd_write(filer->wake, 1);
}

static void
give_back(struct filer *filer, struct job_list *done)
{
	bool wake;

	if (STAILQ_EMPTY(done))
		return;
	pthread_mutex_lock(&filer->mutex);
	wake = STAILQ_EMPTY(&filer->done);
	STAILQ_CONCAT(&filer->done, done);
	pthread_mutex_unlock(&filer->mutex);
	if (wake)
		wake_loop(filer);
}

static void *
filer_run(void *argument)
{
	struct filer *filer = argument;
	struct job_list taken = STAILQ_HEAD_INITIALIZER(taken);
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);

	while (wait_for_work(filer, &taken)) {
		batches_turn(&filer->batches, &taken, &done);
		give_back(filer, &done);
	}
	pthread_mutex_lock(&filer->mutex);
	filer->ended = true;
	pthread_mutex_unlock(&filer->mutex);
	wake_loop(filer);
	return NULL;
}

static void
filer_on_wake(evutil_socket_t fd, short what, void *context)
{
	struct filer *filer = context;
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	eventfd_t count;
	struct job *job;
	bool ended;

	(void)what;
	(void)!eventfd_read(fd, &count);
	pthread_mutex_lock(&filer->mutex);
	STAILQ_CONCAT(&done, &filer->done);
	ended = filer->ended;
	pthread_mutex_unlock(&filer->mutex);
	while ((job = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, next);
		filer->callbacks->finished(filer->context, job);
	}
	if (ended) {
		event_del(filer->event); /* which may be active again, from the thread's end */
		filer->callbacks->stopped(filer->context);
	}
}

static void
filer_destroy(struct filer *filer)
{
	if (filer->event != NULL)
		event_free(filer->event);
	if (filer->wake >= 0)
		close(filer->wake);
	pthread_cond_destroy(&filer->given);
	pthread_mutex_destroy(&filer->mutex);
	free(filer);
}

int
filer_new(struct event_base *base, struct store *store, const struct filer_callbacks *callbacks, void *context,
          struct filer **filer_r)
{
	struct filer *filer = calloc(1, sizeof(*filer));
	int error;

	if (filer == NULL)
		return -ENOMEM;
	batches_init(&filer->batches, store);
	filer->callbacks = callbacks;
	filer->context = context;
	STAILQ_INIT(&filer->waiting);
	STAILQ_INIT(&filer->done);
	pthread_mutex_init(&filer->mutex, NULL);
	pthread_cond_init(&filer->given, NULL);
	filer->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = filer->wake < 0 ? -errno : -ENOMEM;
	filer->event = event_new(base, filer->wake, EV_READ | EV_PERSIST, filer_on_wake, filer);
	if (filer->wake >= 0 && filer->event != NULL && event_add(filer->event, NULL) == 0)
		error = thread_start(&filer->thread, filer_run, filer);
	if (error != 0) {
		filer_destroy(filer);
		return error;
	}
	*filer_r = filer;
	return 0;
}

void
filer_give(struct filer *filer, struct job *job)
{
	bool wake;

	pthread_mutex_lock(&filer->mutex);
	wake = STAILQ_EMPTY(&filer->waiting);
	STAILQ_INSERT_TAIL(&filer->waiting, job, next);
	pthread_mutex_unlock(&filer->mutex);
	if (wake)
		pthread_cond_signal(&filer->given);
}

/* Takes what was not begun. */
static size_t
cancel(struct filer *filer, bool stop)
{
	struct job_list waiting = STAILQ_HEAD_INITIALIZER(waiting);
	struct job *job;
	size_t count = 0;

	pthread_mutex_lock(&filer->mutex);
	STAILQ_CONCAT(&waiting, &filer->waiting);
	filer->stopping = filer->stopping || stop;
	pthread_mutex_unlock(&filer->mutex);
	while ((job = STAILQ_FIRST(&waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&waiting, next);
		job_free(&job);
		count++;
	}
	return count;
}

size_t
filer_cancel(struct filer *filer)
{
	return cancel(filer, false);
}

unsigned
filer_still(struct filer *filer)
{
	unsigned steps = atomic_load_explicit(&filer->batches.store->steps, memory_order_relaxed);
	bool working;

	pthread_mutex_lock(&filer->mutex);
	working = filer->working;
	pthread_mutex_unlock(&filer->mutex);
	filer->still = working && steps == filer->steps ? filer->still + 1 : 0;
	filer->steps = steps;
	return filer->still;
}

void
filer_stop(struct filer *filer)
{
	cancel(filer, true);
	pthread_cond_signal(&filer->given);
}

void
filer_free(struct filer **filer)
{
	if (*filer == NULL)
		return;
	pthread_join((*filer)->thread, NULL);
	filer_destroy(*filer);
	*filer = NULL;
}
