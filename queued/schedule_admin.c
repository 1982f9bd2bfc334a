/*
 * What the administrator orders for a message. In a round that is under way, what has been handed out comes to its end; nothing else begins.
 */
#include <errno.h>
#include <stdlib.h>

#include "queued/schedule_state.h"

bool
active_is_stopped(const struct active *active)
{
	const struct message *message = active->message;

	return message->held || (message_is_lost(message) && !active->closing) || message->live == 0;
}

void
active_withdraw(struct active *active)
{
	struct consignment *consignment;

	if (active->asking)
		route_leave(active);
	RB_FOREACH(consignment, consignment_tree, &active->consignments)
		consignment_withdraw(consignment);
}

void
active_return(struct active *active)
{
	struct message *message = active->message;
	const struct verdict *verdict = message->damaged ? VERDICT_DAMAGED : VERDICT("5.7.0", "returned by the administrator");
	int error = active_load(active);

	active->closing = true;
	active->schedule->closings++;
	if (error == -EBADMSG) {
		struct schedule *schedule = active->schedule;

		active_free(&active);
		schedule_remove_damaged(schedule, message);
		return;
	}
	for (uint32_t i = 0; error == 0 && i < message->index_count; i++)
		if (message_state(message, i) == RECIPIENT_WAITING)
			active_fail(active, i, active_address(active, i), verdict);
	active_check(active);
}

static void
tell(const struct schedule *schedule, const struct message *message, enum queue_event event)
{
	schedule_tell(schedule, message, event, SLICE(""), SLICE(""), SLICE(""));
}

/* It waits no more. */
static void
schedule_take(struct schedule *schedule, struct message *message)
{
	heap_remove(&schedule->timetable, &message->timer);
	destination_forget(message);
}

bool
schedule_hold(struct schedule *schedule, struct message *message)
{
	if (message->held)
		return false;
	store_mark(schedule->hooks.store, message, MARK_HELD);
	tell(schedule, message, QUEUE_EVENT_HELD);
	schedule_take(schedule, message);
	if (message->active != NULL)
		active_check(message->active);
	return true;
}

bool
schedule_release(struct schedule *schedule, struct message *message)
{
	if (!message->held)
		return false;
	store_mark(schedule->hooks.store, message, MARK_RELEASED);
	tell(schedule, message, QUEUE_EVENT_RELEASED);
	if (message->active == NULL)
		schedule_wait(schedule, message, schedule_now(schedule));
	return true;
}

bool
schedule_retry(struct schedule *schedule, struct message *message)
{
	if (message->held || message->active != NULL)
		return false;
	tell(schedule, message, QUEUE_EVENT_RETRIED);
	if (message->waits_for != NULL)
		destination_probe(message->waits_for);
	schedule_take(schedule, message);
	schedule_wait(schedule, message, schedule_now(schedule));
	return true;
}

void
schedule_return(struct schedule *schedule, struct message *message)
{
	store_mark(schedule->hooks.store, message, MARK_RETURNED);
	tell(schedule, message, QUEUE_EVENT_RETURNED);
	if (message->active != NULL) {
		active_check(message->active);
		return;
	}
	schedule_take(schedule, message);
	schedule_wait(schedule, message, schedule_now(schedule));
}

void
schedule_remove(struct schedule *schedule, struct message *message)
{
	/* Also those that are not there yet: an expansion whose record is on its way brings no new ones. */
	struct payload_range all = { 0, message->index_count };

	store_results(schedule->hooks.store, message, RECIPIENT_REMOVED, &all, 1);
	tell(schedule, message, QUEUE_EVENT_REMOVED);
	if (message->active != NULL) {
		active_drop_outcomes(message->active);
		active_check(message->active);
		return;
	}
	schedule_take(schedule, message);
	schedule_end(schedule, message);
}

/* ---- what there is ---- */

struct history *
schedule_history(const struct schedule *schedule)
{
	return schedule->hooks.history;
}

struct schedule_numbers
schedule_numbers(const struct schedule *schedule)
{
	return (struct schedule_numbers){ .active = schedule->actives, .waiting = schedule->timetable.count };
}

int64_t
schedule_ticks_now(const struct schedule *schedule)
{
	return schedule_ticks(schedule);
}

const struct destination *
schedule_next_destination(struct schedule *schedule, const char *after)
{
	const struct destination *local = destinations_next(&schedule->local, "");
	const struct destination *destination;

	if (local != NULL && strcmp(local->key, after) == 0)
		return NULL;
	destination = destinations_next(&schedule->remote, after);
	return destination == NULL ? local : destination;
}
