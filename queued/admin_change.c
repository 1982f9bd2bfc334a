/*
 * QUEUE_HOLD, QUEUE_RELEASE, QUEUE_RETRY, QUEUE_BOUNCE, QUEUE_DELETE: one order for each message.
 */
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/admin_state.h"

static void
change_log(const struct admin_peer *peer, const struct message *message)
{
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	log_event(LOG_NOTICE, "queue.ordered", LOG_STRING("id", name), LOG_STRING("verb", peer->verb->name));
}

int
admin_hold_message(struct admin_peer *peer, struct admin_view *view)
{
	change_log(peer, view->message);
	peer->reply.count += schedule_hold(peer->admin->hooks.schedule, view->message) ? 1 : 0;
	return 0;
}

int
admin_release_message(struct admin_peer *peer, struct admin_view *view)
{
	change_log(peer, view->message);
	peer->reply.count += schedule_release(peer->admin->hooks.schedule, view->message) ? 1 : 0;
	return 0;
}

int
admin_retry_message(struct admin_peer *peer, struct admin_view *view)
{
	peer->reply.count += schedule_retry(peer->admin->hooks.schedule, view->message) ? 1 : 0;
	return 0;
}

int
admin_bounce_message(struct admin_peer *peer, struct admin_view *view)
{
	change_log(peer, view->message);
	schedule_return(peer->admin->hooks.schedule, view->message);
	peer->reply.count++;
	return 0;
}

int
admin_delete_message(struct admin_peer *peer, struct admin_view *view)
{
	change_log(peer, view->message);
	schedule_remove(peer->admin->hooks.schedule, view->message);
	peer->reply.count++;
	return 0;
}
