/*
 * Taking messages from smtpd: channels, queue ids, and bodies in files. The messages themselves are in submission.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "queued/submit_state.h"

enum {
	OUTPUT_MAX = 4 * 1024 * 1024, /* unsent bytes to one worker: small replies, one for each message under way */
	BODIES_MAX = 16 * 1024,       /* files that one worker may have open: more than it may have sessions */
};

static int
body_compare(const struct body *a, const struct body *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(body_tree, body, link, body_compare)

/* ---- workers ---- */

void
worker_leave(struct worker *worker)
{
	struct submit *submit = worker->submit;

	if (worker->channel != NULL || worker->submissions > 0)
		return;
	TAILQ_REMOVE(&submit->workers, worker, link);
	free(worker);
	if (submit->closed && TAILQ_EMPTY(&submit->workers))
		free(submit);
}

void
worker_gone(struct worker *worker)
{
	struct body *body;

	worker->channel = NULL;
	while ((body = RB_MIN(body_tree, &worker->bodies)) != NULL) {
		store_remove_body(worker->submit->hooks.store, body->id);
		worker_forget_body(worker, body);
	}
	ids_free(&worker->ids);
	worker_leave(worker);
}

int
worker_reply(struct worker *worker, uint16_t type, uint32_t request, int fd, enum submit_result result)
{
	struct wire_writer writer = channel_begin(worker->channel, type, request, fd);

	wire_put_u8(&writer, (uint8_t)result);
	return channel_send(worker->channel, &writer);
}

static int
worker_send_ids(struct worker *worker, uint32_t request)
{
	uint64_t first = store_take_ids(worker->submit->hooks.store, clock_wall_us(), SUBMIT_IDS_COUNT);
	struct wire_writer writer;
	int error = ids_grant(&worker->ids, first);

	if (error != 0)
		return error;
	writer = channel_begin(worker->channel, SUBMIT_IDS, request, -1);
	wire_put_u64(&writer, first);
	wire_put_u32(&writer, SUBMIT_IDS_COUNT);
	return channel_send(worker->channel, &writer);
}

/* It need not arrive: what a worker submits without knowing is refused then. */
static void
worker_tell_space(struct worker *worker)
{
	struct wire_writer writer = channel_begin(worker->channel, SUBMIT_SPACE, 0, -1);

	wire_put_u8(&writer, worker->submit->refuse ? 0 : 1);
	(void)channel_send(worker->channel, &writer);
}

const struct config *
worker_config(const struct worker *worker)
{
	return worker->submit->hooks.config(worker->submit->hooks.context);
}

struct body *
worker_find_body(struct worker *worker, uint64_t id)
{
	return RB_FIND(body_tree, &worker->bodies, &(struct body){ .id = id });
}

void
worker_forget_body(struct worker *worker, struct body *body)
{
	RB_REMOVE(body_tree, &worker->bodies, body);
	worker->body_count--;
	free(body);
}

enum submit_result
submit_result_of(int error)
{
	return error == 0 ? SUBMIT_OK : error == -ENOSPC || error == -EDQUOT ? SUBMIT_NO_SPACE : SUBMIT_TEMPORARY;
}

/* ---- ids and bodies ---- */

static int
submit_on_ids_more(struct channel *channel, void *context, struct channel_frame *frame)
{
	(void)channel;
	return worker_send_ids(context, frame->request);
}

static bool
submit_has_space(struct submit *submit, uint64_t size)
{
	submit_look(submit);
	return !submit->refuse && size <= submit->space;
}

static int
worker_open_body(struct worker *worker, uint64_t id)
{
	struct body *body = worker->body_count < BODIES_MAX ? malloc(sizeof(*body)) : NULL;
	int fd;

	if (body == NULL)
		return -ENOMEM;
	fd = store_create_body(worker->submit->hooks.store, id);
	if (fd < 0) {
		free(body);
		return fd;
	}
	body->id = id;
	RB_INSERT(body_tree, &worker->bodies, body);
	worker->body_count++;
	return fd;
}

static int
submit_on_body_open(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	uint64_t id = wire_get_u64(&frame->body);
	uint64_t size = wire_get_u64(&frame->body);
	enum submit_result result = SUBMIT_OK;
	int fd = -1;
	int used;

	(void)channel;
	if (!wire_done(&frame->body))
		return -EPROTO;
	used = ids_use(&worker->ids, id);
	if (used == -EPROTO)
		return used;
	if (used != 0)
		result = SUBMIT_TEMPORARY;
	else if (size > submit_body_limit(worker_config(worker)->message_size_limit))
		result = SUBMIT_TOO_BIG;
	else if (!submit_has_space(worker->submit, size))
		result = SUBMIT_NO_SPACE;
	else
		fd = worker_open_body(worker, id);
	if (result == SUBMIT_OK && fd < 0) {
		log_event(LOG_ERR, "queue.body_not_opened", LOG_ERROR(fd));
		result = submit_result_of(fd);
	}
	if (result != SUBMIT_OK)
		return worker_reply(worker, SUBMIT_BODY_REFUSED, frame->request, -1, result);
	return worker_reply(worker, SUBMIT_BODY_OPENED, frame->request, fd, result);
}

static int
submit_on_body_abort(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	uint64_t id = wire_get_u64(&frame->body);
	struct body *body = worker_find_body(worker, id);

	(void)channel;
	if (!wire_done(&frame->body))
		return -EPROTO;
	if (body == NULL) /* it was refused, or its message was */
		return ids_contain(&worker->ids, id) ? 0 : -EPROTO;
	store_remove_body(worker->submit->hooks.store, id);
	worker_forget_body(worker, body);
	return 0;
}

/* ---- channels ---- */

static void
submit_on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	log_event(LOG_NOTICE, "queue.submitter_gone", LOG_ERROR(error));
	worker_gone(context);
}

static const struct channel_handler handlers[] = {
	{ SUBMIT_IDS_MORE, CHANNEL_ANY, false, submit_on_ids_more },
	{ SUBMIT_BODY_OPEN, CHANNEL_ANY, false, submit_on_body_open },
	{ SUBMIT_BODY_ABORT, CHANNEL_ANY, false, submit_on_body_abort },
	{ SUBMIT_MESSAGE, CHANNEL_ANY, false, submit_on_message },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };
static const struct channel_protocol protocol = {
	.name = "queued-smtpd",
	.count = &channels,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = SUBMIT_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
	.closed = submit_on_closed,
};

void
submit_accept(struct submit *submit, int fd)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		close(fd);
		return;
	}
	worker->submit = submit;
	ids_init(&worker->ids);
	RB_INIT(&worker->bodies);
	worker->channel = channel_new(submit->hooks.base, fd, &protocol, worker);
	if (worker->channel == NULL) {
		free(worker);
		return;
	}
	TAILQ_INSERT_TAIL(&submit->workers, worker, link);
	if (worker_send_ids(worker, 0) != 0) {
		channel_close(&worker->channel);
		worker_gone(worker);
	} else if (submit->refuse) {
		worker_tell_space(worker);
	}
}

void
submit_look(struct submit *submit)
{
	const uint64_t reserve = submit->hooks.config(submit->hooks.context)->spool_reserve;
	struct worker *worker;
	uint64_t bytes;

	if (store_free_space(submit->hooks.store, &bytes) != 0)
		return;
	submit->space = bytes < reserve ? 0 : bytes - reserve;
	if (submit->refuse == (bytes < reserve))
		return;
	submit->refuse = bytes < reserve;
	store_set_space_short(submit->hooks.store, submit->refuse);
	log_event(submit->refuse ? LOG_ERR : LOG_NOTICE, submit->refuse ? "queue.space_short" : "queue.space_enough",
	          LOG_UINT("free", bytes));
	TAILQ_FOREACH(worker, &submit->workers, link)
		if (worker->channel != NULL)
			worker_tell_space(worker);
}

struct submit *
submit_new(const struct submit_hooks *hooks)
{
	struct submit *submit = calloc(1, sizeof(*submit));

	if (submit == NULL)
		return NULL;
	submit->hooks = *hooks;
	TAILQ_INIT(&submit->workers);
	return submit;
}

void
submit_close(struct submit **submit_p)
{
	struct submit *submit = *submit_p;
	struct worker *worker, *next;

	*submit_p = NULL;
	if (submit == NULL)
		return;
	for (worker = TAILQ_FIRST(&submit->workers); worker != NULL; worker = next) {
		next = TAILQ_NEXT(worker, link);
		channel_close(&worker->channel);
		worker_gone(worker);
	}
	submit->closed = true;
	if (TAILQ_EMPTY(&submit->workers))
		free(submit);
}
