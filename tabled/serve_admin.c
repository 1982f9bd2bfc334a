/*
 * Answers dbtool: hands each call to the writer, and its progress and result back. One call at a time on a
 * connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "tabled/owner.h"

enum {
	ADMIN_PEERS_MAX = 32,            /* connections at once */
	OUTPUT_LIMIT = 64 * 1024,        /* bytes */
	STATE_IDLE = 0,
	STATE_BUSY = 1,
};

struct admin_peer {
	struct owner *owner;
	struct channel *channel; /* NULL when it has gone while a job was under way */
	struct writer_job *job;  /* or NULL */
	uint32_t request;
};

static unsigned admin_peers;

static void
admin_peer_free(struct admin_peer *peer)
{
	admin_peers--;
	free(peer);
}

static void
admin_job_free(struct writer_job *job)
{
	/* A password may be in it. */
	explicit_bzero(job->payload.data, job->payload.size);
	buffer_free(&job->payload);
	close(job->file);
	free(job);
}

static void
admin_job_log(const struct writer_job *job)
{
	static const char *const verbs[] = {
		[ADMIN_ADD] = "add",    [ADMIN_DELETE] = "del", [ADMIN_SET] = "set",
		[ADMIN_SHOW] = "show",  [ADMIN_LIST] = "list",  [ADMIN_IMPORT] = "import",
		[ADMIN_CHECK] = "check"
	};
	static const char *const nouns[] = { "table", "domain", "user", "alias" };
	bool known =
		job->call.verb >= ADMIN_ADD && job->call.verb <= ADMIN_CHECK && job->call.noun <= ADMIN_ALIAS;

	if (!known)
		return;
	log_event(LOG_INFO, "tabled.admin", LOG_STRING("verb", verbs[job->call.verb]),
	          LOG_STRING("noun", nouns[job->call.noun]), LOG_SLICE("name", job->call.name),
	          LOG_UINT("status", job->reply.status), LOG_UINT("count", job->reply.count),
	          LOG_STRING("message", job->reply.message));
}

static void
admin_on_done(struct writer_job *job)
{
	struct admin_peer *peer = job->context;
	struct wire_writer writer;

	admin_job_log(job);
	peer->job = NULL;
	if (peer->channel == NULL) {
		admin_peer_free(peer);
	} else {
		channel_set_state(peer->channel, STATE_IDLE);
		writer = channel_begin(peer->channel, ADMIN_REPLY, peer->request, -1);
		admin_reply_put(&writer, &job->reply);
		(void)channel_send(peer->channel, &writer);
	}
	admin_job_free(job);
}

static void
admin_on_progress(struct writer_job *job, uint64_t done, uint64_t total)
{
	struct admin_peer *peer = job->context;
	struct wire_writer writer;

	/* A peer that does not read gets the newest news when it does. */
	if (peer->channel == NULL || channel_unsent(peer->channel) > 0)
		return;
	writer = channel_begin(peer->channel, ADMIN_PROGRESS, peer->request, -1);
	wire_put_u64(&writer, done);
	wire_put_u64(&writer, total);
	(void)channel_send(peer->channel, &writer);
}

/* Only a regular file never makes the writer wait for a peer. */
static bool
admin_file_allowed(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

static struct writer_job *
admin_job_new(struct admin_peer *peer, struct channel_frame *frame)
{
	struct writer_job *job = calloc(1, sizeof(*job));
	struct wire_reader reader;

	if (job == NULL)
		return NULL;
	buffer_init(&job->payload, ADMIN_FRAME_MAX);
	if (buffer_append(&job->payload, frame->body.next, wire_left(&frame->body)) != 0) {
		free(job);
		return NULL;
	}
	reader = wire_read(buffer_slice(&job->payload));
	if (!admin_call_get(&reader, &job->call)) {
		buffer_free(&job->payload);
		free(job);
		return NULL;
	}
	job->settings = peer->owner->settings;
	job->file = frame->fd;
	frame->fd = -1;
	job->progress = admin_on_progress;
	job->done = admin_on_done;
	job->context = peer;
	return job;
}

static int
serve_call(struct channel *channel, void *context, struct channel_frame *frame)
{
	static const struct admin_reply busy = { .status = ADMIN_TEMPORARY,
		                                 .message = "too many calls are waiting; try again" };
	struct admin_peer *peer = context;
	struct wire_writer writer;

	if (!admin_file_allowed(frame->fd))
		return -EBADF;
	peer->job = admin_job_new(peer, frame);
	if (peer->job == NULL)
		return -EBADMSG;
	explicit_bzero((void *)(uintptr_t)frame->body.next, wire_left(&frame->body));
	frame->body.next = frame->body.end; /* read from the job's copy */
	peer->request = frame->request;
	channel_set_state(channel, STATE_BUSY);
	if (writer_submit(peer->owner->writer, peer->job) == 0)
		return 0;
	channel_set_state(channel, STATE_IDLE);
	admin_job_free(peer->job);
	peer->job = NULL;
	writer = channel_begin(channel, ADMIN_REPLY, frame->request, -1);
	admin_reply_put(&writer, &busy);
	return channel_send(channel, &writer);
}

static void
serve_admin_closed(struct channel *channel, void *context, int error)
{
	struct admin_peer *peer = context;

	(void)channel;
	(void)error;
	peer->channel = NULL;
	if (peer->job != NULL)
		writer_cancel(peer->job);
	else
		admin_peer_free(peer);
}

void
serve_admin(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = ADMIN_CALL, .states = 1U << STATE_IDLE, .descriptor = true, .handle = serve_call },
	};
	static const struct channel_protocol protocol = {
		.name = "tabled-admin",
		.handlers = handlers,
		.handler_count = 1,
		.input_limit = ADMIN_FRAME_MAX,
		.output_limit = OUTPUT_LIMIT,
		.closed = serve_admin_closed,
	};
	struct owner *owner = context;
	struct admin_peer *peer = admin_peers < ADMIN_PEERS_MAX ? calloc(1, sizeof(*peer)) : NULL;

	if (peer == NULL) {
		close(fd);
		return;
	}
	admin_peers++;
	peer->owner = owner;
	peer->channel = channel_new(process_base(owner->process), fd, &protocol, peer);
	if (peer->channel == NULL)
		admin_peer_free(peer);
}
