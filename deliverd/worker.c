/*
 * The loop of a delivery worker: jobs in, results out (common/ipc/jobs.h). All file operations are the file thread's (filer.h).
 *
 * When that hangs on a file system that does not answer, the worker says no more that it goes on. queued takes its jobs from it then, and
 * the worker ends; whatever was begun is not finished behind queued's back.
 */
#include "deliverd/worker.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/jobs.h"
#include "common/ipc/proto_jobs.h"
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
	STUCK_LOOKS = 30,                /* of JOBS_ALIVE_S: 5 minutes for one step, such as the sync of a slow and busy disk */
};

struct worker {
	struct process *process;
	struct jobs *jobs;
	struct store store;
	struct filer *filer;
	bool stuck;
	bool stopped; /* the file thread has finished what it had begun */
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
		[DELIVER_DAMAGED] = { LOG_ERR, "deliver.damaged" },
	};
	const struct outcome *outcome = &target->outcome;
	char id[QUEUEID_SIZE];
	char text[JOBS_TEXT_MAX];

	queueid_format(job->id, id);
	outcome_text(outcome, text, sizeof(text));
	log_event(kinds[outcome->result].priority, kinds[outcome->result].event, LOG_STRING("queue_id", id),
	          LOG_STRING("to", target->delivered_to), LOG_STRING("original_to", target->original),
	          LOG_STRING("mailbox", target->path), LOG_STRING("folder", target->folder),
	          LOG_STRING("status", outcome->status), LOG_STRING("text", text), LOG_STRING("file", target->name),
	          LOG_UINT("size", target->size), LOG_INT("delay", clock_wall() - job->arrival));
}

static void
worker_on_finished(void *context, struct job *job)
{
	struct worker *worker = context;

	for (uint32_t i = 0; i < job->target_count; i++)
		log_target(job, &job->targets[i]);
	jobs_finish(worker->jobs, &job->ticket, job);
}

/* ---- jobs ---- */

static void
worker_take(void *context, struct job *job, const struct jobs_ticket *ticket)
{
	struct worker *worker = context;

	job->ticket = *ticket;
	job->over_quota = process_config(worker->process)->over_quota;
	filer_give(worker->filer, job);
}

/* Of the jobs that were begun, the results are dropped. */
static size_t
worker_forget(void *context)
{
	struct worker *worker = context;

	if (worker->stuck) {
		log_event(LOG_ERR, "deliver.gave_up");
		log_flush();
		_exit(EX_TEMPFAIL); /* the file thread cannot be waited for */
	}
	return filer_cancel(worker->filer);
}

static bool
worker_goes_on(void *context)
{
	struct worker *worker = context;
	unsigned still = filer_still(worker->filer);

	if (still == STUCK_LOOKS)
		log_event(LOG_ERR, "deliver.stuck", LOG_UINT("seconds", STUCK_LOOKS * JOBS_ALIVE_S));
	worker->stuck = still >= STUCK_LOOKS;
	return !worker->stuck;
}

static bool
worker_is_busy(void *context)
{
	const struct worker *worker = context;

	return !worker->stopped;
}

static const struct jobs_protocol protocol = {
	.channel = "queued-deliverd",
	.input_limit = DELIVER_FRAME_MAX,
	.output_limit = 4 * DELIVER_FRAME_MAX, /* a reply of CREDIT_MOST jobs with all their targets and texts */
	.decode = job_decode,
	.put = job_put_reply,
	.free = job_free,
	.take = worker_take,
	.forget = worker_forget,
	.goes_on = worker_goes_on,
	.is_busy = worker_is_busy,
};

/* ---- stopping ---- */

static void
worker_on_stopped(void *context)
{
	struct worker *worker = context;

	worker->stopped = true;
}

static void
worker_on_stop(void *context)
{
	struct worker *worker = context;

	filer_stop(worker->filer);
	jobs_stop(worker->jobs);
}

static const struct filer_callbacks callbacks = {
	.finished = worker_on_finished,
	.stopped = worker_on_stopped,
};

/* ---- starting ---- */

/* The jobs that fit into JOB_MEMORY. */
static uint32_t
worker_credit(const struct worker *worker)
{
	uint32_t credit = JOB_MEMORY / (process_config(worker->process)->inline_limit + JOB_OVERHEAD);

	return credit < CREDIT_LEAST ? CREDIT_LEAST : credit > CREDIT_MOST ? CREDIT_MOST : credit;
}

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
	if (worker_open(worker) != 0)
		return EX_OSERR;
	worker->jobs = jobs_new(process, &protocol, worker_credit(worker), worker);
	if (worker->jobs == NULL)
		return EX_OSERR;
	process_on_stop(process, worker_on_stop, worker);
	status = process_run(process);
	jobs_free(&worker->jobs);
	if (worker->stopped)
		filer_free(&worker->filer);
	return status;
}
