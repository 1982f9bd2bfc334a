/*
 * A worker's side of the channel over which queued gives jobs.
 */
#include "common/ipc/jobs.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/link.h"
#include "common/ipc/proto_jobs.h"
#include "common/proc/process.h"

enum {
	STOP_INTERVAL_MS = 5, /* between two looks whether the last results have left */
	STOP_MARGIN_MS = 500, /* left to end in, of what the parent allows for a stop */
};

struct jobs {
	struct process *process;
	const struct jobs_protocol *protocol;
	struct link_protocol link_protocol;
	struct link *link;
	void *context;
	uint32_t credit;
	uint32_t connection; /* counts the channels */
	bool stopping;
	struct event *alive;
	struct event *stop;
	int64_t stop_end;    /* clock_monotonic_ms */
};

/* ---- results ---- */

/* False: queued cannot be told. */
static bool
jobs_report(struct jobs *jobs, const struct jobs_ticket *ticket, const struct job *job)
{
	struct channel *channel = link_channel(jobs->link);
	struct wire_writer writer;
	int error;

	if (channel == NULL || ticket->connection != jobs->connection)
		return true; /* it gives the job to somebody else */
	writer = channel_begin(channel, JOBS_REPLY, ticket->request, -1);
	jobs->protocol->put(job, &writer);
	error = channel_send(channel, &writer);
	if (error != 0)
		log_event(LOG_ERR, "jobs.unreported", LOG_ERROR(error));
	return error == 0;
}

void
jobs_finish(struct jobs *jobs, const struct jobs_ticket *ticket, struct job *job)
{
	bool reported = jobs_report(jobs, ticket, job);

	if (jobs->protocol->finished != NULL)
		jobs->protocol->finished(jobs->context, job);
	jobs->protocol->free(&job);
	if (!reported)
		link_break(jobs->link);
}

/* ---- jobs ---- */

static int
jobs_on_job(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct jobs *jobs = context;
	struct jobs_ticket ticket = { .request = frame->request, .connection = jobs->connection };
	struct job *job;
	int error = jobs->protocol->decode(&frame->body, frame->fd, &job);

	(void)channel;
	if (error != 0)
		return error;
	frame->fd = -1; /* the job's now */
	if (!jobs->stopping) /* else queued gives it to somebody else when the channel closes */
		jobs->protocol->take(jobs->context, job, &ticket);
	else
		jobs->protocol->free(&job);
	return 0;
}

static const struct channel_handler handlers[] = {
	{ JOBS_JOB, CHANNEL_ANY, false, jobs_on_job },
	{ JOBS_JOB_FILE, CHANNEL_ANY, true, jobs_on_job },
};

void
jobs_pause(struct jobs *jobs)
{
	if (link_is_up(jobs->link))
		channel_pause(link_channel(jobs->link));
}

void
jobs_resume(struct jobs *jobs)
{
	if (link_is_up(jobs->link))
		channel_resume(link_channel(jobs->link));
}

/* ---- the channel ---- */

static void
jobs_on_up(struct link *link, void *context)
{
	struct jobs *jobs = context;
	struct wire_writer writer = channel_begin(link_channel(link), JOBS_READY, 0, -1);

	jobs->connection++;
	wire_put_u32(&writer, jobs->credit);
	if (channel_send(link_channel(link), &writer) != 0)
		log_event(LOG_ERR, "jobs.not_ready");
	event_add(jobs->alive, &(struct timeval){ .tv_sec = JOBS_ALIVE_S });
}

static void
jobs_on_down(struct link *link, void *context)
{
	struct jobs *jobs = context;

	(void)link;
	jobs->connection++;
	event_del(jobs->alive);
	log_event(LOG_NOTICE, "jobs.queue_gone", LOG_UINT("forgotten", jobs->protocol->forget(jobs->context)));
}

static void
jobs_on_alive(evutil_socket_t fd, short what, void *context)
{
	struct jobs *jobs = context;
	struct wire_writer writer;

	(void)fd;
	(void)what;
	if (jobs->protocol->goes_on != NULL && !jobs->protocol->goes_on(jobs->context))
		return;
	writer = channel_begin(link_channel(jobs->link), JOBS_ALIVE, 0, -1);
	/* When there is no room for it, queued has frames enough to hear of us by. */
	(void)channel_send(link_channel(jobs->link), &writer);
}

/* ---- start and stop ---- */

static void
jobs_on_stop(evutil_socket_t fd, short what, void *context)
{
	struct jobs *jobs = context;
	struct channel *channel = link_channel(jobs->link);
	bool done = !jobs->protocol->is_busy(jobs->context) && (channel == NULL || channel_unsent(channel) == 0);

	(void)fd;
	(void)what;
	if (done || clock_monotonic_ms() >= jobs->stop_end)
		process_stop(jobs->process);
}

void
jobs_stop(struct jobs *jobs)
{
	jobs->stopping = true;
	jobs->stop_end = clock_monotonic_ms() + PROCESS_STOP_MS - STOP_MARGIN_MS;
	event_add(jobs->stop, &(struct timeval){ .tv_usec = STOP_INTERVAL_MS * 1000 });
}

struct jobs *
jobs_new(struct process *process, const struct jobs_protocol *protocol, uint32_t credit, void *context)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return NULL;
	jobs->process = process;
	jobs->protocol = protocol;
	jobs->credit = credit;
	jobs->context = context;
	jobs->link_protocol = (struct link_protocol){
		.channel = protocol->channel,
		.input_limit = protocol->input_limit,
		.output_limit = protocol->output_limit,
		.secret = protocol->secret,
		.handlers = handlers,
		.handler_count = sizeof(handlers) / sizeof(handlers[0]),
		.up = jobs_on_up,
		.down = jobs_on_down,
	};
	jobs->alive = event_new(process_base(process), -1, EV_PERSIST, jobs_on_alive, jobs);
	jobs->stop = event_new(process_base(process), -1, EV_PERSIST, jobs_on_stop, jobs);
	if (jobs->alive != NULL && jobs->stop != NULL)
		jobs->link = link_new(process, &jobs->link_protocol, jobs);
	if (jobs->link == NULL)
		jobs_free(&jobs);
	return jobs;
}

void
jobs_free(struct jobs **jobs)
{
	if (*jobs == NULL)
		return;
	link_free(&(*jobs)->link);
	if ((*jobs)->alive != NULL)
		event_free((*jobs)->alive);
	if ((*jobs)->stop != NULL)
		event_free((*jobs)->stop);
	free(*jobs);
	*jobs = NULL;
}
