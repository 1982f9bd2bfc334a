/*
 * Consignments and their jobs: what is handed out, and what becomes of it.
 */
#include "queued/consignment.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ipc/proto_deliver.h"
#include "common/ipc/proto_relay.h"
#include "queued/schedule_state.h"

_Static_assert((int)JOB_TARGETS_MAX == (int)DELIVER_TARGETS_MAX && (int)JOB_TARGETS_MAX == (int)RELAY_TARGETS_MAX,
               "a job suits each transport");

/* ---- targets ---- */

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
target_list_free(struct target_list *targets)
{
	while (!STAILQ_EMPTY(targets)) {
		struct target *target = STAILQ_FIRST(targets);

		STAILQ_REMOVE_HEAD(targets, link);
		free(target);
	}
}

/* ---- consignments ---- */

int
consignment_compare(const struct consignment *a, const struct consignment *b)
{
	uintptr_t left = (uintptr_t)a->destination, right = (uintptr_t)b->destination;

	return left < right ? -1 : left > right;
}

RB_GENERATE(consignment_tree, consignment, entry, consignment_compare)

struct consignment *
consignment_find(struct active *active, const struct destination *destination)
{
	struct consignment wanted;

	if (active->latest != NULL && active->latest->destination == destination)
		return active->latest;
	wanted.destination = (struct destination *)destination;
	return RB_FIND(consignment_tree, &active->consignments, &wanted);
}

struct consignment *
consignment_new(struct active *active, struct destination *destination)
{
	struct consignment *consignment = calloc(1, sizeof(*consignment));

	if (consignment == NULL)
		return NULL;
	consignment->active = active;
	consignment->destination = destination;
	STAILQ_INIT(&consignment->waiting);
	RB_INSERT(consignment_tree, &active->consignments, consignment);
	active->latest = consignment;
	destination_enter(destination, consignment);
	return consignment;
}

static void
consignment_leave(struct consignment *consignment)
{
	if (consignment->place == CONSIGNMENT_IN_TURN)
		TAILQ_REMOVE(&consignment->destination->turn, consignment, link);
	else if (consignment->place == CONSIGNMENT_HELD)
		TAILQ_REMOVE(consignment->held_in, consignment, link);
	consignment->place = CONSIGNMENT_NOWHERE;
}

void
consignment_free(struct consignment *consignment)
{
	struct active *active = consignment->active;

	consignment_leave(consignment);
	active->waiting -= consignment->count;
	target_list_free(&consignment->waiting);
	RB_REMOVE(consignment_tree, &active->consignments, consignment);
	if (active->latest == consignment)
		active->latest = NULL;
	destination_leave(consignment->destination, consignment);
	free(consignment);
}

/* Takes the consignment into its destination's turn when it has something to send. */
static void
consignment_queue(struct consignment *consignment)
{
	bool whole = consignment->count >= JOB_TARGETS_MAX || (consignment->active->complete && consignment->count > 0);

	if (!whole || consignment->place != CONSIGNMENT_NOWHERE)
		return;
	TAILQ_INSERT_TAIL(&consignment->destination->turn, consignment, link);
	consignment->place = CONSIGNMENT_IN_TURN;
	destination_refresh(consignment->destination);
}

void
consignment_hold(struct consignment *consignment, struct consignment_list *list)
{
	consignment_leave(consignment);
	TAILQ_INSERT_TAIL(list, consignment, link);
	consignment->held_in = list;
	consignment->place = CONSIGNMENT_HELD;
}

void
consignment_resume(struct consignment_list *list)
{
	struct consignment *held = TAILQ_FIRST(list);

	if (held == NULL)
		return;
	consignment_leave(held);
	consignment_queue(held);
}

void
consignment_add(struct consignment *consignment, struct target *target)
{
	STAILQ_INSERT_TAIL(&consignment->waiting, target, link);
	consignment->count++;
	consignment->active->waiting++;
	consignment_queue(consignment);
}

/* Nothing is left of it, and nothing more comes. */
static void
consignment_settle(struct consignment *consignment)
{
	if (consignment->count == 0 && consignment->jobs == 0 && consignment->active->complete)
		consignment_free(consignment);
}

void
consignment_complete(struct consignment *consignment)
{
	consignment_queue(consignment);
	consignment_settle(consignment);
}

static void
consignment_empty(struct consignment *consignment)
{
	consignment->active->waiting -= consignment->count;
	consignment->count = 0;
	target_list_free(&consignment->waiting);
	consignment_leave(consignment);
}

void
consignment_withdraw(struct consignment *consignment)
{
	const struct target *target;

	STAILQ_FOREACH(target, &consignment->waiting, link)
		message_set_state(consignment->active->message, target->index, RECIPIENT_WAITING);
	consignment_empty(consignment);
	destination_refresh(consignment->destination);
}

void
consignment_refuse(struct consignment *consignment)
{
	struct active *active = consignment->active;
	const struct target *target;

	STAILQ_FOREACH(target, &consignment->waiting, link)
		destination_refuse(consignment->destination, active, target->index, target->address);
	active_wait_for(active, consignment->destination, consignment->count);
	consignment_empty(consignment);
	consignment_settle(consignment);
	consignment_resume(&active->held);
	active_check(active);
}

/* ---- jobs ---- */

static struct job *
job_new(struct consignment *consignment)
{
	struct job *job = malloc(sizeof(*job));

	if (job == NULL)
		return NULL;
	*job = (struct job){ .consignment = consignment, .retry = consignment->active->message->attempts > 0 };
	STAILQ_INIT(&job->targets);
	while (job->count < JOB_TARGETS_MAX && consignment->count > 0) {
		struct target *target = STAILQ_FIRST(&consignment->waiting);

		STAILQ_REMOVE_HEAD(&consignment->waiting, link);
		STAILQ_INSERT_TAIL(&job->targets, target, link);
		consignment->count--;
		job->count++;
	}
	consignment->active->waiting -= job->count;
	consignment->active->jobs++;
	consignment->jobs++;
	destination_job_begins(consignment->destination, job);
	return job;
}

/* JOB is no longer under way; another may be in its place. */
static void
job_free(struct job *job)
{
	struct consignment *consignment = job->consignment;
	struct active *active = consignment->active;

	active->jobs--;
	consignment->jobs--;
	destination_job_ends(consignment->destination, job);
	consignment_resume(&active->held);
	target_list_free(&job->targets);
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
	consignment->active->waiting += job->count;
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

int
consignment_send(struct consignment *consignment)
{
	struct transport *transport = consignment->destination->set->transport;
	struct job *job = job_new(consignment);
	int error;

	if (job == NULL)
		return -EAGAIN;
	consignment_leave(consignment);
	error = transport->send(transport, job);
	if (error == -EAGAIN) {
		job_take_back(job);
	} else if (error != 0) {
		job_defer(job, "the message could not be read from the queue");
		error = 0;
	} else {
		consignment_queue(consignment);
		active_sent(consignment->active);
	}
	return error;
}

void
job_result(struct job *job, const struct target *target, enum job_result result, const struct verdict *verdict)
{
	struct active *active = job->consignment->active;

	destination_count(job->consignment->destination, result == JOB_DAMAGED ? JOB_TEMPORARY : result);
	switch (result) {
	case JOB_DONE:
		if (job->consignment->destination->set->remote)
			active_relay(active, target->index, target->address, verdict);
		else
			active_deliver(active, target->index, target->address, verdict);
		break;
	case JOB_PERMANENT:
		active_fail(active, target->index, target->address, verdict);
		break;
	case JOB_TEMPORARY:
		job->deferred++;
		active_defer(active, OUTCOME_DEFERRED, target->index, target->address, verdict);
		break;
	case JOB_DAMAGED:
		active_doubt(active);
		active_defer(active, OUTCOME_BRIEF, target->index, target->address, verdict);
		break;
	}
}

void
job_end(struct job *job)
{
	struct consignment *consignment = job->consignment;
	struct active *active = consignment->active;

	job_free(job);
	consignment_settle(consignment);
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
		job_defer(job, "the service that had it in hand ended unexpectedly");
		return;
	}
	job_take_back(job);
	active_check(active);
}

void
job_unanswered(struct job *job)
{
	job_defer(job, "the service that had it in hand did not answer any more");
}
