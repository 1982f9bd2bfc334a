/*
 * The role "syncer": waits for the disk, so that the queue need not. It gets descriptors, makes what was written to them durable, and
 * answers. Segments are waited for by the main thread itself, since all mail does and each hand-over would cost as much as the sync of a fast
 * disk; bodies, and the next segment's zeros, by threads of their own, so that a large one holds up no segment. Requests for the same file that wait at once are one
 * sync. After an error the data counts as lost, and the queue decides what follows.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/thread.h"
#include "common/io/durable.h"
#include "common/ipc/channel.h"
#include "common/proc/process.h"
#include "queued/disk.h"
#include "queued/proto_sync.h"
#include "queued/roles.h"

enum {
	BODY_THREADS = 4, /* the file system's journal makes one commit of what they wait for */
};

struct client {
	struct channel *channel; /* NULL: gone */
	unsigned jobs;
};

struct job {
	STAILQ_ENTRY(job) link;
	struct client *client; /* of the main thread */
	uint32_t request;
	enum disk_what what;
	int fd;
	dev_t device;
	ino_t inode;
	off_t size; /* bytes */
	int error;
};

STAILQ_HEAD(job_list, job);

struct syncer {
	struct event_base *base;
	struct event *segment_event; /* active: segments wait */
	struct event *finished_event;
	int finished_fd; /* an eventfd */
	struct process *process;
	unsigned clients; /* whose channels are open */
	bool stopping;
	struct job_list segments; /* the main thread's */
	pthread_mutex_t lock;
	pthread_cond_t arrived;   /* a body */
	struct job_list bodies;   /* under the lock */
	struct job_list finished; /* bodies; under the lock */
};

/* The next job, and all others that wait for the same file. */
static void
take_same(struct job_list *waiting, struct job_list *taken)
{
	struct job *first = STAILQ_FIRST(waiting);
	struct job *job, *next;

	STAILQ_REMOVE_HEAD(waiting, link);
	STAILQ_INSERT_TAIL(taken, first, link);
	for (job = STAILQ_FIRST(waiting); job != NULL; job = next) {
		next = STAILQ_NEXT(job, link);
		if (job->inode != first->inode || job->device != first->device)
			continue;
		STAILQ_REMOVE(waiting, job, job, link);
		STAILQ_INSERT_TAIL(taken, job, link);
	}
}

/* TAKEN are jobs for one file. */
static void
run_same(struct job_list *taken)
{
	struct job *job = STAILQ_FIRST(taken);
	int error;

	switch (job->what) {
	case DISK_SPARE:
		error = durable_fill(job->fd, job->size);
		break;
	case DISK_SEGMENT:
	case DISK_BODY:
		error = durable_sync_data(job->fd);
		break;
	default:
		error = durable_sync(job->fd);
		break;
	}
	STAILQ_FOREACH(job, taken, link)
		job->error = error;
}

/* ---- the threads of bodies and spares ---- */

static void *
body_main(void *context)
{
	struct syncer *syncer = context;
	struct job_list taken = STAILQ_HEAD_INITIALIZER(taken);
	const uint64_t one = 1;

	for (;;) {
		pthread_mutex_lock(&syncer->lock);
		while (STAILQ_EMPTY(&syncer->bodies))
			pthread_cond_wait(&syncer->arrived, &syncer->lock);
		take_same(&syncer->bodies, &taken);
		pthread_mutex_unlock(&syncer->lock);

		run_same(&taken);

		pthread_mutex_lock(&syncer->lock);
		STAILQ_CONCAT(&syncer->finished, &taken);
		pthread_mutex_unlock(&syncer->lock);
		if (write(syncer->finished_fd, &one, sizeof(one)) < 0)
			abort(); /* an eventfd has no other error than a bad descriptor */
	}
}

/* ---- the main thread ---- */

/* The one of this process: a channel's context is its client. */
static struct syncer *the_syncer;

static void
client_leave(struct client *client)
{
	if (client->channel == NULL && client->jobs == 0)
		free(client);
}

/* Its channel has been closed. */
static void
client_gone(struct client *client)
{
	client->channel = NULL;
	the_syncer->clients--;
	if (the_syncer->stopping && the_syncer->clients == 0)
		process_stop(the_syncer->process);
}

static void
job_answer(struct job *job)
{
	static const char *const names[] = {
		[DISK_SEGMENT] = "segment",
		[DISK_SEGMENT_DIRECTORY] = "directory of segments",
		[DISK_BODY] = "body",
		[DISK_BODY_DIRECTORY] = "directory of bodies",
		[DISK_SPARE] = "spare segment",
	};
	struct client *client = job->client;

	if (job->error != 0)
		log_event(LOG_ERR, "syncer.failed", LOG_STRING("what", names[job->what]), LOG_UINT("inode", job->inode), LOG_ERROR(job->error));
	client->jobs--;
	if (client->channel != NULL) {
		struct wire_writer writer = channel_begin(client->channel, SYNC_DONE, job->request, -1);

		wire_put_u32(&writer, (uint32_t)-job->error);
		if (channel_send(client->channel, &writer) != 0) {
			channel_close(&client->channel); /* the queue then asks again */
			client_gone(client);
		}
	}
	client_leave(client);
	close(job->fd);
	free(job);
}

static void
answer_all(struct job_list *finished)
{
	while (!STAILQ_EMPTY(finished)) {
		struct job *job = STAILQ_FIRST(finished);

		STAILQ_REMOVE_HEAD(finished, link);
		job_answer(job);
	}
}

static void
syncer_finished(evutil_socket_t fd, short what, void *context)
{
	struct syncer *syncer = context;
	struct job_list finished = STAILQ_HEAD_INITIALIZER(finished);
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&syncer->lock);
	STAILQ_CONCAT(&finished, &syncer->finished);
	pthread_mutex_unlock(&syncer->lock);
	answer_all(&finished);
}

/* After all requests that one read brought: those for the same segment are one sync. */
static void
syncer_segments(evutil_socket_t fd, short what, void *context)
{
	struct syncer *syncer = context;
	struct job_list taken = STAILQ_HEAD_INITIALIZER(taken);

	(void)fd;
	(void)what;
	while (!STAILQ_EMPTY(&syncer->segments)) {
		take_same(&syncer->segments, &taken);
		run_same(&taken);
		answer_all(&taken);
	}
}

static void
syncer_take(struct syncer *syncer, struct job *job)
{
	if (job->what == DISK_SEGMENT || job->what == DISK_SEGMENT_DIRECTORY) {
		STAILQ_INSERT_TAIL(&syncer->segments, job, link);
		event_active(syncer->segment_event, EV_TIMEOUT, 0);
		return;
	}
	pthread_mutex_lock(&syncer->lock);
	STAILQ_INSERT_TAIL(&syncer->bodies, job, link);
	pthread_mutex_unlock(&syncer->lock);
	pthread_cond_signal(&syncer->arrived);
}

static int
syncer_on_file(struct channel *channel, void *context, struct channel_frame *frame)
{
	uint8_t what = wire_get_u8(&frame->body);
	struct stat status;
	struct job *job;

	(void)channel;
	if (!wire_done(&frame->body) || what > DISK_SPARE)
		return -EPROTO;
	job = malloc(sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	*job = (struct job){
		.client = context,
		.request = frame->request,
		.what = what,
		.fd = frame->fd,
	};
	frame->fd = -1;
	job->client->jobs++;
	if (fstat(job->fd, &status) != 0) {
		job->error = -errno;
		job_answer(job);
		return 0;
	}
	job->device = status.st_dev;
	job->inode = status.st_ino;
	job->size = status.st_size;
	syncer_take(the_syncer, job);
	return 0;
}

static void
syncer_on_closed(struct channel *channel, void *context, int error)
{
	struct client *client = context;

	(void)channel;
	log_event(LOG_NOTICE, "syncer.channel_closed", LOG_ERROR(error));
	client_gone(client);
	client_leave(client);
}

static const struct channel_handler handlers[] = {
	{ SYNC_FILE, CHANNEL_ANY, true, syncer_on_file },
};

static const struct channel_protocol protocol = {
	.name = "syncer",
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = SYNC_FRAME_MAX,
	.output_limit = SYNC_OUTPUT_MAX,
	.closed = syncer_on_closed,
};

static void
syncer_on_channel(void *context, int fd)
{
	struct syncer *syncer = context;
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return;
	}
	client->channel = channel_new(syncer->base, fd, &protocol, client);
	if (client->channel == NULL)
		free(client);
	else
		syncer->clients++;
}

/* Both roles are told to stop at once, and the queue wants its last writes made durable: whoever asks is waited for. */
static void
syncer_on_stop(void *context)
{
	struct syncer *syncer = context;

	syncer->stopping = true;
	if (syncer->clients == 0)
		process_stop(syncer->process);
}

static int
start_threads(struct syncer *syncer)
{
	int error = 0;

	for (unsigned i = 0; i < BODY_THREADS && error == 0; i++) {
		pthread_t thread;

		error = thread_start(&thread, body_main, syncer);
	}
	return error;
}

int
syncer_main(struct process *process)
{
	static struct syncer syncer; /* its threads live as long as the process */
	int error;

	syncer.process = process;
	syncer.base = process_base(process);
	STAILQ_INIT(&syncer.segments);
	STAILQ_INIT(&syncer.bodies);
	STAILQ_INIT(&syncer.finished);
	pthread_mutex_init(&syncer.lock, NULL);
	pthread_cond_init(&syncer.arrived, NULL);
	syncer.finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (syncer.finished_fd < 0) {
		log_event(LOG_ERR, "syncer.no_eventfd", LOG_ERROR(errno));
		return EX_OSERR;
	}
	syncer.finished_event = event_new(syncer.base, syncer.finished_fd, EV_READ | EV_PERSIST, syncer_finished, &syncer);
	syncer.segment_event = event_new(syncer.base, -1, 0, syncer_segments, &syncer);
	if (syncer.finished_event == NULL || syncer.segment_event == NULL || event_add(syncer.finished_event, NULL) != 0)
		return EX_OSERR;
	the_syncer = &syncer;
	error = start_threads(&syncer);
	if (error != 0) {
		log_event(LOG_ERR, "syncer.no_threads", LOG_ERROR(error));
		return EX_OSERR;
	}
	process_on_channel(process, "syncer", syncer_on_channel, &syncer);
	process_on_stop(process, syncer_on_stop, &syncer);
	return process_run(process);
}
