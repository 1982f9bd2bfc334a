/*
 * The scheduler: the timetable, and the beginning of rounds.
 */
#include "queued/schedule.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"

enum {
	ACTIVES_MAX = 20000,    /* messages in rounds; the others wait outside, smaller */
	CLOSINGS_MAX = 64,      /* messages that are returned in one turn, after which others get theirs */
	ROOM_PART = 2,          /* of the room that is left, as a divisor, for one destination */
	OVERDUE_SPREAD = 300,   /* seconds at most over which retries are spread that became due while queued did not run, */
	OVERDUE_SPEED = 2000,   /* as many in each */
	LATE_LOOK = 60 * 1000,  /* milliseconds between looks for messages that are late while they wait for their turn in a round */
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
	destinations_init(&schedule->local, schedule, hooks->local, false);
	destinations_init(&schedule->remote, schedule, hooks->remote, true);
	TAILQ_INIT(&schedule->asking);
	TAILQ_INIT(&schedule->doubted);
	schedule->doubt.fd = -1;
	TAILQ_INIT(&schedule->rounds);
	schedule->mailboxes = destinations_get_local(&schedule->local);
	if (schedule->mailboxes == NULL) {
		free(schedule);
		return NULL;
	}
	return schedule;
}

static void
forget_round(void *context, struct message *message)
{
	struct active *active = message->active;

	(void)context;
	if (active != NULL)
		active_free(&active);
}

void
schedule_free(struct schedule **schedule)
{
	if (*schedule == NULL)
		return;
	store_each((*schedule)->hooks.store, forget_round, NULL);
	destinations_free(&(*schedule)->local);
	destinations_free(&(*schedule)->remote);
	heap_free(&(*schedule)->timetable);
	free(*schedule);
	*schedule = NULL;
}

/* ---- into rounds ---- */

bool
schedule_has_room(const struct schedule *schedule)
{
	return schedule->actives < ACTIVES_MAX;
}

uint32_t
schedule_room(const struct schedule *schedule)
{
	size_t left = schedule_has_room(schedule) ? ACTIVES_MAX - schedule->actives : 0;

	return left < ROOM_PART ? 1 : (uint32_t)(left / ROOM_PART);
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

static void
schedule_begin_round(struct schedule *schedule, struct message *message, struct record *record)
{
	struct active *active = active_new(schedule, message, record);

	destination_forget(message);
	if (active == NULL)
		schedule_wait(schedule, message, deferral_brief(message, schedule_now(schedule)));
	else if (message_is_lost(message))
		active_return(active);
	else
		route_begin(active);
}

void
schedule_call(struct schedule *schedule, struct message *message, struct destination *destination)
{
	heap_remove(&schedule->timetable, &message->timer);
	schedule_begin_round(schedule, message, NULL);
	if (message->active != NULL)
		message->active->caller = destination_hold(destination);
	else
		destination_called(destination);
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
	int64_t next = retry_after_restart(schedule_config(schedule), message->arrival, message->timer.key, now);

	if (message->attempts > 0 && next <= now) {
		size_t spread = store_count(schedule->hooks.store) / OVERDUE_SPEED;

		next = now + arc4random_uniform((uint32_t)(spread < OVERDUE_SPREAD ? spread : OVERDUE_SPREAD) + 1);
	}
	schedule_wait(schedule, message, message_is_lost(message) ? now : next);
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

bool
schedule_is_late(const struct schedule *schedule, const struct message *message, int64_t now)
{
	int64_t after = schedule_config(schedule)->delay_warning;

	return after != 0 && !message->warned && now - message->arrival >= after;
}

/*
 * What would come of a round for MESSAGE is known: nothing. All that is left of it waits for one destination, which is down, will call it, or has
 * nobody who takes messages there.
 */
static bool
round_is_vain(const struct schedule *schedule, const struct message *message, int64_t now)
{
	const struct destination *destination = message->waits_for;

	if (destination == NULL || !message->waits_wholly || schedule_is_late(schedule, message, now))
		return false;
	if (destination->state == DESTINATION_DOWN || destination->set->absent)
		return !retry_is_over(schedule_config(schedule), message->arrival, now);
	return destination->state == DESTINATION_OPEN && destination->jobs > 0;
}

static void
schedule_try(struct schedule *schedule, struct message *message, int64_t now)
{
	heap_remove(&schedule->timetable, &message->timer);
	if (!round_is_vain(schedule, message, now)) {
		schedule_begin_round(schedule, message, NULL);
		return;
	}
	message->attempts += message->waits_for->state == DESTINATION_DOWN && !message->waits_for->set->absent ? 1 : 0;
	schedule_wait(schedule, message, retry_next(schedule_config(schedule), message->arrival, now, arc4random()));
}

/* A round may take longer than the time after which the sender is to be warned: where thousands wait for a slow destination. */
static void
schedule_warn_late(struct schedule *schedule, int64_t now)
{
	struct active *active;

	if (schedule_ticks(schedule) < schedule->next_look)
		return;
	TAILQ_FOREACH(active, &schedule->rounds, round_link) {
		if (active->late || active->waiting == 0 || !active->complete || active->returning > 0 ||
		    !schedule_is_late(schedule, active->message, now) ||
		    retry_is_over(schedule_config(schedule), active->message->arrival, now))
			continue;
		if (schedule->closings >= CLOSINGS_MAX) {
			schedule_wake(schedule);
			return;
		}
		schedule->closings++;
		returns_late(active);
	}
	schedule->next_look = schedule_ticks(schedule) + LATE_LOOK;
}

/* Nothing may wait for longer than it would by a clock that was set back. */
static void
schedule_check_clock(struct schedule *schedule, int64_t now)
{
	bool went_back = now < schedule->latest - CLOCK_STEP;

	schedule->latest = now;
	if (!went_back)
		return;
	log_event(LOG_NOTICE, "queue.clock_set_back");
	store_each(schedule->hooks.store, clip_wait, schedule);
}

void
schedule_turn(struct schedule *schedule)
{
	int64_t now = schedule_now(schedule);
	struct heap_node *first;

	schedule_check_clock(schedule, now);
	if (store_is_broken(schedule->hooks.store))
		return; /* results could not be recorded */
	schedule->closings = 0;
	schedule_warn_late(schedule, now);
	doubts_run(schedule);
	while (schedule_has_room(schedule) && schedule->closings < CLOSINGS_MAX && (first = heap_first(&schedule->timetable)) != NULL &&
	       first->key <= now)
		schedule_try(schedule, HEAP_ELEMENT(first, struct message, timer), now);
	route_run(schedule);
	destinations_run(&schedule->local);
	destinations_run(&schedule->remote);
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
	if (!TAILQ_EMPTY(&schedule->local.ready) || !TAILQ_EMPTY(&schedule->remote.ready) ||
	    !TAILQ_EMPTY(&schedule->remote.held_retries) || destinations_changed(&schedule->local) ||
	    destinations_changed(&schedule->remote))
		schedule_wake(schedule);
}

int64_t
schedule_due(const struct schedule *schedule)
{
	const struct heap_node *first = heap_first(&schedule->timetable);

	return first == NULL || !schedule_has_room(schedule) ? INT64_MAX : first->key;
}

int64_t
schedule_due_ticks(const struct schedule *schedule)
{
	int64_t local = destinations_due(&schedule->local), remote = destinations_due(&schedule->remote);

	return local < remote ? local : remote;
}

/* ---- damage ---- */

void
schedule_remove_damaged(struct schedule *schedule, struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	log_event(LOG_ERR, "queue.damaged", LOG_STRING("id", name), LOG_STRING("kept", name));
	store_give_up(schedule->hooks.store, message);
}
