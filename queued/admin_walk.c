/*
 * The messages that a call is about: those of its ids, or all in the queue, as far as they pass its filters. What can be decided in memory is; the
 * envelope is read back only when a filter asks for it.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/mail/address.h"
#include "queued/admin_state.h"

enum {
	STEP_MS = 2,          /* for which one step works */
	GATHER_PLACES = 4096, /* of the index, gone through at once */
	GATHER_IDS = 256,     /* messages gathered, after which they are dealt with */
};

bool
admin_has_filter(const struct queue_call *call)
{
	return call->id_count > 0 || call->sender.length > 0 || call->recipient.length > 0 || call->domain.length > 0 || call->older > 0 ||
	       call->newer > 0;
}

/* ---- gathering ---- */

static int
ids_add(struct admin_ids *ids, uint64_t id)
{
	if (ids->count == ids->size) {
		size_t size = ids->size == 0 ? GATHER_IDS : ids->size * 2;
		uint64_t *list = reallocarray(ids->list, size, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		ids->list = list;
		ids->size = size;
	}
	ids->list[ids->count++] = id;
	return 0;
}

int
admin_walk_begin(struct admin_peer *peer)
{
	int error = 0;

	peer->walking = peer->call.id_count == 0;
	for (uint32_t i = 0; error == 0 && i < peer->call.id_count; i++)
		error = ids_add(&peer->ids, queue_call_id(&peer->call, i));
	return error;
}

void
admin_walk_end(struct admin_peer *peer)
{
	free(peer->ids.list);
	peer->ids = (struct admin_ids){ 0 };
	peer->walking = false;
	peer->destination[0] = '\0';
	peer->followed = 0;
	peer->cursor = peer->position = peer->offset = peer->looked_at = 0;
}

struct gathering {
	struct admin_ids *ids;
	int error;
};

static void
gather_message(void *context, struct message *message)
{
	struct gathering *gathering = context;

	if (gathering->error == 0)
		gathering->error = ids_add(gathering->ids, message->id);
}

static int
gather(struct admin_peer *peer)
{
	struct gathering gathering = { .ids = &peer->ids };

	peer->ids.count = peer->ids.next = 0;
	for (int i = 0; i < GATHER_PLACES && peer->walking && peer->ids.count < GATHER_IDS && gathering.error == 0; i++)
		peer->walking = store_walk(peer->admin->hooks.store, &peer->cursor, gather_message, &gathering);
	return gathering.error;
}

/* ---- filters ---- */

static bool
age_passes(const struct admin_peer *peer, const struct message *message)
{
	int64_t age = peer->admin->hooks.now(peer->admin->hooks.context) - message->arrival;

	return (peer->call.older == 0 || age >= (int64_t)peer->call.older) && (peer->call.newer == 0 || age <= (int64_t)peer->call.newer);
}

static bool
sender_passes(const struct queue_call *call, const struct admin_view *view)
{
	if (slice_equal(call->sender, SLICE("<>")))
		return view->envelope.sender.length == 0;
	return slice_equal_nocase(call->sender, view->envelope.sender);
}

static bool
recipient_passes(const struct queue_call *call, struct slice address)
{
	struct slice local, domain;

	if (call->recipient.length > 0 && !slice_equal_nocase(call->recipient, address))
		return false;
	if (call->domain.length == 0)
		return true;
	return address_split(address, &local, &domain) && slice_equal_nocase(call->domain, domain);
}

/* One recipient that is left must pass. */
static bool
recipients_pass(const struct queue_call *call, const struct admin_view *view)
{
	for (uint32_t i = 0; i < view->message->index_count; i++)
		if (admin_index_is_live(view->message, i) && recipient_passes(call, admin_view_address(view, i)))
			return true;
	return false;
}

static bool
message_passes(const struct admin_peer *peer, struct admin_view *view)
{
	const struct queue_call *call = &peer->call;
	bool by_recipient = call->recipient.length > 0 || call->domain.length > 0;

	if (!age_passes(peer, view->message))
		return false;
	if (!by_recipient && call->sender.length == 0)
		return true;
	if (admin_view_open(view) != 0)
		return false;
	return (call->sender.length == 0 || sender_passes(call, view)) && (!by_recipient || recipients_pass(call, view));
}

/* ---- going through them ---- */

/* As admin_verb.message. */
static int
walk_one(struct admin_peer *peer, uint64_t id)
{
	struct admin_view view = { .admin = peer->admin, .message = store_find(peer->admin->hooks.store, id) };
	int result = 0;

	/* One that is not durable yet does not exist for anybody. */
	if (view.message != NULL && view.message->live > 0 && view.message->place.segment != NULL) {
		if (peer->position > 0 || message_passes(peer, &view))
			result = peer->verb->message(peer, &view);
		admin_view_close(&view);
	} else if (peer->call.id_count > 0 && (peer->verb->missing == NULL || !peer->verb->missing(peer, id))) {
		peer->reply.status = QUEUE_NOT_FOUND;
	}
	return result;
}

int
admin_walk_some(struct admin_peer *peer)
{
	int64_t end = clock_monotonic_ms() + STEP_MS;

	do {
		int result;

		if (peer->ids.next == peer->ids.count) {
			if (!peer->walking)
				return 0;
			result = gather(peer);
			if (result != 0)
				return result;
			continue;
		}
		result = walk_one(peer, peer->ids.list[peer->ids.next]);
		if (result < 0)
			return result;
		if (result == 1)
			continue;
		peer->ids.next++;
		peer->looked_at++;
		peer->position = peer->offset = 0;
	} while (clock_monotonic_ms() < end);
	return 1;
}
