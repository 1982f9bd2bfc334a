/*
 * The loop of a relay worker: jobs in, results out. What is between them: relay.h.
 *
 * When queued goes away, all jobs are forgotten: it does not know of their results any more, and gives them to somebody again. So a message whose
 * last byte has not left then is not sent twice.
 */
#include "relayd/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/io/tls_client.h"
#include "common/ipc/link.h"
#include "common/proc/process.h"
#include "relayd/relay.h"

enum {
	CREDIT_MOST = 2048,              /* jobs at once */
	KEPT_MOST = 1000,                /* connections without work */
	DESCRIPTORS_EACH = 6,            /* of a job: addresses that are tried at once, its body, and a connection that is kept */
	JOB_MEMORY = 64 * 1024 * 1024,   /* bytes that jobs may hold together; no more are read while they do */
	OUTPUT_MAX = 64 * 1024 * 1024,   /* bytes of replies that queued does not take */
	STOP_INTERVAL_MS = 5,            /* between two looks whether the last results have left */
	STOP_LIMIT_MS = 3000,            /* then what is under way is given up */
};

struct worker {
	struct process *process;
	struct relay relay;
	struct link *link;
	unsigned credit;     /* jobs at once */
	size_t memory;       /* bytes of jobs */
	uint32_t connection; /* counts the channels to queued */
	bool paused;
	bool stopping;
	struct event *stop;
	int64_t stop_end;    /* clock_monotonic_ms */
};

/* ---- results ---- */

static void
worker_drop_job(struct worker *worker, struct job **job)
{
	struct channel *channel = link_channel(worker->link);

	worker->memory -= (*job)->memory;
	job_free(job);
	if (worker->paused && worker->memory < JOB_MEMORY / 2 && channel != NULL) {
		worker->paused = false;
		channel_resume(channel);
	}
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
	writer = channel_begin(channel, RELAY_REPLY, job->request, -1);
	job_put_reply(job, &writer);
	error = channel_send(channel, &writer);
	if (error != 0)
		log_event(LOG_ERR, "relay.unreported", LOG_ERROR(error));
	return error == 0;
}

static void
worker_on_finished(void *context, struct job *job)
{
	struct worker *worker = context;
	bool reported = worker_report(worker, job);

	worker_drop_job(worker, &job);
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

	if (error != 0)
		return error;
	frame->fd = -1; /* the job's now */
	if (worker->stopping) {
		job_free(&job); /* queued gives it to somebody else when the channel closes */
		return 0;
	}
	job->request = frame->request;
	job->connection = worker->connection;
	worker->memory += job->memory;
	if (worker->memory > JOB_MEMORY && !worker->paused) {
		worker->paused = true;
		channel_pause(channel);
	}
	relay_job(&worker->relay, job);
	return 0;
}

static void
worker_on_up(struct link *link, void *context)
{
	struct worker *worker = context;
	struct wire_writer writer = channel_begin(link_channel(link), RELAY_READY, 0, -1);

	worker->connection++;
	wire_put_u32(&writer, worker->credit);
	if (channel_send(link_channel(link), &writer) != 0)
		log_event(LOG_ERR, "relay.not_ready");
}

static void
worker_on_down(struct link *link, void *context)
{
	struct worker *worker = context;
	size_t forgotten = relay_forget(&worker->relay, true);

	(void)link;
	worker->connection++;
	worker->memory = 0;
	worker->paused = false;
	log_event(LOG_NOTICE, "relay.queue_gone", LOG_UINT("forgotten", forgotten));
}

static const struct channel_handler handlers[] = {
	{ RELAY_JOB, CHANNEL_ANY, false, worker_on_job },
	{ RELAY_JOB_FILE, CHANNEL_ANY, true, worker_on_job },
};

static const struct link_protocol protocol = {
	.channel = "queued-relayd",
	.input_limit = RELAY_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.up = worker_on_up,
	.down = worker_on_down,
};

/* ---- stopping: what is being sent may come to its end, for a while ---- */

static void
worker_on_stop_timer(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;
	struct channel *channel = link_channel(worker->link);
	bool done = worker->relay.sending == 0 && (channel == NULL || channel_unsent(channel) == 0);

	(void)fd;
	(void)what;
	if (done || clock_monotonic_ms() >= worker->stop_end)
		process_stop(worker->process);
}

static void
worker_on_stop(void *context)
{
	struct worker *worker = context;
	const struct timeval interval = { .tv_usec = STOP_INTERVAL_MS * 1000 };

	worker->stopping = true;
	worker->stop_end = clock_monotonic_ms() + STOP_LIMIT_MS;
	relay_forget(&worker->relay, false);
	relay_stop_keeping(&worker->relay);
	event_add(worker->stop, &interval);
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
	worker->stop = event_new(process_base(process), -1, EV_PERSIST, worker_on_stop_timer, worker);
	if (worker->stop == NULL || worker_open(worker) != 0)
		return EX_OSERR;
	worker->link = link_new(process, &protocol, worker);
	if (worker->link == NULL)
		return EX_OSERR;
	process_on_stop(process, worker_on_stop, worker);
	process_on_reload(process, worker_on_reload, worker);
	status = process_run(process);
	link_free(&worker->link);
	relay_close(&worker->relay);
	return status;
}
