/*
 * The scheduler: the timetable, and beginning and end of rounds.
 */
#include "queued/schedule.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"

enum {
	ACTIVES_MAX = 20000,    /* messages in rounds; the others wait in the timetable, smaller */
	BRIEF_LEAST = 10,       /* seconds of a deferral for what is not the recipient's fault, */
	BRIEF_MOST = 900,       /* at most, */
	BRIEF_PART = 4,         /* and in between this part of the message's age */
	CLOCK_STEP = 60,        /* seconds by which a clock goes back that was not right before */
};

struct schedule *
schedule_new(const struct schedule_hooks *hooks)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));

	if (schedule == NULL)
		return NULL;
	schedule->hooks = *hooks;
	heap_init(&schedule->timetable);
	destination_init(&schedule->local, hooks->local);
	TAILQ_INIT(&schedule->asking);
	return schedule;
}

static void
forget_round(void *context, struct message *message)
{
	struct active *active = message->active;

	(void)context;
	if (active == NULL)
		return;
	while (!STAILQ_EMPTY(&active->local.waiting)) {
		struct target *target = STAILQ_FIRST(&active->local.waiting);

		STAILQ_REMOVE_HEAD(&active->local.waiting, link);
		free(target);
	}
	active_free(&active);
}

void
schedule_free(struct schedule **schedule)
{
	if (*schedule == NULL)
		return;
	store_each((*schedule)->hooks.store, forget_round, NULL);
	heap_free(&(*schedule)->timetable);
	free(*schedule);
	*schedule = NULL;
}

/* ---- into rounds ---- */

static bool
schedule_has_room(const struct schedule *schedule)
{
	return schedule->actives < ACTIVES_MAX;
}

void
schedule_wait(struct schedule *schedule, struct message *message, int64_t when)
{
	char name[QUEUEID_SIZE];

	if (message->held && !message->returned)
		return;
	if (heap_insert(&schedule->timetable, &message->timer, when) == 0) {
		schedule_wake(schedule);
		return;
	}
	queueid_format(message->id, name);
	log_event(LOG_ERR, "queue.memory", LOG_STRING("what", "timetable; the message waits for the next start"), LOG_STRING("id", name));
}

static int64_t
brief_deferral(const struct message *message, int64_t now)
{
	int64_t wait = (now - message->arrival) / BRIEF_PART;

	return now + (wait < BRIEF_LEAST ? BRIEF_LEAST : wait > BRIEF_MOST ? BRIEF_MOST : wait);
}

void
schedule_begin_round(struct schedule *schedule, struct message *message, struct record *record)
{
	struct active *active = active_new(schedule, message, record);

	if (active == NULL)
		schedule_wait(schedule, message, brief_deferral(message, schedule_now(schedule)));
	else if (message->returned)
		active_return(active);
	else
		route_begin(active);
}

void
schedule_add(struct schedule *schedule, struct message *message, struct record *record)
{
	/* Behind what is due already, so that nothing is overtaken for long. */
	if (!schedule_has_room(schedule)) {
		schedule_wait(schedule, message, schedule_now(schedule));
		return;
	}
	if (schedule->memory + record->size > schedule_config(schedule)->queue_memory)
		record = NULL;
	schedule_begin_round(schedule, message, record);
}

void
schedule_recovered(struct schedule *schedule, struct message *message)
{
	int64_t now = schedule_now(schedule);

	schedule_wait(schedule, message, retry_after_restart(schedule_config(schedule), message->arrival, message->timer.key, now));
}

static void
clip_wait(void *context, struct message *message)
{
	struct schedule *schedule = context;
	int64_t when;

	if (!heap_contains(&message->timer))
		return;
	when = retry_after_restart(schedule_config(schedule), message->arrival, message->timer.key, schedule->latest);
	if (when < message->timer.key)
		heap_change(&schedule->timetable, &message->timer, when);
}

void
schedule_turn(struct schedule *schedule)
{
	int64_t now = schedule_now(schedule);
	bool went_back = now < schedule->latest - CLOCK_STEP;
	struct heap_node *first;

	schedule->latest = now;
	if (went_back) {
		log_event(LOG_NOTICE, "queue.clock_set_back");
		store_each(schedule->hooks.store, clip_wait, schedule);
	}
	if (store_is_broken(schedule->hooks.store))
		return; /* results could not be recorded */
	while (schedule_has_room(schedule) && (first = heap_first(&schedule->timetable)) != NULL && first->key <= now) {
		struct message *message = HEAP_ELEMENT(first, struct message, timer);

		heap_remove(&schedule->timetable, first);
		schedule_begin_round(schedule, message, NULL);
	}
	route_run(schedule);
	destination_run(&schedule->local);
}

void
schedule_expander_up(struct schedule *schedule)
{
	schedule->expander_down = false;
	schedule_wake(schedule);
}

void
schedule_transport_ready(struct schedule *schedule)
{
	if (!TAILQ_EMPTY(&schedule->local.turn))
		schedule_wake(schedule);
}

int64_t
schedule_due(const struct schedule *schedule)
{
	const struct heap_node *first = heap_first(&schedule->timetable);

	return first == NULL || !schedule_has_room(schedule) ? INT64_MAX : first->key;
}

/* ---- out of rounds ---- */

void
schedule_end(struct schedule *schedule, struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	log_event(LOG_INFO, "queue.removed", LOG_STRING("id", name), LOG_INT("age", schedule_now(schedule) - message->arrival));
	store_end(schedule->hooks.store, message);
}

void
schedule_remove_damaged(struct schedule *schedule, struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	log_event(LOG_ERR, "queue.damaged", LOG_STRING("id", name), LOG_STRING("kept", name));
	store_give_up(schedule->hooks.store, message);
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

static void
schedule_defer(struct active *active)
{
	struct schedule *schedule = active->schedule;
	struct message *message = active->message;
	int64_t now = schedule_now(schedule);
	int64_t next = brief_deferral(message, now);

	for (uint32_t i = 0; i < message->index_count; i++)
		if (message_state(message, i) == RECIPIENT_BUSY)
			message_set_state(message, i, RECIPIENT_WAITING);
	if (deferral_counts(active)) {
		message->attempts++;
		next = retry_next(schedule_config(schedule), message->arrival, now, arc4random());
		deferral_record(active, next);
	}
	if (message->returned && !active->closing)
		next = now;
	schedule_wait(schedule, message, next);
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
	if (heap_first(&schedule->timetable) != NULL)
		schedule_wake(schedule);
}
