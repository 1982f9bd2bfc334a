/*
 * Ends a role that hangs: its loop answers a question of the parent's at once, unless it is stopped or waits for something that does not come.
 *
 * What counts is questions without an answer, not time: when the whole machine stood still, no role is to blame.
 */
#include <signal.h>

#include "common/base/log.h"
#include "common/proc/parent.h"

enum { QUESTIONS = 3 }; /* without an answer, after which a role hangs */

void
parent_watch(struct parent *parent)
{
	unsigned interval = parent->config.role_timeout * 1000 / QUESTIONS;

	if (interval == 0)
		event_del(parent->watch);
	else
		event_add(parent->watch, &(struct timeval){ .tv_sec = interval / 1000, .tv_usec = interval % 1000 * 1000 });
}

static void
watch_child(struct child *child)
{
	struct wire_writer writer;

	if (!child->role->watched || child->state != CHILD_READY || child->channel == NULL)
		return;
	if (child->silent >= QUESTIONS) {
		log_event(LOG_ERR, "role.hung", LOG_STRING("role", child->role->name), LOG_INT("pid", child->pid),
		          LOG_UINT("seconds", child->parent->config.role_timeout));
		kill(child->pid, SIGKILL); /* its death is noticed like any other */
		return;
	}
	child->silent++;
	writer = channel_begin(child->channel, CONTROL_PING, 0, -1);
	(void)channel_send(child->channel, &writer);
}

void
parent_on_watch(evutil_socket_t fd, short what, void *context)
{
	struct parent *parent = context;

	(void)fd;
	(void)what;
	if (parent->stopping)
		return;
	for (size_t i = 0; i < parent->child_count; i++)
		watch_child(&parent->children[i]);
	parent_watch(parent);
}

int
parent_on_pong(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct child *child = context;

	(void)channel;
	(void)frame;
	child->silent = 0;
	return 0;
}
