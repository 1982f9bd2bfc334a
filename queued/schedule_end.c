/*
 * The end of a round: what was deferred, why, and until when.
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"

enum {
	BRIEF_LEAST = 10,       /* seconds of a deferral for what is not the recipient's fault, */
	BRIEF_MOST = 900,       /* at most, */
	BRIEF_PART = 4,         /* and in between this part of the message's age */
};

int64_t
deferral_brief(const struct message *message, int64_t now)
{
	int64_t wait = (now - message->arrival) / BRIEF_PART;

	return now + (wait < BRIEF_LEAST ? BRIEF_LEAST : wait > BRIEF_MOST ? BRIEF_MOST : wait);
}

/* True when a recipient itself was the reason, and not something of ours. */
static bool
deferral_counts(const struct active *active)
{
	const struct outcome *outcome;

	STAILQ_FOREACH(outcome, &active->outcomes, link)
		if (outcome->kind == OUTCOME_DEFERRED)
			return true;
	return false;
}

/* What counts as an attempt comes again as "retry" says, and so does what a destination calls before, as a rule. */
static int64_t
deferral_next(struct active *active, int64_t now)
{
	struct schedule *schedule = active->schedule;
	struct message *message = active->message;
	bool counts = deferral_counts(active);
	int64_t next;

	if (!counts && active->waits_for == NULL)
		return deferral_brief(message, now);
	next = retry_next(schedule_config(schedule), message->arrival, now, arc4random());
	if (counts) {
		message->attempts++;
		deferral_record(active, next);
	}
	return next;
}

static void
schedule_defer(struct active *active)
{
	struct message *message = active->message;
	int64_t next = deferral_next(active, schedule_now(active->schedule));

	for (uint32_t i = 0; i < message->index_count; i++)
		if (message_state(message, i) == RECIPIENT_BUSY)
			message_set_state(message, i, RECIPIENT_WAITING);
	if (active->waits_for != NULL)
		schedule_tell(active->schedule, message, QUEUE_EVENT_WAITING, SLICE(""), SLICE(""),
		              slice_from_string(active->waits_for->key));
	if (message_is_lost(message) && !active->closing)
		next = schedule_now(active->schedule);
	if (active->waits_for != NULL && !message->held && !message_is_lost(message)) {
		message->waits_wholly = active->waits == message->live;
		destination_wait(active->waits_for, message);
	}
	schedule_wait(active->schedule, message, next);
}

void
schedule_end(struct schedule *schedule, struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	log_event(LOG_INFO, "queue.removed", LOG_STRING("id", name), LOG_INT("age", schedule_now(schedule) - message->arrival));
	schedule_tell(schedule, message, QUEUE_EVENT_ENDED, SLICE(""), SLICE(""), SLICE(""));
	store_end(schedule->hooks.store, message);
}

void
schedule_end_round(struct active **active)
{
	struct schedule *schedule = (*active)->schedule;
	struct message *message = (*active)->message;

	if (message->live > 0)
		schedule_defer(*active);
	active_free(active);
	if (message->live == 0)
		schedule_end(schedule, message);
	if (heap_first(&schedule->timetable) != NULL || !TAILQ_EMPTY(&schedule->local.calling) || !TAILQ_EMPTY(&schedule->remote.calling))
		schedule_wake(schedule);
}
