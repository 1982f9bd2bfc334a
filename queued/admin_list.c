/*
 * QUEUE_LIST: one entry for each message.
 */
#include "queued/active.h"
#include "queued/admin_state.h"
#include "queued/destination.h"
#include "queued/payload_deferral.h"

static enum queue_state
list_state(const struct message *message)
{
	if (message->active != NULL)
		return QUEUE_ACTIVE;
	if (message->held)
		return QUEUE_HELD;
	if (message->waits_for != NULL && message->waits_for->state == DESTINATION_OPEN && !message->waits_for->set->absent)
		return QUEUE_PARKED;
	return message->attempts > 0 || message->waits_for != NULL ? QUEUE_DEFERRED : QUEUE_NEW;
}

/* The addresses of the first recipients that are left. */
static uint32_t
list_addresses(const struct admin_view *view, struct slice *list)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < view->message->index_count && count < QUEUE_SHOWN_MAX; i++)
		if (admin_index_is_live(view->message, i))
			list[count++] = admin_view_address(view, i);
	return count;
}

/*
 * What was said at the last attempt: of several reasons the first; or why there is none. HELD keeps the memory that the entry points into.
 */
static void
list_reason(const struct message *message, struct queue_entry *entry, struct record **held)
{
	struct deferral_reason reason;
	struct deferral deferral;

	if (message->waits_for != NULL && message->waits_for->set->absent) {
		struct verdict verdict = destination_reason(message->waits_for);

		entry->status = verdict.status;
		entry->text = verdict.text;
		return;
	}
	if (store_read_deferral(message, held) != 0)
		return;
	if (deferral_parse(record_payload_slice(*held), &deferral) != 0 || deferral_next(&deferral, &reason) != 1)
		return;
	entry->status = reason.status;
	entry->text = reason.text;
	entry->remote = reason.remote;
}

int
admin_list_message(struct admin_peer *peer, struct admin_view *view)
{
	const struct message *message = view->message;
	struct slice list[QUEUE_SHOWN_MAX];
	struct queue_entry entry = {
		.id = message->id,
		.arrival = message->arrival,
		.size = message->body_size,
		.state = list_state(message),
		.recipients = message->recipients,
		.left = message->live,
		.attempts = message->attempts,
		.next = heap_contains(&message->timer) ? message->timer.key : 0,
		.list = list,
	};
	struct record *deferral = NULL;
	struct wire_writer writer;
	int error;

	list_reason(message, &entry, &deferral);
	if (admin_view_open(view) == 0) {
		entry.sender = view->envelope.sender;
		entry.count = list_addresses(view, list);
	} else {
		entry.text = SLICE("the message cannot be read");
	}
	writer = admin_frame(peer, QUEUE_ENTRY);
	queue_entry_put(&writer, &entry);
	peer->reply.count++;
	error = wire_end(&writer);
	record_release(&deferral);
	return error;
}
