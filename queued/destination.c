/*
 * Destinations: whose turn it is, and what becomes of the jobs that were handed out.
 */
#include "queued/destination.h"

#include <errno.h>
#include <stdlib.h>

#include "queued/active.h"

static char *
copy_slice(char *at, struct slice from, struct slice *to_r)
{
	if (from.length > 0)
		memcpy(at, from.data, from.length);
	*to_r = slice_of(at, from.length);
	return at + from.length;
}

struct target *
target_new(uint32_t index, struct slice address, struct slice path, struct slice folder, uint64_t quota)
{
	struct target *target = malloc(sizeof(*target) + address.length + path.length + folder.length);
	char *at;

	if (target == NULL)
		return NULL;
	*target = (struct target){ .index = index, .quota = quota };
	at = copy_slice(target->text, address, &target->address);
	at = copy_slice(at, path, &target->path);
	copy_slice(at, folder, &target->folder);
	return target;
}

void
destination_init(struct destination *destination, struct transport *transport)
{
	destination->transport = transport;
	TAILQ_INIT(&destination->turn);
}

void
consignment_init(struct consignment *consignment, struct active *active, struct destination *destination)
{
	*consignment = (struct consignment){ .active = active, .destination = destination };
	STAILQ_INIT(&consignment->waiting);
}

static void
consignment_queue(struct consignment *consignment)
{
	bool wanted = consignment->count >= DELIVER_TARGETS_MAX || (consignment->complete && consignment->count > 0);

	if (!wanted || consignment->queued)
		return;
	TAILQ_INSERT_TAIL(&consignment->destination->turn, consignment, link);
	consignment->queued = true;
}

void
consignment_add(struct consignment *consignment, struct target *target)
{
	STAILQ_INSERT_TAIL(&consignment->waiting, target, link);
	consignment->count++;
	consignment_queue(consignment);
}

void
consignment_withdraw(struct consignment *consignment, struct target_list *targets)
{
	STAILQ_CONCAT(targets, &consignment->waiting);
	consignment->count = 0;
	if (consignment->queued)
		TAILQ_REMOVE(&consignment->destination->turn, consignment, link);
	consignment->queued = false;
}

void
consignment_complete(struct consignment *consignment)
{
	consignment->complete = true;
	consignment_queue(consignment);
}

static struct job *
job_new(struct consignment *consignment)
{
	struct job *job = malloc(sizeof(*job));

	if (job == NULL)
		return NULL;
	*job = (struct job){ .consignment = consignment };
	STAILQ_INIT(&job->targets);
	while (job->count < DELIVER_TARGETS_MAX && consignment->count > 0) {
		struct target *target = STAILQ_FIRST(&consignment->waiting);

		STAILQ_REMOVE_HEAD(&consignment->waiting, link);
		STAILQ_INSERT_TAIL(&job->targets, target, link);
		consignment->count--;
		job->count++;
	}
	consignment->jobs++;
	return job;
}

static void
job_free(struct job *job)
{
	while (!STAILQ_EMPTY(&job->targets)) {
		struct target *target = STAILQ_FIRST(&job->targets);

		STAILQ_REMOVE_HEAD(&job->targets, link);
		free(target);
	}
	free(job);
}

/* The targets go back to the front, in their order. */
static void
job_take_back(struct job *job)
{
	struct consignment *consignment = job->consignment;

	STAILQ_CONCAT(&job->targets, &consignment->waiting);
	STAILQ_CONCAT(&consignment->waiting, &job->targets);
	consignment->count += job->count;
	consignment->jobs--;
	consignment_queue(consignment);
	job_free(job);
}

static void
job_defer(struct job *job, const char *text)
{
	struct verdict verdict = { .status = SLICE("4.3.0"), .text = slice_from_string(text) };
	struct target *target;

	STAILQ_FOREACH(target, &job->targets, link)
		active_defer(job->consignment->active, OUTCOME_BRIEF, target->index, target->address, &verdict);
	job_end(job);
}

void
job_result(struct job *job, const struct target *target, enum job_result result, const struct verdict *verdict)
{
	struct active *active = job->consignment->active;

	switch (result) {
	case JOB_DONE:
		active_deliver(active, target->index, target->address, verdict);
		break;
	case JOB_PERMANENT:
		active_fail(active, target->index, target->address, verdict);
		break;
	case JOB_TEMPORARY:
		active_defer(active, OUTCOME_DEFERRED, target->index, target->address, verdict);
		break;
	}
}

void
job_end(struct job *job)
{
	struct active *active = job->consignment->active;

	job->consignment->jobs--;
	job_free(job);
	active_check(active);
}

void
job_lost(struct job *job)
{
	struct active *active = job->consignment->active;
	struct target *target;
	bool deadly = false;

	STAILQ_FOREACH(target, &job->targets, link)
		deadly = ++target->deaths >= TARGET_DEATHS_MAX || deadly;
	if (deadly) {
		job_defer(job, "the delivery service ended unexpectedly");
		return;
	}
	job_take_back(job);
	active_check(active);
}

/* Hands out one job of the consignment whose turn it is. False when none can go now. */
static bool
destination_run_one(struct destination *destination)
{
	struct consignment *consignment = TAILQ_FIRST(&destination->turn);
	struct job *job;
	int error;

	if (consignment == NULL || !destination->transport->ready(destination->transport))
		return false;
	job = job_new(consignment);
	if (job == NULL)
		return false;
	TAILQ_REMOVE(&destination->turn, consignment, link);
	consignment->queued = false;
	error = destination->transport->send(destination->transport, job);
	if (error == -EAGAIN) {
		job_take_back(job);
		return false;
	}
	if (error != 0) {
		job_defer(job, "the message could not be read from the queue");
		return true;
	}
	consignment_queue(consignment);
	active_sent(consignment->active);
	return true;
}

void
destination_run(struct destination *destination)
{
	while (destination_run_one(destination))
		continue;
}
