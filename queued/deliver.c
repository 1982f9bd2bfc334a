/*
 * Delivery workers: jobs go to the one with the fewest, as far as its credit goes, and come back as results.
 */
#include "queued/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/channel.h"
#include "queued/schedule_state.h"

enum {
	STATE_NEW = 0,
	STATE_READY = 1,
	REPLY_MAX = 256 * 1024,          /* bytes of a reply's payload: 100 targets with text */
	OUTPUT_MAX = 32 * 1024 * 1024,   /* unsent bytes to one worker */
	OUTPUT_ENOUGH = 8 * 1024 * 1024, /* unsent bytes after which a worker gets nothing more for now */
};

struct worker {
	TAILQ_ENTRY(worker) link;
	struct deliver *deliver;
	struct channel *channel;
	uint32_t credit;       /* jobs that it will hold at once */
	uint32_t busy;         /* jobs that it holds */
	uint32_t last_request;
	TAILQ_HEAD(, job) jobs;
};

struct deliver {
	struct transport transport; /* first */
	struct event_base *base;
	void (*ready)(void *context);
	void *context;
	TAILQ_HEAD(, worker) workers;
};

/* ---- choosing ---- */

/* The worker with the fewest jobs among those that can take one. */
static struct worker *
deliver_pick(const struct deliver *deliver)
{
	struct worker *worker, *best = NULL;

	TAILQ_FOREACH(worker, &deliver->workers, link) {
		if (worker->busy >= worker->credit || channel_unsent(worker->channel) > OUTPUT_ENOUGH)
			continue;
		if (best == NULL || worker->busy < best->busy)
			best = worker;
	}
	return best;
}

static bool
deliver_ready(struct transport *transport)
{
	return deliver_pick((struct deliver *)(void *)transport) != NULL;
}

/* ---- sending ---- */

static uint8_t
job_flags(const struct envelope *envelope)
{
	return (uint8_t)(((envelope->flags & ENVELOPE_SMTPUTF8) != 0 ? DELIVER_SMTPUTF8 : 0) |
	                 ((envelope->flags & ENVELOPE_8BITMIME) != 0 ? DELIVER_8BIT : 0));
}

static void
job_put(struct wire_writer *writer, const struct job *job, struct slice body)
{
	const struct active *active = job->consignment->active;
	const struct target *target;

	wire_put_u64(writer, active->message->id);
	wire_put_u64(writer, (uint64_t)active->message->arrival);
	wire_put_slice(writer, active->envelope.sender);
	wire_put_u8(writer, job_flags(&active->envelope));
	wire_put_u64(writer, active->message->body_size);
	wire_put_slice(writer, body);
	wire_put_u32(writer, job->count);
	STAILQ_FOREACH(target, &job->targets, link) {
		wire_put_slice(writer, target->path);
		wire_put_u64(writer, target->quota);
		wire_put_slice(writer, target->folder);
		wire_put_slice(writer, target->address);
		wire_put_slice(writer, active_original_recipient(active, target->index));
	}
}

static int
deliver_send(struct transport *transport, struct job *job)
{
	struct deliver *deliver = (struct deliver *)(void *)transport;
	struct worker *worker = deliver_pick(deliver);
	struct active *active = job->consignment->active;
	struct wire_writer writer;
	int fd = -1;
	int error;

	if (worker == NULL)
		return -EAGAIN;
	error = active_load(active);
	if (error != 0)
		return error;
	if (active->message->body_in_file) {
		fd = store_open_body(active->schedule->hooks.store, active->message->id);
		if (fd < 0)
			return fd == -EAGAIN ? -EIO : fd;
	}
	job->request = ++worker->last_request;
	writer = channel_begin(worker->channel, fd < 0 ? DELIVER_JOB : DELIVER_JOB_FILE, job->request, fd);
	job_put(&writer, job, fd < 0 ? active_body(active) : SLICE(""));
	error = channel_send(worker->channel, &writer);
	if (error != 0)
		return -EAGAIN; /* its channel breaks, or it must first take what is there */
	TAILQ_INSERT_TAIL(&worker->jobs, job, link);
	worker->busy++;
	return 0;
}

/* ---- what workers say ---- */

static int
deliver_on_ready(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	uint32_t credit = wire_get_u32(&frame->body);

	if (!wire_done(&frame->body) || credit == 0 || credit > DELIVER_CREDIT_MAX)
		return -EPROTO;
	worker->credit = credit;
	channel_set_state(channel, STATE_READY);
	log_event(LOG_NOTICE, "queue.worker_ready", LOG_UINT("credit", credit));
	worker->deliver->ready(worker->deliver->context);
	return 0;
}

int
deliver_check_reply(const struct wire_reader *reader, uint32_t count)
{
	struct wire_reader copy = *reader;

	if (wire_get_u32(&copy) != count)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t result = wire_get_u8(&copy);
		struct slice status = wire_get_slice(&copy);
		struct slice text = wire_get_slice(&copy);

		if (copy.bad || result > DELIVER_PERMANENT || status.length >= DELIVER_TEXT_MAX || text.length >= DELIVER_TEXT_MAX)
			return -EPROTO;
	}
	return wire_done(&copy) ? 0 : -EPROTO;
}

static struct job *
worker_find_job(const struct worker *worker, uint32_t request)
{
	struct job *job;

	TAILQ_FOREACH(job, &worker->jobs, link)
		if (job->request == request)
			return job;
	return NULL;
}

static int
deliver_on_reply(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	struct job *job = worker_find_job(worker, frame->request);
	struct target *target;

	(void)channel;
	if (job == NULL || deliver_check_reply(&frame->body, job->count) != 0)
		return -EPROTO;
	TAILQ_REMOVE(&worker->jobs, job, link);
	worker->busy--;
	wire_get_u32(&frame->body);
	STAILQ_FOREACH(target, &job->targets, link) {
		enum job_result result = wire_get_u8(&frame->body);
		struct verdict verdict = { .status = wire_get_slice(&frame->body) };

		verdict.text = wire_get_slice(&frame->body);
		job_result(job, target, result, &verdict);
	}
	job_end(job);
	worker->deliver->ready(worker->deliver->context);
	return 0;
}

static void
deliver_on_drained(struct channel *channel, void *context)
{
	struct worker *worker = context;

	(void)channel;
	worker->deliver->ready(worker->deliver->context);
}

static void
worker_free(struct worker *worker)
{
	struct job *job;

	TAILQ_REMOVE(&worker->deliver->workers, worker, link);
	while ((job = TAILQ_FIRST(&worker->jobs)) != NULL) {
		TAILQ_REMOVE(&worker->jobs, job, link);
		job_lost(job);
	}
	free(worker);
}

static void
deliver_on_closed(struct channel *channel, void *context, int error)
{
	struct worker *worker = context;
	struct deliver *deliver = worker->deliver;

	(void)channel;
	log_event(LOG_NOTICE, "queue.worker_gone", LOG_UINT("jobs", worker->busy), LOG_ERROR(error));
	worker_free(worker);
	deliver->ready(deliver->context);
}

static const struct channel_handler handlers[] = {
	{ DELIVER_READY, 1 << STATE_NEW, false, deliver_on_ready },
	{ DELIVER_REPLY, 1 << STATE_READY, false, deliver_on_reply },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };
static const struct channel_protocol protocol = {
	.name = "queued-deliverd",
	.count = &channels,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = REPLY_MAX,
	.output_limit = OUTPUT_MAX,
	.closed = deliver_on_closed,
	.drained = deliver_on_drained,
};

/* ---- workers ---- */

void
deliver_accept(struct deliver *deliver, int fd)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		close(fd);
		return;
	}
	worker->deliver = deliver;
	TAILQ_INIT(&worker->jobs);
	worker->channel = channel_new(deliver->base, fd, &protocol, worker);
	if (worker->channel == NULL) {
		free(worker);
		return;
	}
	TAILQ_INSERT_TAIL(&deliver->workers, worker, link);
}

struct deliver *
deliver_new(struct event_base *base, void (*ready)(void *context), void *context)
{
	struct deliver *deliver = calloc(1, sizeof(*deliver));

	if (deliver == NULL)
		return NULL;
	deliver->transport = (struct transport){ .ready = deliver_ready, .send = deliver_send };
	deliver->base = base;
	deliver->ready = ready;
	deliver->context = context;
	TAILQ_INIT(&deliver->workers);
	return deliver;
}

void
deliver_free(struct deliver **deliver)
{
	struct worker *worker;

	if (*deliver == NULL)
		return;
	while ((worker = TAILQ_FIRST(&(*deliver)->workers)) != NULL) {
		channel_close(&worker->channel);
		worker_free(worker);
	}
	free(*deliver);
	*deliver = NULL;
}

struct transport *
deliver_transport(struct deliver *deliver)
{
	return &deliver->transport;
}
