/*
 * QUEUE_STATS: totals, and then the destinations, some in each step.
 */
#include "queued/admin_state.h"
#include "queued/history.h"

enum {
	DESTINATIONS_STEP = 256,
	MILLISECONDS = 1000, /* of a second */
};

static int
stats_totals(struct admin_peer *peer)
{
	struct admin *admin = peer->admin;
	struct schedule_numbers schedule = schedule_numbers(admin->hooks.schedule);
	struct store_numbers store = store_numbers(admin->hooks.store);
	const struct history *history = admin->hooks.history;
	struct queue_totals totals = {
		.messages = store_count(admin->hooks.store),
		.active = schedule.active,
		.waiting = schedule.waiting,
		.segments = store.segments,
		.segment_bytes = store.total_bytes,
		.live_bytes = store.live_bytes,
		.accepted = history_count(history, QUEUE_EVENT_ACCEPTED),
		.delivered = history_count(history, QUEUE_EVENT_DELIVERED) + history_count(history, QUEUE_EVENT_RELAYED),
		.deferred = history_count(history, QUEUE_EVENT_DEFERRED),
		.failed = history_count(history, QUEUE_EVENT_FAILED),
		.start = history_start(history),
	};
	struct wire_writer writer = admin_frame(peer, QUEUE_TOTALS);

	/* Each message is in a round, in the timetable, or held; some have not been taken into account yet. */
	if (totals.messages > totals.active + totals.waiting)
		totals.held = totals.messages - totals.active - totals.waiting;
	(void)store_free_space(admin->hooks.store, &totals.free_bytes);
	queue_totals_put(&writer, &totals);
	return wire_end(&writer);
}

static int
stats_destination(struct admin_peer *peer, const struct destination *destination)
{
	const struct admin_hooks *hooks = &peer->admin->hooks;
	struct queue_destination shown = {
		.name = slice_from_string(destination->key),
		.waiting = destination_waiting(destination),
		.under_way = destination->jobs,
		.window = destination_window(destination),
		.text = slice_from_string(destination->reason),
		.delivered = destination->results[JOB_DONE],
		.deferred = destination->results[JOB_TEMPORARY],
		.failed = destination->results[JOB_PERMANENT],
	};
	struct wire_writer writer = admin_frame(peer, QUEUE_DESTINATION);

	if (destination->state == DESTINATION_DOWN && heap_contains(&destination->timer))
		shown.down_until = hooks->now(hooks->context) + (destination->timer.key - schedule_ticks_now(hooks->schedule)) / MILLISECONDS;
	queue_destination_put(&writer, &shown);
	return wire_end(&writer);
}

int
admin_stats_end(struct admin_peer *peer)
{
	int error = 0;

	if (peer->position == 0) {
		peer->position = 1;
		error = stats_totals(peer);
	}
	for (int i = 0; error == 0 && i < DESTINATIONS_STEP; i++) {
		const struct destination *destination = schedule_next_destination(peer->admin->hooks.schedule, peer->destination);

		if (destination == NULL)
			return 0;
		strlcpy(peer->destination, destination->key, sizeof(peer->destination));
		error = stats_destination(peer, destination);
	}
	return error == 0 ? 1 : error;
}
