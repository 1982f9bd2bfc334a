/*
 * The loop of a relay worker: jobs in, results out (common/ipc/jobs.h). What is between them: relay.h.
 *
 * When queued goes away, all jobs are forgotten, so that a message whose last byte has not left then is not sent twice. At a stop, what is
 * being sent may come to its end for as long as the parent allows.
 */
#include "relayd/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/io/tls_client.h"
#include "common/ipc/jobs.h"
#include "common/proc/process.h"
#include "relayd/relay.h"

enum {
	CREDIT_MOST = 2048,              /* jobs at once */
	KEPT_MOST = 1000,                /* connections without work */
	DESCRIPTORS_EACH = 6,            /* of a job: addresses that are tried at once, its body, and a connection that is kept */
	JOB_MEMORY = 64 * 1024 * 1024,   /* bytes that jobs may hold together; no more are read while they do */
	OUTPUT_MAX = 64 * 1024 * 1024,   /* bytes of replies that queued does not take */
};

struct worker {
	struct process *process;
	struct relay relay;
	struct jobs *jobs;
	unsigned credit; /* jobs at once */
	size_t memory;   /* bytes of jobs */
	bool paused;
};

static void
worker_take(void *context, struct job *job, const struct jobs_ticket *ticket)
{
	struct worker *worker = context;

	job->ticket = *ticket;
	worker->memory += job->memory;
	if (worker->memory > JOB_MEMORY && !worker->paused) {
		worker->paused = true;
		jobs_pause(worker->jobs);
	}
	relay_job(&worker->relay, job);
}

static void
worker_give_room(void *context, const struct job *job)
{
	struct worker *worker = context;

	worker->memory -= job->memory;
	if (worker->paused && worker->memory < JOB_MEMORY / 2) {
		worker->paused = false;
		jobs_resume(worker->jobs);
	}
}

static void
worker_on_finished(void *context, struct job *job)
{
	struct worker *worker = context;

	jobs_finish(worker->jobs, &job->ticket, job);
}

static size_t
worker_forget(void *context)
{
	struct worker *worker = context;

	worker->memory = 0;
	worker->paused = false;
	return relay_forget(&worker->relay, true);
}

static bool
worker_is_busy(void *context)
{
	const struct worker *worker = context;

	return worker->relay.sending > 0;
}

static const struct jobs_protocol protocol = {
	.channel = "queued-relayd",
	.input_limit = RELAY_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
	.secret = true,
	.decode = job_decode,
	.put = job_put_reply,
	.free = job_free,
	.take = worker_take,
	.finished = worker_give_room,
	.forget = worker_forget,
	.is_busy = worker_is_busy,
};

static void
worker_on_stop(void *context)
{
	struct worker *worker = context;

	relay_forget(&worker->relay, false);
	relay_stop_keeping(&worker->relay);
	jobs_stop(worker->jobs);
}

/* ---- starting ---- */

/* The text of relay_ca_file, "" when there is none that can be used. Free it. NULL: out of memory. */
static char *
read_authorities(const struct process *process, size_t *length_r)
{
	int fd = process_file(process, "authorities");
	struct stat status = { .st_size = 0 };
	char *text;
	int error = 0;

	*length_r = 0;
	if (fd >= 0 && fstat(fd, &status) != 0)
		error = -errno;
	if (error == 0 && status.st_size > TLS_CLIENT_AUTHORITIES_MAX)
		error = -EFBIG;
	text = malloc(error == 0 ? (size_t)status.st_size + 1 : 1);
	if (text != NULL && error == 0 && status.st_size > 0)
		error = durable_pread(fd, text, (size_t)status.st_size, 0);
	if (error != 0)
		log_event(LOG_ERR, "relay.authorities", LOG_ERROR(error));
	else
		*length_r = (size_t)status.st_size;
	return text;
}

static void
worker_on_reload(void *context)
{
	struct worker *worker = context;
	size_t length;
	char *text = read_authorities(worker->process, &length);

	if (text != NULL)
		(void)relay_trust(&worker->relay, slice_of(text, length));
	free(text);
}

static int
worker_open(struct worker *worker)
{
	struct process *process = worker->process;
	size_t length;
	char *text = read_authorities(process, &length);
	int error;

	if (text == NULL)
		return -ENOMEM;
	worker->relay.finished = worker_on_finished;
	worker->relay.context = worker;
	worker->credit = process_clients(process, CREDIT_MOST, DESCRIPTORS_EACH);
	worker->relay.idle_most = worker->credit < KEPT_MOST ? worker->credit : KEPT_MOST;
	error = relay_open(&worker->relay, process, process_base(process), process_config(process), slice_of(text, length));
	if (error == -EINVAL) /* a file that is no list of certificates: nobody is believed */
		error = relay_trust(&worker->relay, SLICE(""));
	free(text);
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
	worker->jobs = jobs_new(process, &protocol, worker->credit, worker);
	if (worker->jobs == NULL)
		return EX_OSERR;
	process_on_stop(process, worker_on_stop, worker);
	process_on_reload(process, worker_on_reload, worker);
	status = process_run(process);
	jobs_free(&worker->jobs);
	relay_close(&worker->relay);
	return status;
}
