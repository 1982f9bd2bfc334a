/*
 * A message in a round of delivery: its contents, and what becomes of its recipients.
 */
#include "queued/active.h"

#include <errno.h>
#include <stdlib.h>

#include "queued/schedule_state.h"

static int
active_decode(struct active *active)
{
	int error;

	if (payload_message_parse(record_payload_slice(active->record), &active->payload) != 0)
		return -EBADMSG;
	error = envelope_decode(active->payload.envelope, &active->envelope);
	for (uint32_t i = 0; error == 0 && i < active->envelope.recipient_count; i++)
		if ((active->envelope.recipients[i].notify & ENVELOPE_NOTIFY_SUCCESS) != 0)
			active->success_wanted = true;
	return error == 0 || error == -ENOMEM ? error : -EBADMSG;
}

struct active *
active_new(struct schedule *schedule, struct message *message, struct record *record)
{
	struct active *active = calloc(1, sizeof(*active));

	if (active == NULL)
		return NULL;
	active->schedule = schedule;
	active->message = message;
	STAILQ_INIT(&active->outcomes);
	LIST_INIT(&active->batches);
	RB_INIT(&active->consignments);
	TAILQ_INIT(&active->held);
	if (record != NULL) {
		active->record = record_hold(record);
		schedule->memory += record->size;
		if (active_decode(active) != 0)
			active_unload(active);
	}
	TAILQ_INSERT_TAIL(&schedule->rounds, active, round_link);
	schedule->actives++;
	message->active = active;
	return active;
}

/* Whoever called the message need not wait for it any more. */
static void
active_arrive(struct active *active)
{
	struct destination *caller = active->caller;

	if (caller == NULL)
		return;
	active->caller = NULL;
	destination_called(caller);
	destination_release(caller);
}

void
active_free(struct active **active_p)
{
	struct active *active = *active_p;
	struct consignment *consignment;

	*active_p = NULL;
	while ((consignment = RB_ROOT(&active->consignments)) != NULL)
		consignment_free(consignment);
	active_arrive(active);
	if (active->waits_for != NULL)
		destination_release(active->waits_for);
	active_unload(active);
	returns_forget(active);
	active_trust(active);
	active_drop_outcomes(active);
	TAILQ_REMOVE(&active->schedule->rounds, active, round_link);
	active->schedule->actives--;
	active->message->active = NULL;
	free(active);
}

int
active_load(struct active *active)
{
	int error;

	if (active->record != NULL)
		return 0;
	error = store_read(active->schedule->hooks.store, active->message, &active->record);
	if (error != 0)
		return error;
	active->schedule->memory += active->record->size;
	error = active_decode(active);
	if (error != 0)
		active_unload(active);
	return error;
}

void
active_unload(struct active *active)
{
	if (active->record == NULL)
		return;
	envelope_free(&active->envelope);
	active->envelope = (struct envelope){ 0 };
	active->payload = (struct message_payload){ 0 };
	active->schedule->memory -= active->record->size;
	record_release(&active->record);
}

void
active_sent(struct active *active)
{
	if (!active->asking && active->asked == 0 && active->expanding == 0 && active->waiting == 0)
		active_unload(active);
}

struct slice
active_address(const struct active *active, uint32_t index)
{
	const struct expansion *expansion;

	if (index < active->envelope.recipient_count)
		return active->envelope.recipients[index].address;
	expansion = message_expansion_of(active->message, index);
	return expansion == NULL ? SLICE("") : expansion->targets[index - expansion->first].address;
}

uint8_t
active_notify(const struct active *active, uint32_t index)
{
	uint32_t root = message_root(active->message, index);
	uint8_t notify = root < active->envelope.recipient_count ? active->envelope.recipients[root].notify : 0;

	if (root == index || (notify & ENVELOPE_NOTIFY_SUCCESS) == 0)
		return notify;
	notify &= (uint8_t)~ENVELOPE_NOTIFY_SUCCESS;
	return notify == 0 ? ENVELOPE_NOTIFY_NEVER : notify;
}

struct slice
active_original_recipient(const struct active *active, uint32_t index)
{
	uint32_t root = message_root(active->message, index);

	return root < active->envelope.recipient_count ? active->envelope.recipients[root].orcpt : SLICE("");
}

bool
active_wants_success(struct active *active, uint32_t index)
{
	return active->success_wanted && active_load(active) == 0 && active->envelope.sender.length > 0 &&
	       (active_notify(active, index) & ENVELOPE_NOTIFY_SUCCESS) != 0;
}

void
active_wait_for(struct active *active, struct destination *destination, uint32_t count)
{
	if (active->waits_for == NULL)
		active->waits_for = destination_hold(destination);
	if (active->waits_for == destination)
		active->waits += count;
}

/* ---- what is next ---- */

static void
active_complete(struct active *active)
{
	struct consignment *consignment, *next;

	active->complete = true;
	RB_FOREACH_SAFE(consignment, consignment_tree, &active->consignments, next)
		consignment_complete(consignment);
	active_arrive(active);
}

void
active_check(struct active *active)
{
	if (active_is_stopped(active))
		active_withdraw(active);
	returns_success(active);
	if (active->asking || active->asked > 0 || active->expanding > 0)
		return;
	if (!active->complete)
		active_complete(active);
	if (active->waiting > 0) {
		if (schedule_is_over_memory(active->schedule))
			active_unload(active); /* it is read back when a worker takes it */
		schedule_wake(active->schedule);
		return;
	}
	if (active->jobs > 0 || active->returning > 0 || active->doubted)
		return;
	if (returns_wanted(active))
		returns_begin(active);
	else
		schedule_end_round(&active);
}
