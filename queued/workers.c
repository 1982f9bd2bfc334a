/*
 * Workers that take jobs over a channel, as far as their credit goes.
 */
#include "queued/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/checksum.h"
#include "common/base/log.h"
#include "common/ipc/proto_jobs.h"
#include "common/mail/queueid.h"
#include "queued/schedule_state.h"

enum {
	STATE_NEW = 0,                   /* of a channel */
	STATE_READY = 1,
	REPLY_MAX = 256 * 1024,          /* bytes of a reply's payload: 100 targets with text */
	OUTPUT_MAX = 32 * 1024 * 1024,   /* unsent bytes to one worker */
	OUTPUT_ENOUGH = 8 * 1024 * 1024, /* unsent bytes after which a worker gets nothing more for now */
	BUSY_ENOUGH = 128,               /* jobs of a worker before another one is given any */
	SLOT_BITS = 12,                  /* of a request id, below a number that changes with each use of the slot */
};

_Static_assert((int)WORKERS_CREDIT_MAX <= 1 << SLOT_BITS, "each job has a slot");

struct worker {
	TAILQ_ENTRY(worker) link;
	struct workers *workers;
	struct channel *channel;
	uint64_t serial;      /* unlike that of any other */
	unsigned silent;      /* looks since it was heard of */
	uint32_t credit;      /* jobs that it will hold at once */
	uint32_t busy;        /* jobs that it holds */
	uint32_t last_use;    /* number of jobs that it was given, as far as it fits in a request id */
	struct job **jobs;    /* CREDIT slots; NULL: free */
	uint16_t *free_slots; /* the first CREDIT - BUSY of them are numbers of free slots */
};

struct workers {
	struct transport transport; /* first */
	const struct workers_protocol *protocol;
	struct channel_protocol channel;
	struct channel_count count;
	struct event_base *base;
	void (*ready)(void *context);
	void *context;
	uint64_t last_serial;
	TAILQ_HEAD(, worker) list;
};

/* ---- choosing ---- */

static bool
worker_can_take(const struct worker *worker)
{
	return worker->busy < worker->credit && channel_unsent(worker->channel) <= OUTPUT_ENOUGH;
}

/*
 * Which worker a destination prefers: the one with the highest score (rendezvous hashing). So it comes back to the same one, whose connections it can
 * use again, without anybody keeping a note; and a worker that comes or goes changes that only for its own share.
 */
static uint64_t
worker_score(const struct worker *worker, uint32_t checksum)
{
	uint64_t score = (worker->serial << 32 ^ checksum) * UINT64_C(0x9e3779b97f4a7c15);

	return score ^ score >> 32;
}

static struct worker *
pick_sticky(const struct workers *workers, const char *key)
{
	uint32_t checksum = checksum_crc32c(0, key, strlen(key));
	struct worker *worker, *best = NULL;

	TAILQ_FOREACH(worker, &workers->list, link)
		if (worker_can_take(worker) && (best == NULL || worker_score(worker, checksum) > worker_score(best, checksum)))
			best = worker;
	return best;
}

/* The first one that has not enough to do, since what is with one worker becomes durable together; else the one with the fewest jobs. */
static struct worker *
pick_busy(const struct workers *workers)
{
	struct worker *worker, *best = NULL;

	TAILQ_FOREACH(worker, &workers->list, link) {
		if (!worker_can_take(worker))
			continue;
		if (worker->busy < BUSY_ENOUGH)
			return worker;
		if (best == NULL || worker->busy < best->busy)
			best = worker;
	}
	return best;
}

static bool
workers_ready(struct transport *transport)
{
	return pick_busy((struct workers *)(void *)transport) != NULL;
}

/* ---- jobs ---- */

static void
worker_keep_job(struct worker *worker, struct job *job)
{
	uint16_t slot = worker->free_slots[worker->credit - worker->busy - 1];

	worker->busy++;
	worker->jobs[slot] = job;
	job->request = ++worker->last_use << SLOT_BITS | slot;
}

static void
worker_drop_job(struct worker *worker, uint16_t slot)
{
	worker->jobs[slot] = NULL;
	worker->busy--;
	worker->free_slots[worker->credit - worker->busy - 1] = slot;
}

static int
worker_send(struct worker *worker, struct job *job, int fd)
{
	const struct workers_protocol *protocol = worker->workers->protocol;
	struct wire_writer writer = channel_begin(worker->channel, fd < 0 ? JOBS_JOB : JOBS_JOB_FILE, job->request, fd);

	protocol->put(&writer, job, fd < 0 ? job->consignment->active->payload.body : SLICE(""));
	return channel_send(worker->channel, &writer);
}

static int
workers_open_body(struct active *active)
{
	int fd = store_open_body(active->schedule->hooks.store, active->message->id);
	char name[QUEUEID_SIZE];

	if (fd < 0) {
		queueid_format(active->message->id, name);
		log_event(LOG_ERR, "queue.body_unreadable", LOG_STRING("id", name), LOG_ERROR(fd));
		if (fd == -ENOENT)
			active_doubt(active);
	}
	return fd;
}

static int
workers_send(struct transport *transport, struct job *job)
{
	const struct workers *workers = (struct workers *)(void *)transport;
	struct worker *worker = workers->protocol->sticky ? pick_sticky(workers, job->consignment->destination->key) : pick_busy(workers);
	struct active *active = job->consignment->active;
	int fd = -1;
	int error;

	if (worker == NULL)
		return -EAGAIN;
	error = active_load(active);
	if (error != 0)
		return error;
	if (active->message->body_in_file) {
		fd = workers_open_body(active);
		if (fd < 0)
			return fd == -EAGAIN ? -EIO : fd;
	}
	worker_keep_job(worker, job);
	error = worker_send(worker, job, fd);
	if (error != 0) {
		worker_drop_job(worker, job->request & (WORKERS_CREDIT_MAX - 1));
		return -EAGAIN; /* its channel breaks, or it must first take what is there */
	}
	return 0;
}

/* ---- what workers say ---- */

int
workers_check_results(struct wire_reader *reader, uint32_t count)
{
	if (wire_get_u32(reader) != count)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t result = wire_get_u8(reader);
		struct slice status = wire_get_slice(reader);
		struct slice text = wire_get_slice(reader);

		if (reader->bad || result > JOB_DAMAGED || status.length >= JOBS_TEXT_MAX || text.length >= JOBS_TEXT_MAX)
			return -EPROTO;
	}
	return wire_done(reader) ? 0 : -EPROTO;
}

static int
worker_make_slots(struct worker *worker, uint32_t credit)
{
	worker->jobs = calloc(credit, sizeof(struct job *));
	worker->free_slots = calloc(credit, sizeof(uint16_t));
	if (worker->jobs == NULL || worker->free_slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < credit; i++)
		worker->free_slots[i] = (uint16_t)(credit - 1 - i);
	worker->credit = credit;
	return 0;
}

static int
worker_on_ready(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	struct workers *workers = worker->workers;
	uint32_t credit = wire_get_u32(&frame->body);
	int error;

	worker->silent = 0;
	if (!wire_done(&frame->body) || credit == 0 || credit > workers->protocol->credit_max)
		return -EPROTO;
	error = worker_make_slots(worker, credit);
	if (error != 0)
		return error;
	workers->transport.capacity += credit;
	channel_set_state(channel, STATE_READY);
	log_event(LOG_NOTICE, "queue.worker_ready", LOG_STRING("channel", workers->protocol->channel), LOG_UINT("credit", credit));
	workers->ready(workers->context);
	return 0;
}

static int
worker_on_reply(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	const struct workers_protocol *protocol = worker->workers->protocol;
	uint16_t slot = frame->request & (WORKERS_CREDIT_MAX - 1);
	struct job *job = slot < worker->credit ? worker->jobs[slot] : NULL;

	(void)channel;
	worker->silent = 0;
	if (job == NULL || job->request != frame->request || protocol->check(&frame->body, job->count) != 0)
		return -EPROTO;
	worker_drop_job(worker, slot);
	protocol->take(job, &frame->body);
	job_end(job);
	worker->workers->ready(worker->workers->context);
	return 0;
}

static int
worker_on_alive(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;

	(void)channel;
	(void)frame;
	worker->silent = 0;
	return 0;
}

static void
worker_on_drained(struct channel *channel, void *context)
{
	struct worker *worker = context;

	(void)channel;
	worker->workers->ready(worker->workers->context);
}

/* What becomes of its jobs is LOSE's. */
static void
worker_free(struct worker *worker, void (*lose)(struct job *job))
{
	TAILQ_REMOVE(&worker->workers->list, worker, link);
	worker->workers->transport.capacity -= worker->credit;
	for (uint32_t i = 0; i < worker->credit; i++)
		if (worker->jobs[i] != NULL)
			lose(worker->jobs[i]);
	free(worker->jobs);
	free(worker->free_slots);
	free(worker);
}

static void
worker_on_closed(struct channel *channel, void *context, int error)
{
	struct worker *worker = context;
	struct workers *workers = worker->workers;

	(void)channel;
	log_event(LOG_NOTICE, "queue.worker_gone", LOG_STRING("channel", workers->protocol->channel),
	          LOG_UINT("jobs", worker->busy), LOG_ERROR(error));
	worker_free(worker, job_lost);
	workers->ready(workers->context);
}

static const struct channel_handler handlers[] = {
	{ JOBS_READY, 1 << STATE_NEW, false, worker_on_ready },
	{ JOBS_REPLY, 1 << STATE_READY, false, worker_on_reply },
	{ JOBS_ALIVE, 1 << STATE_READY, false, worker_on_alive },
};

/* ---- all of them ---- */

/* It may have done what it was given, without having said so. */
static void
worker_give_up(struct worker *worker)
{
	log_event(LOG_ERR, "queue.worker_hung", LOG_STRING("channel", worker->workers->protocol->channel), LOG_UINT("jobs", worker->busy),
	          LOG_UINT("silent", JOBS_SILENCE_S), LOG_STRING("what", "its jobs are deferred, and may be done twice"));
	channel_close(&worker->channel);
	worker_free(worker, job_unanswered);
}

void
workers_look(struct workers *workers)
{
	struct worker *worker, *next;
	bool changed = false;

	TAILQ_FOREACH_SAFE(worker, &workers->list, link, next) {
		if (++worker->silent <= JOBS_SILENCE_LOOKS)
			continue;
		worker_give_up(worker);
		changed = true;
	}
	if (changed)
		workers->ready(workers->context);
}

void
workers_accept(struct workers *workers, int fd)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		close(fd);
		return;
	}
	worker->workers = workers;
	worker->serial = ++workers->last_serial;
	worker->channel = channel_new(workers->base, fd, &workers->channel, worker);
	if (worker->channel == NULL) {
		free(worker);
		return;
	}
	TAILQ_INSERT_TAIL(&workers->list, worker, link);
}

struct workers *
workers_new(const struct workers_protocol *protocol, struct event_base *base, void (*ready)(void *context), void *context)
{
	struct workers *workers = calloc(1, sizeof(*workers));

	if (workers == NULL)
		return NULL;
	workers->transport = (struct transport){ .ready = workers_ready, .send = workers_send };
	workers->protocol = protocol;
	workers->count.most = CHANNEL_PEERS_MAX;
	workers->channel = (struct channel_protocol){
		.name = protocol->channel,
		.count = &workers->count,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.input_limit = REPLY_MAX,
		.output_limit = OUTPUT_MAX,
		.secret = protocol->secret,
		.closed = worker_on_closed,
		.drained = worker_on_drained,
	};
	workers->base = base;
	workers->ready = ready;
	workers->context = context;
	TAILQ_INIT(&workers->list);
	return workers;
}

void
workers_free(struct workers **workers)
{
	struct worker *worker;

	if (*workers == NULL)
		return;
	while ((worker = TAILQ_FIRST(&(*workers)->list)) != NULL) {
		channel_close(&worker->channel);
		worker_free(worker, job_lost);
	}
	free(*workers);
	*workers = NULL;
}

struct transport *
workers_transport(struct workers *workers)
{
	return &workers->transport;
}
