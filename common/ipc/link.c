/*
 * A link: numbered requests over a channel that comes from the parent and comes back when it breaks.
 *
 * A request id is a slot of the table (low 20 bits, plus one) and the slot's generation (high 12 bits), so that a late reply
 * to a request that was given up is told apart from the reply to its successor.
 */
#include "common/ipc/link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/proc/process.h"

enum {
	SLOT_BITS = 20,
	SLOTS_MAX = (1 << SLOT_BITS) - 1,
	RETRY_FIRST_MS = 50,
	RETRY_LAST_MS = 1000,
};

struct request {
	TAILQ_ENTRY(request) next;
	link_reply *reply; /* NULL: nobody waits any more, or the slot is free */
	void *context;
	int64_t deadline; /* clock_monotonic_ms */
	uint32_t slot;
	uint32_t generation; /* 12 bits */
	bool busy;
};

TAILQ_HEAD(request_list, request);

struct link {
	struct process *process;
	const struct link_protocol *protocol;
	void *context;
	struct channel_protocol channel_protocol;
	struct channel *channel; /* NULL while down */
	struct event *timer;     /* asks for the channel again */
	struct event *deadline;  /* of the oldest request */
	uint32_t retry_ms;
	bool asking;
	bool freed; /* while the parent's answer is still to come */
	struct request **slots;
	size_t slot_count;
	struct request_list idle;
	struct request_list waiting; /* oldest first */
	uint32_t begun_request;      /* id of the frame begun, 0 none */
};

static void link_ask(struct link *link);

static struct request *
link_find(struct link *link, uint32_t id)
{
	uint32_t slot = (id & SLOTS_MAX) - 1;
	struct request *request;

	if ((id & SLOTS_MAX) == 0 || slot >= link->slot_count)
		return NULL;
	request = link->slots[slot];
	return request->busy && request->generation == id >> SLOT_BITS ? request : NULL;
}

static uint32_t
request_id(const struct request *request)
{
	return request->generation << SLOT_BITS | (request->slot + 1);
}

static int
link_more_slots(struct link *link)
{
	size_t count = link->slot_count == 0 ? 64 : link->slot_count * 2;
	struct request **slots;

	if (link->slot_count >= SLOTS_MAX / 2)
		return -ENOBUFS;
	slots = reallocarray(link->slots, count, sizeof(struct request *));
	if (slots == NULL)
		return -ENOMEM;
	link->slots = slots;
	while (link->slot_count < count) {
		struct request *request = calloc(1, sizeof(*request));

		if (request == NULL)
			break;
		request->slot = (uint32_t)link->slot_count;
		link->slots[link->slot_count++] = request;
		TAILQ_INSERT_TAIL(&link->idle, request, next);
	}
	return TAILQ_EMPTY(&link->idle) ? -ENOMEM : 0;
}

/* Frees the slot and returns what is to be called. */
static struct request
link_finish(struct link *link, struct request *request)
{
	struct request copy = *request;

	TAILQ_REMOVE(&link->waiting, request, next);
	TAILQ_INSERT_HEAD(&link->idle, request, next);
	request->busy = false;
	request->reply = NULL;
	request->generation = (request->generation + 1) & 0xfff;
	return copy;
}

static int
link_on_reply(struct link *link, struct channel_frame *frame)
{
	struct request *request = link_find(link, frame->request);
	struct request done;

	if (request != NULL) {
		done = link_finish(link, request);
		if (done.reply != NULL)
			return done.reply(done.context, 0, frame);
	}
	frame->body.next = frame->body.end; /* nobody waits for it any more */
	return 0;
}

/* A frame of the table is a question or a notice of the peer, whatever its id; any other is a reply. */
static int
link_on_frame(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct link *link = context;
	int error = channel_dispatch(channel, link->protocol->handlers, link->protocol->handler_count, link->context, frame);

	if (error == -ENOSYS && frame->request != 0)
		return link_on_reply(link, frame);
	return error;
}

static void
link_fail_all(struct link *link, int status)
{
	struct request *request;

	/* Only those of now: a callback may send a new one, which fails at once while the channel is down. */
	while ((request = TAILQ_FIRST(&link->waiting)) != NULL) {
		struct request done = link_finish(link, request);

		if (done.reply != NULL)
			done.reply(done.context, status, NULL);
	}
}

static void
link_retry_later(struct link *link)
{
	struct timeval delay = { .tv_sec = link->retry_ms / 1000, .tv_usec = (link->retry_ms % 1000) * 1000 };

	event_add(link->timer, &delay);
	link->retry_ms = link->retry_ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : link->retry_ms * 2;
}

static void
link_lost(struct link *link, int error)
{
	link->channel = NULL;
	log_event(LOG_NOTICE, "link.down", LOG_STRING("channel", link->protocol->channel), LOG_ERROR(error));
	link_fail_all(link, -ECONNRESET);
	if (link->protocol->down != NULL)
		link->protocol->down(link, link->context);
	link_retry_later(link);
}

static void
link_on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	link_lost(context, error);
}

static void
link_destroy(struct link *link)
{
	for (size_t i = 0; i < link->slot_count; i++)
		free(link->slots[i]);
	free(link->slots);
	if (link->timer != NULL)
		event_free(link->timer);
	if (link->deadline != NULL)
		event_free(link->deadline);
	free(link);
}

static void
link_on_received(void *context, int fd)
{
	struct link *link = context;

	link->asking = false;
	if (link->freed) {
		if (fd >= 0)
			close(fd);
		link_destroy(link);
		return;
	}
	if (fd >= 0)
		link->channel = channel_new(process_base(link->process), fd, &link->channel_protocol, link);
	if (link->channel == NULL) {
		link_retry_later(link);
		return;
	}
	link->retry_ms = RETRY_FIRST_MS;
	if (link->protocol->up != NULL)
		link->protocol->up(link, link->context);
}

static void
link_ask(struct link *link)
{
	if (link->asking || link->channel != NULL)
		return;
	link->asking = true;
	if (process_request_channel(link->process, link->protocol->channel, link_on_received, link) != 0) {
		link->asking = false;
		link_retry_later(link);
	}
}

static void
link_on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	link_ask(context);
}

static void
link_arm_deadline(struct link *link)
{
	struct request *oldest = TAILQ_FIRST(&link->waiting);
	int64_t wait;

	if (oldest == NULL || link->protocol->timeout_ms == 0)
		return;
	wait = oldest->deadline - clock_monotonic_ms();
	if (wait < 1)
		wait = 1;
	event_add(link->deadline, &(struct timeval){ .tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000 });
}

static void
link_on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct link *link = context;
	int64_t now = clock_monotonic_ms();
	struct request *request;

	(void)fd;
	(void)what;
	while ((request = TAILQ_FIRST(&link->waiting)) != NULL && request->deadline <= now) {
		struct request done = link_finish(link, request);

		if (done.reply == NULL)
			continue;
		log_event(LOG_WARNING, "link.timeout", LOG_STRING("channel", link->protocol->channel));
		done.reply(done.context, -ETIMEDOUT, NULL);
	}
	link_arm_deadline(link);
}

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->process = process;
	link->protocol = protocol;
	link->context = context;
	link->retry_ms = RETRY_FIRST_MS;
	link->channel_protocol = (struct channel_protocol){
		.name = protocol->channel,
		.any = link_on_frame,
		.input_limit = protocol->input_limit,
		.output_limit = protocol->output_limit,
		.secret = protocol->secret,
		.closed = link_on_closed,
	};
	TAILQ_INIT(&link->idle);
	TAILQ_INIT(&link->waiting);
	link->timer = evtimer_new(process_base(process), link_on_timer, link);
	link->deadline = evtimer_new(process_base(process), link_on_deadline, link);
	if (link->timer == NULL || link->deadline == NULL) {
		link_destroy(link);
		return NULL;
	}
	link_ask(link);
	return link;
}

void
link_free(struct link **link_p)
{
	struct link *link = *link_p;

	*link_p = NULL;
	if (link == NULL)
		return;
	channel_close(&link->channel);
	link_fail_all(link, -ECONNRESET);
	if (link->asking) {
		link->freed = true;
		event_del(link->timer);
		event_del(link->deadline);
		return;
	}
	link_destroy(link);
}

bool
link_is_up(const struct link *link)
{
	return link->channel != NULL;
}

void
link_break(struct link *link)
{
	if (link->channel == NULL)
		return;
	channel_close(&link->channel);
	link_lost(link, -EPIPE);
}

struct channel *
link_channel(struct link *link)
{
	return link->channel;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	struct request *request;
	int error = link->channel == NULL ? -ENOTCONN : 0;

	if (error == 0 && TAILQ_EMPTY(&link->idle))
		error = link_more_slots(link);
	if (error != 0) {
		if (fd >= 0)
			close(fd);
		link->begun_request = 0;
		return (struct wire_writer){ .error = error };
	}
	request = TAILQ_FIRST(&link->idle);
	link->begun_request = request_id(request);
	return channel_begin(link->channel, type, link->begun_request, fd);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	bool first = TAILQ_EMPTY(&link->waiting);
	struct request *request;
	int error;

	if (writer->out == NULL)
		return writer->error;
	error = channel_send(link->channel, writer);
	if (error != 0)
		return error;
	request = TAILQ_FIRST(&link->idle);
	TAILQ_REMOVE(&link->idle, request, next);
	TAILQ_INSERT_TAIL(&link->waiting, request, next);
	request->busy = true;
	request->reply = reply;
	request->context = context;
	request->deadline = link->protocol->timeout_ms == 0 ? 0 : clock_monotonic_ms() + link->protocol->timeout_ms;
	if (request_r != NULL)
		*request_r = link->begun_request;
	if (first)
		link_arm_deadline(link);
	return 0;
}

void
link_cancel(struct link *link, uint32_t id)
{
	struct request *request = link_find(link, id);

	if (request != NULL)
		request->reply = NULL;
}
