/*
 * QUEUE_TRACE: what happened to a message. Its latest events are in memory, also when it has just ended; of an older one its envelope tells how
 * it came, and its DEFERRAL of the attempts that are forgotten. With QUEUE_FOLLOW events are passed on as they come, until it ends.
 */
#include <errno.h>

#include "queued/admin_state.h"
#include "queued/history.h"
#include "queued/payload_deferral.h"

enum { MILLISECONDS = 1000 }; /* of a second */

struct telling {
	struct admin_peer *peer;
	int64_t first; /* when the first event was that is not forgotten, milliseconds since 1970 */
	bool accepted; /* and how the message came is among them */
	int error;
};

static int
trace_put(struct admin_peer *peer, const struct queue_happening *happening)
{
	struct wire_writer writer = admin_frame(peer, QUEUE_EVENT);
	int error;

	queue_happening_put(&writer, happening);
	error = wire_end(&writer);
	return error != 0 ? error : admin_make_room(peer);
}

static void
note_event(void *context, const struct queue_happening *happening)
{
	struct telling *telling = context;

	if (telling->first == 0)
		telling->first = happening->when;
	telling->accepted = telling->accepted || happening->event == QUEUE_EVENT_ACCEPTED;
}

static void
tell_event(void *context, const struct queue_happening *happening)
{
	struct telling *telling = context;

	if (telling->error == 0)
		telling->error = trace_put(telling->peer, happening);
}

static int
tell_acceptance(struct admin_peer *peer, struct admin_view *view)
{
	if (admin_view_open(view) != 0)
		return 0;
	return trace_put(peer, &(struct queue_happening){
		.when = view->message->arrival * MILLISECONDS,
		.event = QUEUE_EVENT_ACCEPTED,
		.address = view->envelope.sender,
		.text = view->envelope.client,
	});
}

/* The attempts before FIRST, of which nothing else is known; the latest one comes first in the record, and last here. */
static int
tell_attempts(struct admin_peer *peer, const struct deferral *deferral, int64_t first)
{
	struct deferral_reason reasons[DEFERRAL_ATTEMPTS_MAX];
	struct deferral reader = *deferral;
	size_t count = 0;
	int error = 0;

	while (count < DEFERRAL_ATTEMPTS_MAX && deferral_next(&reader, &reasons[count]) == 1)
		if (reasons[count].when * MILLISECONDS < first && (count == 0 || reasons[count].when != reasons[count - 1].when))
			count++;
	while (error == 0 && count > 0) {
		const struct deferral_reason *reason = &reasons[--count];

		error = trace_put(peer, &(struct queue_happening){
			.when = reason->when * MILLISECONDS,
			.event = QUEUE_EVENT_DEFERRED,
			.status = reason->status,
			.text = reason->text,
		});
	}
	return error;
}

static int
tell_forgotten(struct admin_peer *peer, struct admin_view *view, const struct telling *telling)
{
	int error = telling->accepted ? 0 : tell_acceptance(peer, view);
	struct deferral deferral;
	struct record *record;

	if (error != 0 || telling->accepted || store_read_deferral(view->message, &record) != 0)
		return error;
	if (deferral_parse(record_payload_slice(record), &deferral) == 0)
		error = tell_attempts(peer, &deferral, telling->first == 0 ? INT64_MAX : telling->first);
	record_release(&record);
	return error;
}

int
admin_trace_message(struct admin_peer *peer, struct admin_view *view)
{
	struct telling telling = { .peer = peer };
	const struct history *history = peer->admin->hooks.history;

	history_each(history, view->message->id, note_event, &telling);
	telling.error = tell_forgotten(peer, view, &telling);
	history_each(history, view->message->id, tell_event, &telling);
	peer->reply.count++;
	if ((peer->call.flags & QUEUE_FOLLOW) != 0)
		peer->followed = view->message->id;
	return telling.error;
}

bool
admin_trace_missing(struct admin_peer *peer, uint64_t id)
{
	struct telling telling = { .peer = peer };

	if (history_each(peer->admin->hooks.history, id, tell_event, &telling) == 0)
		return false;
	peer->reply.count++;
	return true;
}

/* For history_watch: to those who follow. */
void
admin_trace_event(void *context, uint64_t id, const struct queue_happening *happening)
{
	struct admin *admin = context;
	struct admin_peer *peer, *next;

	TAILQ_FOREACH_SAFE(peer, &admin->peers, link, next) {
		struct wire_writer writer;

		if (peer->phase != ADMIN_FOLLOWING || peer->followed != id)
			continue;
		writer = channel_begin(peer->channel, QUEUE_EVENT, peer->request, -1);
		queue_happening_put(&writer, happening);
		if (channel_send(peer->channel, &writer) != 0)
			admin_end_following(peer, -ENOBUFS);
		else if (happening->event == QUEUE_EVENT_ENDED)
			admin_end_following(peer, 0);
	}
}
