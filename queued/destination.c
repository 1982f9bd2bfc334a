/*
 * A destination: what it admits, what it hands out, and who waits for it.
 */
#include "queued/destination.h"

#include <stdlib.h>

#include "queued/schedule_state.h"

enum {
	JOBS_PART = 2,        /* of the transport's capacity that one destination may have, as a divisor, */
	MESSAGE_PART = 4,     /* one message, */
	RETRIES_PART = 2,     /* and all that were deferred before: the others belong to new mail */
	CALLED_LEAST = 64,    /* messages in rounds below which it calls others that wait, */
	CALLED_WINDOWS = 4,   /* and these many windows more, so that it is never without work */
	IDLE_KEEP = 300,      /* seconds for which one without work is remembered */
	PROBE_AGAIN = 60,     /* seconds until another message is called as the probe, when the first did not come to it */
	MS_PER_SECOND = 1000,
	RATE_WAIT_LEAST = 10, /* milliseconds between looks at a rate that is used up */
	RATE_WAIT_MOST = 1000,
};

/* ---- room ---- */

static uint32_t
part_of(uint32_t whole, uint32_t part)
{
	return whole / part > 0 ? whole / part : 1;
}

/* Jobs that it may have under way, when the next one is CONSIGNMENT's. What was deferred asks first whether there is anybody. */
static uint32_t
jobs_limit(const struct destination *destination, const struct consignment *consignment)
{
	uint32_t most = part_of(destination->set->transport->capacity, JOBS_PART);
	uint32_t window = destination_window(destination);

	if (!destination->set->remote)
		return UINT32_MAX;
	if (destination->successes == 0 && consignment->active->message->attempts > 0)
		return 1;
	return window < most ? window : most;
}

static struct bucket_rate
rate_limit(const struct destination *destination)
{
	return destination->set->remote ? schedule_config(destination->set->schedule)->relay_rate : (struct bucket_rate){ 0, 0 };
}

static bool
has_rate(const struct destination *destination)
{
	struct bucket_rate rate = rate_limit(destination);

	return rate.count == 0 || bucket_has(&destination->rate, rate, schedule_ticks(destination->set->schedule), 1);
}

static bool
takes_nothing(const struct destination *destination, const struct consignment *consignment)
{
	if (destination->set->absent)
		return true;
	return destination->state != DESTINATION_OPEN && destination->probe != consignment;
}

/* Something can be done with the first in turn: refused, or sent. */
static bool
can_hand_out(const struct destination *destination)
{
	const struct consignment *first = TAILQ_FIRST(&destination->turn);

	if (first == NULL)
		return false;
	if (takes_nothing(destination, first))
		return true;
	if (destination->probe == first && first->jobs > 0)
		return false;
	return destination->jobs < jobs_limit(destination, first) && has_rate(destination);
}

static bool
can_call(const struct destination *destination)
{
	uint32_t window, wanted, room;

	if (TAILQ_EMPTY(&destination->waiters) || destination->set->absent)
		return false;
	if (destination->state != DESTINATION_OPEN)
		return destination->state == DESTINATION_PROBE_DUE && destination->calls_probe && destination->called == 0;
	window = destination->set->remote ? destination->window : destination->set->transport->capacity;
	wanted = CALLED_LEAST + CALLED_WINDOWS * window;
	room = schedule_room(destination->set->schedule);
	return destination->called + destination->consignments < (room < wanted ? room : wanted);
}

bool
destination_is_idle(const struct destination *destination)
{
	if (destination->users > 0 || destination->called > 0 || !TAILQ_EMPTY(&destination->waiters))
		return false;
	return !heap_contains(&destination->timer) && !destination_has_learnt(destination) &&
	       bucket_is_full(&destination->rate, schedule_ticks(destination->set->schedule));
}

/* ---- lists and timer ---- */

void
destination_wait_until(struct destination *destination, int64_t milliseconds)
{
	struct destinations *set = destination->set;
	int64_t when = schedule_ticks(set->schedule) + milliseconds;

	/* Out of memory: it is woken by whatever comes next. */
	if (heap_contains(&destination->timer))
		heap_change(&set->timers, &destination->timer, when);
	else
		(void)heap_insert(&set->timers, &destination->timer, when);
	schedule_wake(set->schedule);
}

static int64_t
rate_wait(const struct destination *destination)
{
	struct bucket_rate rate = rate_limit(destination);
	int64_t wait = rate.count == 0 ? 0 : (int64_t)rate.seconds * MS_PER_SECOND / rate.count;

	return wait < RATE_WAIT_LEAST ? RATE_WAIT_LEAST : wait > RATE_WAIT_MOST ? RATE_WAIT_MOST : wait;
}

void
destination_refresh(struct destination *destination)
{
	struct destinations *set = destination->set;
	bool ready = can_hand_out(destination);
	bool calling = can_call(destination);

	if ((ready && !destination->ready) || (calling && !destination->calling))
		schedule_wake(set->schedule);
	if (ready && !destination->ready)
		TAILQ_INSERT_TAIL(&set->ready, destination, ready_link);
	else if (!ready && destination->ready)
		TAILQ_REMOVE(&set->ready, destination, ready_link);
	destination->ready = ready;
	if (calling && !destination->calling)
		TAILQ_INSERT_TAIL(&set->calling, destination, calling_link);
	else if (!calling && destination->calling)
		TAILQ_REMOVE(&set->calling, destination, calling_link);
	destination->calling = calling;
	if (ready || calling)
		return;
	if (destination->state == DESTINATION_OPEN && !TAILQ_EMPTY(&destination->turn) && !has_rate(destination))
		destination_wait_until(destination, rate_wait(destination));
	else if (!heap_contains(&destination->timer) && destination->users == 0 && TAILQ_EMPTY(&destination->waiters))
		destination_wait_until(destination, IDLE_KEEP * MS_PER_SECOND);
}

void
destination_on_timer(struct destination *destination)
{
	bool alone = destination->users <= 1 && destination->called == 0 && TAILQ_EMPTY(&destination->waiters);

	if (destination->state == DESTINATION_DOWN)
		destination->state = DESTINATION_PROBE_DUE;
	if (alone && destination->state != DESTINATION_PROBING) {
		destination_unlearn(destination);
		return;
	}
	if (destination->state == DESTINATION_PROBE_DUE && destination_calls_probe(destination)) {
		destination->calls_probe = true;
		destination_wait_until(destination, PROBE_AGAIN * MS_PER_SECOND);
	}
}

void
destination_probe(struct destination *destination)
{
	if (destination->state != DESTINATION_DOWN)
		return;
	destination->state = DESTINATION_PROBE_DUE;
	destination_wait_until(destination, PROBE_AGAIN * MS_PER_SECOND);
}

/* ---- admission ---- */

enum admission
destination_admit(struct destination *destination, const struct active *active)
{
	if (destination->set->absent || destination->state == DESTINATION_DOWN || destination->state == DESTINATION_PROBING)
		return ADMISSION_REFUSED;
	if (destination->state == DESTINATION_PROBE_DUE || active->caller == destination)
		return ADMISSION_GRANTED;
	if (!TAILQ_EMPTY(&destination->waiters) || destination->consignments >= schedule_room(destination->set->schedule))
		return ADMISSION_PARKED;
	return ADMISSION_GRANTED;
}

struct verdict
destination_reason(const struct destination *destination)
{
	if (destination->set->absent)
		return *VERDICT_ABSENT;
	return (struct verdict){
		.status = slice_from_string(destination->status),
		.text = destination->reason == NULL ? SLICE("the destination cannot be reached") : slice_from_string(destination->reason),
	};
}

void
destination_refuse(const struct destination *destination, struct active *active, uint32_t index, struct slice address)
{
	struct verdict reason = destination_reason(destination);

	active_defer(active, destination->set->absent ? OUTCOME_BRIEF : OUTCOME_DEFERRED, index, address, &reason);
}

void
destination_enter(struct destination *destination, struct consignment *consignment)
{
	destination_hold(destination);
	destination->consignments++;
	if (destination->state != DESTINATION_PROBE_DUE)
		return;
	destination->state = DESTINATION_PROBING;
	destination->probe = consignment;
}

void
destination_leave(struct destination *destination, struct consignment *consignment)
{
	destination->consignments--;
	if (destination->probe == consignment) {
		destination->probe = NULL;
		if (destination->state == DESTINATION_PROBING) {
			destination->state = DESTINATION_PROBE_DUE;
			destination_wait_until(destination, PROBE_AGAIN * MS_PER_SECOND);
		}
	}
	destination_release(destination);
}

/* ---- handing out ---- */

uint32_t
destinations_retries(const struct destinations *set)
{
	return part_of(set->transport->capacity, RETRIES_PART);
}

bool
destination_run(struct destination *destination)
{
	struct consignment *consignment = TAILQ_FIRST(&destination->turn);
	struct destinations *set = destination->set;
	struct transport *transport = set->transport;
	struct active *active = consignment->active;
	bool taken = true;

	if (takes_nothing(destination, consignment)) {
		consignment_refuse(consignment);
	} else if (!transport->ready(transport)) {
		taken = false;
	} else if (active->jobs >= part_of(transport->capacity, MESSAGE_PART)) {
		consignment_hold(consignment, &active->held);
	} else if (set->remote && active->message->attempts > 0 && set->retries >= destinations_retries(set)) {
		consignment_hold(consignment, &set->held_retries);
	} else {
		taken = consignment_send(consignment) == 0;
		if (taken && rate_limit(destination).count != 0)
			bucket_take(&destination->rate, rate_limit(destination), schedule_ticks(destination->set->schedule), 1);
	}
	destination_refresh(destination);
	return taken;
}

void
destination_job_begins(struct destination *destination, struct job *job)
{
	job->successes = destination->successes;
	destination->jobs++;
	destination->set->retries += job->retry ? 1 : 0;
}

void
destination_job_ends(struct destination *destination, const struct job *job)
{
	destination->jobs--;
	destination->set->retries -= job->retry ? 1 : 0;
	destination_refresh(destination);
}

void
destination_count(struct destination *destination, enum job_result result)
{
	destination->results[result]++;
}

/* ---- who waits ---- */

void
destination_wait(struct destination *destination, struct message *message)
{
	destination_forget(message);
	TAILQ_INSERT_TAIL(&destination->waiters, message, waiting_link);
	destination->waiting++;
	message->waits_for = destination;
	destination_refresh(destination);
}

void
destination_forget(struct message *message)
{
	struct destination *destination = message->waits_for;

	if (destination == NULL)
		return;
	destination_hold(destination);
	TAILQ_REMOVE(&destination->waiters, message, waiting_link);
	destination->waiting--;
	message->waits_for = NULL;
	destination_release(destination);
}

uint64_t
destination_waiting(const struct destination *destination)
{
	return destination->waiting + destination->consignments;
}

void
destination_call(struct destination *destination)
{
	if (!can_call(destination))
		return;
	destination->calls_probe = false;
	destination->called++;
	schedule_call(destination->set->schedule, TAILQ_FIRST(&destination->waiters), destination);
}

void
destination_called(struct destination *destination)
{
	destination->called--;
	destination_refresh(destination);
}
