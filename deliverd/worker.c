/*
 * The loop of a delivery worker: jobs in, results out. All file operations are the file thread's (filer.h).
 *
 * When queued goes away, jobs that were not begun are forgotten, and the results of those that were are
 * dropped: queued does not know of them and gives the job to somebody again.
 */
#include "deliverd/worker.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/link.h"
#include "common/mail/queueid.h"
#include "common/proc/process.h"
#include "deliverd/filer.h"

enum {
	CREDIT_MOST = 256,               /* jobs at once */
	CREDIT_LEAST = 16,
	JOB_MEMORY = 64 * 1024 * 1024,   /* bytes that jobs may hold together */
	JOB_OVERHEAD = 16 * 1024,        /* bytes of a job besides its body, with many targets */
	DESCRIPTORS_BESIDES = 640,       /* of jobs, of a batch's files, and of the process itself */
	DESCRIPTORS_PER_MAILBOX = 3,
	MAILBOXES_LEAST = 32,
	MAILBOXES_MOST = 2048,           /* open at once */
	FLUSH_INTERVAL_MS = 5,           /* between two looks whether the last results have left */
	FLUSH_LIMIT_MS = 3000,           /* then they have not */
};

enum worker_state {
	WORKER_RUNNING,
	WORKER_FINISHING, /* told to stop: the file thread finishes what it has begun */
	WORKER_FLUSHING,  /* the last results are on their way to queued */
};

struct worker {
	struct process *process;
	enum worker_state state;
	struct link *link;
	struct store store;
	struct filer *filer;
	struct event *flush;
	int64_t flush_end;   /* clock_monotonic_ms */
	uint32_t connection; /* counts the channels to queued */
};

/* ---- results ---- */

static void
log_target(const struct job *job, const struct job_target *target)
{
	static const struct {
		int priority;
		const char *event;
	} kinds[] = {
		[DELIVER_DONE] = { LOG_INFO, "deliver.done" },
		[DELIVER_TEMPORARY] = { LOG_WARNING, "deliver.deferred" },
		[DELIVER_PERMANENT] = { LOG_WARNING, "deliver.failed" },
	};
	const struct outcome *outcome = &target->outcome;
	char id[QUEUEID_SIZE];
	char text[DELIVER_TEXT_MAX];

	queueid_format(job->id, id);
	outcome_text(outcome, text, sizeof(text));
	log_event(kinds[outcome->result].priority, kinds[outcome->result].event, LOG_STRING("queue_id", id),
	          LOG_STRING("to", target->delivered_to), LOG_STRING("original_to", target->original),
	          LOG_STRING("mailbox", target->path), LOG_STRING("folder", target->folder),
	          LOG_STRING("status", outcome->status), LOG_STRING("text", text), LOG_STRING("file", target->name),
	          LOG_UINT("size", target->size), LOG_INT("delay", clock_wall() - job->arrival));
}

/* False: queued cannot be told. */
static bool
worker_report(struct worker *worker, const struct job *job)
{
	struct channel *channel = link_channel(worker->link);
	struct wire_writer writer;
	int error;

	if (channel == NULL || job->connection != worker->connection)
		return true; /* it gives the job to somebody else */
	writer = channel_begin(channel, DELIVER_REPLY, job->request, -1);
	job_put_reply(job, &writer);
	error = channel_send(channel, &writer);
	if (error != 0)
		log_event(LOG_ERR, "deliver.unreported", LOG_ERROR(error));
	return error == 0;
}

static void
worker_on_finished(void *context, struct job *job)
{
	struct worker *worker = context;
	bool reported;

	for (uint32_t i = 0; i < job->target_count; i++)
		log_target(job, &job->targets[i]);
	reported = worker_report(worker, job);
	job_free(&job);
	if (!reported)
		link_break(worker->link);
}

/* ---- jobs ---- */

static int
worker_on_job(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	struct job *job;
	int error = job_decode(&frame->body, frame->fd, &job);

	(void)channel;
	if (error != 0)
		return error;
	frame->fd = -1; /* the job's now */
	job->request = frame->request;
	job->connection = worker->connection;
	job->over_quota = process_config(worker->process)->over_quota;
	if (worker->state == WORKER_RUNNING)
		filer_give(worker->filer, job);
	else
		job_free(&job); /* queued gives it to somebody else when the channel closes */
	return 0;
}

/* The jobs that fit into JOB_MEMORY. */
static uint32_t
worker_credit(const struct worker *worker)
{
	uint32_t credit = JOB_MEMORY / (process_config(worker->process)->inline_limit + JOB_OVERHEAD);

	return credit < CREDIT_LEAST ? CREDIT_LEAST : credit > CREDIT_MOST ? CREDIT_MOST : credit;
}

static void
worker_on_up(struct link *link, void *context)
{
	struct worker *worker = context;
	struct wire_writer writer = channel_begin(link_channel(link), DELIVER_READY, 0, -1);

	worker->connection++;
	wire_put_u32(&writer, worker_credit(worker));
	if (channel_send(link_channel(link), &writer) != 0)
		log_event(LOG_ERR, "deliver.not_ready");
}

static void
worker_on_down(struct link *link, void *context)
{
	struct worker *worker = context;
	size_t forgotten = filer_cancel(worker->filer);

	(void)link;
	worker->connection++;
	log_event(LOG_NOTICE, "deliver.queue_gone", LOG_UINT("forgotten", forgotten));
}

static const struct channel_handler handlers[] = {
	{ DELIVER_JOB, CHANNEL_ANY, false, worker_on_job },
	{ DELIVER_JOB_FILE, CHANNEL_ANY, true, worker_on_job },
};

static const struct link_protocol protocol = {
	.channel = "queued-deliverd",
	.input_limit = DELIVER_FRAME_MAX,
	.output_limit = 4 * DELIVER_FRAME_MAX, /* a reply of CREDIT_MOST jobs with all their targets and texts */
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.up = worker_on_up,
	.down = worker_on_down,
};

/* ---- stopping ---- */

static void
worker_on_flush(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;
	struct channel *channel = link_channel(worker->link);

	(void)fd;
	(void)what;
	if (channel == NULL || channel_unsent(channel) == 0 || clock_monotonic_ms() >= worker->flush_end)
		process_stop(worker->process);
}

static void
worker_on_stopped(void *context)
{
	struct worker *worker = context;
	const struct timeval interval = { .tv_usec = FLUSH_INTERVAL_MS * 1000 };

	worker->state = WORKER_FLUSHING;
	worker->flush_end = clock_monotonic_ms() + FLUSH_LIMIT_MS;
	event_add(worker->flush, &interval);
}

static void
worker_on_stop(void *context)
{
	struct worker *worker = context;

	worker->state = WORKER_FINISHING;
	filer_stop(worker->filer);
}

static const struct filer_callbacks callbacks = {
	.finished = worker_on_finished,
	.stopped = worker_on_stopped,
};

/* ---- starting ---- */

static size_t
mailbox_limit(void)
{
	struct rlimit limit;
	size_t count;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= DESCRIPTORS_BESIDES)
		return MAILBOXES_LEAST;
	count = (limit.rlim_cur - DESCRIPTORS_BESIDES) / DESCRIPTORS_PER_MAILBOX;
	return count < MAILBOXES_LEAST ? MAILBOXES_LEAST : count > MAILBOXES_MOST ? MAILBOXES_MOST : count;
}

static int
worker_open(struct worker *worker)
{
	struct process *process = worker->process;
	const char *directory = process_directory(process);
	int error = store_open(&worker->store, directory, process_config(process)->hostname, mailbox_limit());

	if (error != 0) {
		log_event(LOG_ERR, "deliver.mail_directory", LOG_STRING("directory", directory), LOG_ERROR(error));
		return error;
	}
	error = filer_new(process_base(process), &worker->store, &callbacks, worker, &worker->filer);
	if (error != 0)
		log_event(LOG_ERR, "deliver.thread", LOG_ERROR(error));
	return error;
}

int
worker_main(struct process *process)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int status;

	if (worker == NULL)
		return EX_OSERR;
	worker->process = process;
	worker->flush = event_new(process_base(process), -1, EV_PERSIST, worker_on_flush, worker);
	if (worker->flush == NULL || worker_open(worker) != 0)
		return EX_OSERR;
	worker->link = link_new(process, &protocol, worker);
	if (worker->link == NULL)
		return EX_OSERR;
	process_on_stop(process, worker_on_stop, worker);
	status = process_run(process);
	link_free(&worker->link);
	if (worker->state == WORKER_FLUSHING)
		filer_free(&worker->filer);
	return status;
}
