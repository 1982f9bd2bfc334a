/*
 * The way to the queue (common/ipc/proto_submit.h). A queue id, and the spool file under its name, belong to
 * the channel over which they were given: after queued was started anew they are worth nothing, and their
 * message fails for the moment.
 */
#include "smtpd/submit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ipc/link.h"

enum {
	ANSWER_TIMEOUT = 300 * 1000,    /* milliseconds; clients wait ten minutes (RFC 5321 4.5.3.2.6) */
	UNSENT_MAX = 64 * 1024 * 1024,  /* bytes of messages that wait while queued does not read */
	REPLY_MAX = 64,                 /* bytes */
	IDS_LOW = SUBMIT_IDS_COUNT / 4, /* ids left when more are asked for */
};

/* Queue ids not used yet. */
struct id_range {
	uint64_t next;
	uint32_t count;
};

struct submit {
	struct link *link;
	uint64_t generation;      /* counts the channels that there were */
	struct id_range ids;
	struct id_range more_ids; /* used when those are */
	bool asked_for_ids;
	bool space_short;         /* the queue has said so */
	struct buffer envelope;   /* scratch */
};

static int
ids_given(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct submit *submit = context;
	struct id_range range = { 0 };

	(void)channel;
	range.next = wire_get_u64(&frame->body);
	range.count = wire_get_u32(&frame->body);
	if (!wire_done(&frame->body) || range.next > UINT64_MAX - range.count)
		return -EPROTO;
	submit->asked_for_ids = false;
	if (submit->ids.count == 0)
		submit->ids = range;
	else
		submit->more_ids = range;
	return 0;
}

static int
space_told(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct submit *submit = context;
	uint8_t space = wire_get_u8(&frame->body);

	(void)channel;
	if (!wire_done(&frame->body))
		return -EPROTO;
	submit->space_short = space == 0;
	return 0;
}

/*
 * No request to the link: its answer comes like the ranges that were not asked for, through the table of
 * handlers.
 */
static void
ask_for_ids(struct submit *submit)
{
	struct channel *channel = link_channel(submit->link);
	struct wire_writer writer;

	if (submit->asked_for_ids || submit->more_ids.count > 0 || channel == NULL)
		return;
	writer = channel_begin(channel, SUBMIT_IDS_MORE, 0, -1);
	submit->asked_for_ids = channel_send(channel, &writer) == 0;
}

static void
queue_up(struct link *link, void *context)
{
	struct submit *submit = context;

	(void)link;
	submit->generation++;
}

static void
queue_down(struct link *link, void *context)
{
	struct submit *submit = context;

	(void)link;
	submit->ids = submit->more_ids = (struct id_range){ 0 };
	submit->asked_for_ids = submit->space_short = false;
}

static const struct channel_handler handlers[] = {
	{ .type = SUBMIT_IDS, .states = CHANNEL_ANY, .handle = ids_given },
	{ .type = SUBMIT_SPACE, .states = CHANNEL_ANY, .handle = space_told },
};

static const struct link_protocol protocol = {
	.channel = "queued-smtpd",
	.timeout_ms = ANSWER_TIMEOUT,
	.input_limit = REPLY_MAX,
	.output_limit = UNSENT_MAX,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.up = queue_up,
	.down = queue_down,
};

struct submit *
submit_new(struct process *process)
{
	struct submit *submit = calloc(1, sizeof(*submit));

	if (submit == NULL)
		return NULL;
	buffer_init(&submit->envelope, SUBMIT_FRAME_MAX);
	submit->link = link_new(process, &protocol, submit);
	if (submit->link == NULL) {
		free(submit);
		return NULL;
	}
	return submit;
}

void
submit_free(struct submit **submit)
{
	if (*submit == NULL)
		return;
	link_free(&(*submit)->link);
	buffer_free(&(*submit)->envelope);
	free(*submit);
	*submit = NULL;
}

int
submit_begin(struct submit *submit, struct submit_job *job)
{
	if (submit->ids.count == 0) {
		submit->ids = submit->more_ids;
		submit->more_ids.count = 0;
	}
	if (submit->ids.count <= IDS_LOW)
		ask_for_ids(submit);
	if (submit->ids.count == 0)
		return -EAGAIN;
	job->id = submit->ids.next++;
	submit->ids.count--;
	job->generation = submit->generation;
	job->waiting = job->file = false;
	return 0;
}

bool
submit_has_space(const struct submit *submit)
{
	return !submit->space_short;
}

/* Is the queue there that gave the job its id? */
static bool
is_same_queue(const struct submit *submit, const struct submit_job *job)
{
	return link_is_up(submit->link) && job->generation == submit->generation;
}

static void
answer(struct submit_job *job, enum submit_result result, int fd)
{
	job->waiting = false;
	job->answered(job, result, fd);
}

/* The result in a reply; SUBMIT_TEMPORARY and *error_r when there is none, or the reply is malformed. */
static enum submit_result
take_result(int status, struct channel_frame *frame, uint16_t type, int *error_r)
{
	enum submit_result result;

	*error_r = 0;
	if (status != 0)
		return SUBMIT_TEMPORARY;
	result = wire_get_u8(&frame->body);
	if (frame->type == type && wire_done(&frame->body) && result <= SUBMIT_TOO_BIG)
		return result;
	*error_r = -EPROTO;
	return SUBMIT_TEMPORARY;
}

static int
open_answered(void *context, int status, struct channel_frame *frame)
{
	struct submit_job *job = context;
	enum submit_result result;
	int fd = -1;
	int error;

	if (status == 0 && frame->type == SUBMIT_BODY_REFUSED) {
		result = take_result(status, frame, SUBMIT_BODY_REFUSED, &error);
		if (result == SUBMIT_OK) {
			result = SUBMIT_TEMPORARY;
			error = -EPROTO;
		}
		job->file = false;
	} else {
		result = take_result(status, frame, SUBMIT_BODY_OPENED, &error);
	}
	if (result == SUBMIT_OK) {
		fd = frame->fd;
		frame->fd = -1;
		if (fd < 0) {
			result = SUBMIT_TEMPORARY;
			error = -EPROTO;
		}
	}
	answer(job, result, fd);
	return error;
}

int
submit_open(struct submit *submit, struct submit_job *job, uint64_t announced_size)
{
	struct wire_writer writer;
	int error;

	if (!is_same_queue(submit, job))
		return -ENOTCONN;
	writer = link_begin(submit->link, SUBMIT_BODY_OPEN, -1);
	wire_put_u64(&writer, job->id);
	wire_put_u64(&writer, announced_size);
	error = link_send(submit->link, &writer, open_answered, job, &job->request);
	job->waiting = job->opening = job->file = error == 0;
	return error;
}

static int
message_answered(void *context, int status, struct channel_frame *frame)
{
	struct submit_job *job = context;
	enum submit_result result;
	int error;

	result = take_result(status, frame, SUBMIT_REPLY, &error);
	answer(job, result, -1);
	return error;
}

int
submit_message(struct submit *submit, struct submit_job *job, const struct envelope *envelope, const struct body *body)
{
	struct wire_writer writer;
	int error;

	if (!is_same_queue(submit, job))
		return -ENOTCONN;
	buffer_clear(&submit->envelope);
	error = envelope_encode(envelope, &submit->envelope);
	if (error != 0)
		return error;
	writer = link_begin(submit->link, SUBMIT_MESSAGE, -1);
	wire_put_u64(&writer, job->id);
	wire_put_slice(&writer, buffer_slice(&submit->envelope));
	wire_put_u8(&writer, job->file ? 1 : 0);
	wire_put_u64(&writer, body_size(body));
	wire_put_u32(&writer, body->sums.whole);
	wire_put_u32(&writer, body->sums.beginning);
	wire_put_slice(&writer, buffer_slice(&body->memory));
	error = link_send(submit->link, &writer, message_answered, job, &job->request);
	buffer_consume(&submit->envelope, buffer_length(&submit->envelope));
	if (error != 0)
		return error;
	job->waiting = true;
	job->opening = false;
	/* From here on the file is the queue's. */
	job->file = false;
	return 0;
}

void
submit_abandon(struct submit *submit, struct submit_job *job)
{
	struct channel *channel;
	struct wire_writer writer;

	if (job->waiting)
		link_cancel(submit->link, job->request);
	job->waiting = false;
	if (!job->file || !is_same_queue(submit, job))
		return;
	job->file = false;
	channel = link_channel(submit->link);
	writer = channel_begin(channel, SUBMIT_BODY_ABORT, 0, -1);
	wire_put_u64(&writer, job->id);
	/* Unsent, it is no loss: the queue throws away what a closed channel has left. */
	channel_send(channel, &writer);
}
