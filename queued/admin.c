/*
 * Answering queuetool: its calls from their frame to the reply.
 */
#include "queued/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/durable.h"
#include "queued/admin_state.h"

enum {
	PEERS_MAX = 32,                    /* tools at once */
	STATE_IDLE = 0,
	STATE_BUSY = 1,
	OUTPUT_MAX = 1024 * 1024,          /* unsent bytes to one tool */
	OUT_FULL = 64 * 1024,              /* bytes of frames, after which they go to the file */
	OUT_MAX = OUT_FULL + 2 * QUEUE_FRAME_MAX,
	TELL_MS = 500,                     /* between two signs of life */
};

/* A call that waits until what it changed is durable. Its tool may go meanwhile. */
struct admin_settling {
	struct admin_peer *peer; /* or NULL */
};

static const struct admin_verb verbs[QUEUE_VERB_END] = {
	[QUEUE_LIST] = { .name = "list", .message = admin_list_message },
	[QUEUE_SHOW] = { .name = "show", .choice = true, .message = admin_show_message },
	[QUEUE_HOLD] = { .name = "hold", .choice = true, .changes = true, .message = admin_hold_message },
	[QUEUE_RELEASE] = { .name = "release", .choice = true, .changes = true, .message = admin_release_message },
	[QUEUE_RETRY] = { .name = "retry", .choice = true, .changes = true, .message = admin_retry_message },
	[QUEUE_BOUNCE] = { .name = "bounce", .choice = true, .changes = true, .message = admin_bounce_message },
	[QUEUE_STATS] = { .name = "stats", .end = admin_stats_end },
	[QUEUE_TRACE] = { .name = "trace", .single = true, .choice = true, .message = admin_trace_message, .missing = admin_trace_missing },
	[QUEUE_DELETE] = { .name = "delete", .choice = true, .changes = true, .message = admin_delete_message },
};

struct wire_writer
admin_frame(struct admin_peer *peer, enum queue_type type)
{
	return wire_begin(&peer->out, (uint16_t)type, 0, peer->request);
}

/* ---- the end of a call ---- */

static void
peer_log(const struct admin_peer *peer)
{
	if (peer->verb->changes)
		log_event(LOG_NOTICE, "queue.admin", LOG_STRING("verb", peer->verb->name), LOG_UINT("count", peer->reply.count),
		          LOG_UINT("status", peer->reply.status), LOG_STRING("message", peer->reply.message));
}

static void
peer_forget_call(struct admin_peer *peer)
{
	if (peer->phase == ADMIN_WORKING)
		TAILQ_REMOVE(&peer->admin->working, peer, work_link);
	if (peer->settling != NULL)
		peer->settling->peer = NULL;
	peer->settling = NULL;
	admin_walk_end(peer);
	buffer_free(&peer->payload);
	buffer_free(&peer->out);
	if (peer->file >= 0)
		close(peer->file);
	peer->file = -1;
	peer->phase = ADMIN_IDLE;
}

static void
peer_free(struct admin_peer *peer)
{
	peer_forget_call(peer);
	TAILQ_REMOVE(&peer->admin->peers, peer, link);
	peer->admin->count--;
	free(peer);
}

static void
peer_reply(struct admin_peer *peer)
{
	struct wire_writer writer = channel_begin(peer->channel, QUEUE_REPLY, peer->request, -1);

	peer_log(peer);
	queue_reply_put(&writer, &peer->reply);
	(void)channel_send(peer->channel, &writer);
	peer_forget_call(peer);
	channel_set_state(peer->channel, STATE_IDLE);
}

static void
peer_fail(struct admin_peer *peer, int error)
{
	peer->reply.status = QUEUE_TEMPORARY;
	snprintf(peer->reply.message, sizeof(peer->reply.message), "%s", strerror(-error));
}

/* ---- in steps ---- */

static int
peer_write_file(struct admin_peer *peer)
{
	struct slice bytes = buffer_slice(&peer->out);
	int error = durable_write(peer->file, bytes.data, bytes.length);

	buffer_clear(&peer->out);
	return error;
}

int
admin_make_room(struct admin_peer *peer)
{
	return buffer_length(&peer->out) < OUT_FULL ? 0 : peer_write_file(peer);
}

/* As admin_verb.message. */
static int
peer_work(struct admin_peer *peer)
{
	int result = peer->verb->message == NULL ? 0 : admin_walk_some(peer);

	if (result == 0 && peer->verb->end != NULL)
		result = peer->verb->end(peer);
	if (result >= 0 && (result == 0 || buffer_length(&peer->out) >= OUT_FULL)) {
		int error = peer_write_file(peer);

		result = error != 0 ? error : result;
	}
	return result;
}

static void
peer_send_progress(struct admin_peer *peer)
{
	struct wire_writer writer = channel_begin(peer->channel, QUEUE_PROGRESS, peer->request, -1);

	wire_put_u64(&writer, peer->looked_at);
	wire_put_u64(&writer, peer->call.id_count > 0 ? peer->call.id_count : store_count(peer->admin->hooks.store));
	(void)channel_send(peer->channel, &writer);
}

static void
peer_tell(struct admin_peer *peer)
{
	int64_t now = clock_monotonic_ms();

	if (now - peer->told < TELL_MS || channel_unsent(peer->channel) > 0)
		return;
	peer->told = now;
	peer_send_progress(peer);
}

static void
peer_settled(void *context)
{
	struct admin_settling *settling = context;

	if (settling->peer != NULL) {
		settling->peer->settling = NULL;
		peer_reply(settling->peer);
	}
	free(settling);
}

static void
peer_settle(struct admin_peer *peer)
{
	struct admin_settling *settling = malloc(sizeof(*settling));
	int error = -ENOMEM;

	TAILQ_REMOVE(&peer->admin->working, peer, work_link);
	peer->phase = ADMIN_SETTLING;
	if (settling != NULL) {
		*settling = (struct admin_settling){ .peer = peer };
		error = store_await(peer->admin->hooks.store, peer_settled, settling);
	}
	if (error == 0) {
		peer->settling = settling;
		return;
	}
	free(settling);
	peer_fail(peer, error);
	peer_reply(peer);
}

static void
admin_arm(struct admin *admin)
{
	/* By way of the timers, so that descriptors get their turn in between. */
	if (!TAILQ_EMPTY(&admin->working))
		event_add(admin->step, &(struct timeval){ 0 });
}

/* All that has happened is in the file; QUEUE_PROGRESS says so. */
static void
peer_follow(struct admin_peer *peer)
{
	TAILQ_REMOVE(&peer->admin->working, peer, work_link);
	peer->phase = ADMIN_FOLLOWING;
	peer_send_progress(peer);
}

void
admin_end_following(struct admin_peer *peer, int error)
{
	if (error != 0)
		peer_fail(peer, error);
	peer_reply(peer);
}

static void
admin_on_step(evutil_socket_t fd, short what, void *context)
{
	struct admin *admin = context;
	struct admin_peer *peer = TAILQ_FIRST(&admin->working);
	int result;

	(void)fd;
	(void)what;
	if (peer == NULL)
		return;
	result = peer_work(peer);
	if (result < 0)
		peer_fail(peer, result);
	if (result == 1) {
		TAILQ_REMOVE(&admin->working, peer, work_link);
		TAILQ_INSERT_TAIL(&admin->working, peer, work_link);
		peer_tell(peer);
	} else if (peer->verb->changes) {
		peer_settle(peer);
	} else if (peer->followed != 0 && result == 0) {
		peer_follow(peer);
	} else {
		peer_reply(peer);
	}
	admin_arm(admin);
}

/* ---- the beginning of a call ---- */

/* Only a regular file never makes us wait for a peer. */
static bool
file_is_allowed(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/* Takes the call's frame and file. 0, -EPROTO, -ENOMEM. */
static int
peer_take_call(struct admin_peer *peer, struct channel_frame *frame)
{
	struct wire_reader reader;

	buffer_init(&peer->payload, QUEUE_FRAME_MAX);
	if (buffer_append(&peer->payload, frame->body.next, wire_left(&frame->body)) != 0)
		return -ENOMEM;
	frame->body.next = frame->body.end; /* read from our copy */
	reader = wire_read(buffer_slice(&peer->payload));
	if (!queue_call_get(&reader, &peer->call) || verbs[peer->call.verb].name == NULL)
		return -EPROTO;
	peer->file = frame->fd;
	frame->fd = -1;
	peer->request = frame->request;
	peer->verb = &verbs[peer->call.verb];
	peer->reply = (struct queue_reply){ .status = QUEUE_OK };
	buffer_init(&peer->out, OUT_MAX);
	return 0;
}

static int
admin_on_call(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct admin_peer *peer = context;
	int error = file_is_allowed(frame->fd) ? peer_take_call(peer, frame) : -EBADF;

	if (error != 0)
		return error;
	channel_set_state(channel, STATE_BUSY);
	if ((peer->verb->choice && (peer->call.flags & QUEUE_ALL) == 0 && !admin_has_filter(&peer->call)) ||
	    (peer->verb->single && peer->call.id_count != 1)) {
		peer->reply.status = QUEUE_INVALID;
		strlcpy(peer->reply.message, "nothing says which messages are meant", sizeof(peer->reply.message));
		peer_reply(peer);
		return 0;
	}
	error = admin_walk_begin(peer);
	if (error != 0) {
		peer_fail(peer, error);
		peer_reply(peer);
		return 0;
	}
	peer->phase = ADMIN_WORKING;
	peer->told = clock_monotonic_ms();
	TAILQ_INSERT_TAIL(&peer->admin->working, peer, work_link);
	admin_arm(peer->admin);
	return 0;
}

/* ---- tools ---- */

static void
admin_on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	(void)error;
	peer_free(context);
}

static const struct channel_handler handlers[] = {
	{ QUEUE_CALL, 1 << STATE_IDLE, true, admin_on_call },
};

static const struct channel_protocol protocol = {
	.name = "queued-admin",
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = QUEUE_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
	.closed = admin_on_closed,
};

void
admin_accept(struct admin *admin, int fd)
{
	struct admin_peer *peer = admin->count < PEERS_MAX ? calloc(1, sizeof(*peer)) : NULL;

	if (peer == NULL) {
		close(fd);
		return;
	}
	peer->admin = admin;
	peer->file = -1;
	peer->channel = channel_new(admin->hooks.base, fd, &protocol, peer);
	if (peer->channel == NULL) {
		free(peer);
		return;
	}
	admin->count++;
	TAILQ_INSERT_TAIL(&admin->peers, peer, link);
}

struct admin *
admin_new(const struct admin_hooks *hooks)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	if (admin == NULL)
		return NULL;
	admin->hooks = *hooks;
	TAILQ_INIT(&admin->peers);
	TAILQ_INIT(&admin->working);
	history_watch(hooks->history, admin_trace_event, admin);
	admin->step = evtimer_new(hooks->base, admin_on_step, admin);
	if (admin->step == NULL) {
		free(admin);
		return NULL;
	}
	return admin;
}

void
admin_free(struct admin **admin_p)
{
	struct admin *admin = *admin_p;
	struct admin_peer *peer;

	*admin_p = NULL;
	if (admin == NULL)
		return;
	while ((peer = TAILQ_FIRST(&admin->peers)) != NULL) {
		channel_close(&peer->channel);
		peer_free(peer);
	}
	history_watch(admin->hooks.history, NULL, NULL);
	event_free(admin->step);
	free(admin);
}
