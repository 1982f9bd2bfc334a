/*
 * What is learnt of a destination: how many jobs it takes at once, and when it is down.
 *
 * The window grows by one for each full window of successes, and is halved when the destination wants less. One that is down is not tried again
 * until its time has come, and then by one message, the probe: after one minute at first, then after twice as long each time, four times. For
 * that one of the messages that wait is called. Later the probe is whichever message comes first after most of the shortest interval of "retry", at
 * its own time or as a new one: so a single message is tried as "retry" says.
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "queued/schedule_state.h"

enum {
	WINDOW_START = 5,
	PATIENCE_MAX = 64,
	PROBE_FIRST = 60 * 1000, /* milliseconds */
	PROBE_SPREAD = 8,        /* the part of that time over which called probes are spread */
	PROBE_EARLIER = 16,      /* the part of an interval of "retry" by which a message may come before the end of it */
	CALLED_FAILURES = 4,     /* times in a row that it was down, after which no message is called to be the probe */
	MS_PER_SECOND = 1000,
};

/* ---- the window ---- */

uint32_t
destination_window(const struct destination *destination)
{
	uint32_t most = schedule_config(destination->set->schedule)->relay_connections;

	return destination->window < most ? destination->window : most;
}

void
destination_reset_window(struct destination *destination)
{
	destination->window = WINDOW_START;
	destination->progress = 0;
	destination->patience = 1;
}

static void
window_grow(struct destination *destination)
{
	if (++destination->progress < destination->window * destination->patience)
		return;
	destination->progress = 0;
	if (destination->window < schedule_config(destination->set->schedule)->relay_connections)
		destination->window++;
}

static void
window_shrink(struct destination *destination)
{
	destination->window = (destination_window(destination) + 1) / 2;
	destination->progress = 0;
	if (destination->patience < PATIENCE_MAX)
		destination->patience *= 2;
}

bool
destination_has_learnt(const struct destination *destination)
{
	return destination->state != DESTINATION_OPEN || destination->window != WINDOW_START || destination->patience > 1;
}

void
destination_unlearn(struct destination *destination)
{
	destination->state = DESTINATION_OPEN;
	destination->failures = 0;
	destination_reset_window(destination);
}

/* ---- up and down ---- */

bool
destination_calls_probe(const struct destination *destination)
{
	return destination->failures <= CALLED_FAILURES;
}

static void
destination_open(struct destination *destination)
{
	log_event(LOG_NOTICE, "queue.destination_up", LOG_STRING("destination", destination->key));
	destination->state = DESTINATION_OPEN;
	heap_remove(&destination->set->timers, &destination->timer);
	destination_reset_window(destination);
}

static void
keep_reason(struct destination *destination, const struct verdict *verdict)
{
	char *reason = malloc(verdict->text.length + 1);

	strlcpy(destination->status, "4.4.1", sizeof(destination->status)); /* RFC 3463 3.5: no answer from host */
	if (verdict->status.length > 0)
		(void)slice_to_string(verdict->status, destination->status, sizeof(destination->status));
	free(destination->reason);
	destination->reason = reason;
	if (reason != NULL)
		(void)slice_to_string(verdict->text, reason, verdict->text.length + 1);
}

/* Milliseconds until the next probe. */
static int64_t
probe_wait(const struct destination *destination)
{
	int64_t retry = (int64_t)schedule_config(destination->set->schedule)->retry.list[0].interval * MS_PER_SECOND;
	int64_t last = retry - retry / PROBE_EARLIER;
	int64_t wait;

	if (!destination_calls_probe(destination))
		return last;
	wait = (int64_t)PROBE_FIRST << (destination->failures - 1);
	wait += arc4random_uniform((uint32_t)wait / PROBE_SPREAD);
	return wait < last ? wait : last;
}

static void
destination_close(struct destination *destination, const struct verdict *verdict)
{
	int64_t wait;

	destination->failures++;
	wait = probe_wait(destination);
	destination->state = DESTINATION_DOWN;
	destination->probe = NULL;
	destination->calls_probe = false;
	keep_reason(destination, verdict);
	log_event(LOG_NOTICE, "queue.destination_down", LOG_STRING("destination", destination->key), LOG_INT("seconds", wait / MS_PER_SECOND),
	          LOG_SLICE("text", verdict->text));
	destination_wait_until(destination, wait);
	if (!heap_contains(&destination->timer)) /* out of memory: nothing would end it */
		destination->state = DESTINATION_PROBE_DUE;
}

/* ---- results ---- */

static void
learn_up(struct destination *destination)
{
	destination->successes++;
	destination->failures = 0;
	if (destination->state != DESTINATION_OPEN)
		destination_open(destination);
	else
		window_grow(destination);
}

/* It may be down, unless others fared better: then it had enough. */
static void
learn_trouble(struct job *job, bool others, const struct verdict *verdict)
{
	struct destination *destination = job->consignment->destination;

	active_wait_for(job->consignment->active, destination, job->deferred);
	if (destination->state == DESTINATION_PROBING ? destination->probe != job->consignment : destination->state != DESTINATION_OPEN)
		return; /* an older job: that is known */
	if (others)
		window_shrink(destination);
	else
		destination_close(destination, verdict);
}

void
destination_learn(struct job *job, enum relay_destination found, const struct verdict *verdict)
{
	struct destination *destination = job->consignment->destination;

	switch (found) {
	case RELAY_DESTINATION_UP:
		learn_up(destination);
		break;
	case RELAY_DESTINATION_DOWN:
		learn_trouble(job, destination->successes != job->successes, verdict);
		break;
	case RELAY_DESTINATION_FULL:
		learn_trouble(job, destination->jobs > 1 || destination->successes != job->successes, verdict);
		break;
	case RELAY_DESTINATION_UNKNOWN:
		if (destination->probe == job->consignment && destination->state == DESTINATION_PROBING)
			destination_open(destination);
		break;
	}
	destination_refresh(destination);
}
