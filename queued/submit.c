/*
 * Taking messages from smtpd: queue ids, bodies in files, and messages, each answered when it is durable.
 */
#include "queued/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/channel.h"
#include "common/mail/envelope.h"
#include "common/mail/queueid.h"
#include "queued/ids.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024 }; /* unsent bytes to one worker: small replies, one for each message under way */

/* A body file that a worker writes. */
struct body {
	RB_ENTRY(body) link;
	uint64_t id;
};

RB_HEAD(body_tree, body);

static int
body_compare(const struct body *a, const struct body *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_PROTOTYPE(body_tree, body, link, body_compare)
RB_GENERATE(body_tree, body, link, body_compare)

struct worker {
	TAILQ_ENTRY(worker) link;
	struct submit *submit;
	struct channel *channel; /* NULL: gone, and only submissions under way are left */
	struct ids ids;
	struct body_tree bodies;
	unsigned submissions;    /* under way */
};

struct submit {
	struct submit_hooks hooks;
	TAILQ_HEAD(, worker) workers;
	uint64_t bytes; /* of records on their way to the disk; within queue_memory */
	bool refuse;
	bool closed;
};

/* A message on its way to the disk. */
struct submission {
	struct worker *worker;
	struct message *message;
	struct record *record;
	uint32_t request;
};

/* ---- workers ---- */

static void
worker_leave(struct worker *worker)
{
	struct submit *submit = worker->submit;

	if (worker->channel != NULL || worker->submissions > 0)
		return;
	TAILQ_REMOVE(&submit->workers, worker, link);
	free(worker);
	if (submit->closed && TAILQ_EMPTY(&submit->workers))
		free(submit);
}

/* The channel is gone: what was not submitted is forgotten. */
static void
worker_gone(struct worker *worker)
{
	struct body *body;

	worker->channel = NULL;
	while ((body = RB_MIN(body_tree, &worker->bodies)) != NULL) {
		RB_REMOVE(body_tree, &worker->bodies, body);
		store_remove_body(worker->submit->hooks.store, body->id);
		free(body);
	}
	ids_free(&worker->ids);
	worker_leave(worker);
}

/* 0, or a negative errno value; the channel is then to be broken. */
static int
worker_reply(struct worker *worker, uint16_t type, uint32_t request, int fd, enum submit_result result)
{
	struct wire_writer writer = channel_begin(worker->channel, type, request, fd);

	wire_put_u8(&writer, (uint8_t)result);
	return channel_send(worker->channel, &writer);
}

static int
worker_send_ids(struct worker *worker, uint32_t request)
{
	uint64_t first = store_take_ids(worker->submit->hooks.store, clock_wall_us(), SUBMIT_IDS_COUNT);
	struct wire_writer writer;
	int error = ids_grant(&worker->ids, first);

	if (error != 0)
		return error;
	writer = channel_begin(worker->channel, SUBMIT_IDS, request, -1);
	wire_put_u64(&writer, first);
	wire_put_u32(&writer, SUBMIT_IDS_COUNT);
	return channel_send(worker->channel, &writer);
}

static const struct config *
worker_config(const struct worker *worker)
{
	return worker->submit->hooks.config(worker->submit->hooks.context);
}

static struct body *
worker_find_body(struct worker *worker, uint64_t id)
{
	return RB_FIND(body_tree, &worker->bodies, &(struct body){ .id = id });
}

static void
worker_forget_body(struct worker *worker, struct body *body)
{
	RB_REMOVE(body_tree, &worker->bodies, body);
	free(body);
}

static enum submit_result
result_of(int error)
{
	return error == 0 ? SUBMIT_OK : error == -ENOSPC || error == -EDQUOT ? SUBMIT_NO_SPACE : SUBMIT_TEMPORARY;
}

/* ---- ids and bodies ---- */

static int
submit_on_ids_more(struct channel *channel, void *context, struct channel_frame *frame)
{
	(void)channel;
	return worker_send_ids(context, frame->request);
}

static int
worker_open_body(struct worker *worker, uint64_t id)
{
	struct body *body = malloc(sizeof(*body));
	int fd;

	if (body == NULL)
		return -ENOMEM;
	fd = store_create_body(worker->submit->hooks.store, id);
	if (fd < 0) {
		free(body);
		return fd;
	}
	body->id = id;
	RB_INSERT(body_tree, &worker->bodies, body);
	return fd;
}

static int
submit_on_body_open(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	uint64_t id = wire_get_u64(&frame->body);
	uint64_t size = wire_get_u64(&frame->body);
	enum submit_result result = SUBMIT_OK;
	int fd = -1;
	int used;

	(void)channel;
	if (!wire_done(&frame->body))
		return -EPROTO;
	used = ids_use(&worker->ids, id);
	if (used == -EPROTO)
		return used;
	if (used != 0)
		result = SUBMIT_TEMPORARY;
	else if (size > worker_config(worker)->message_size_limit)
		result = SUBMIT_TOO_BIG;
	else if (worker->submit->refuse)
		result = SUBMIT_NO_SPACE;
	else
		fd = worker_open_body(worker, id);
	if (result == SUBMIT_OK && fd < 0) {
		log_event(LOG_ERR, "queue.body_not_opened", LOG_ERROR(fd));
		result = result_of(fd);
	}
	if (result != SUBMIT_OK)
		return worker_reply(worker, SUBMIT_BODY_REFUSED, frame->request, -1, result);
	return worker_reply(worker, SUBMIT_BODY_OPENED, frame->request, fd, result);
}

static int
submit_on_body_abort(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	uint64_t id = wire_get_u64(&frame->body);
	struct body *body = worker_find_body(worker, id);

	(void)channel;
	if (!wire_done(&frame->body))
		return -EPROTO;
	if (body == NULL) /* it was refused, or its message was */
		return ids_contain(&worker->ids, id) ? 0 : -EPROTO;
	store_remove_body(worker->submit->hooks.store, id);
	worker_forget_body(worker, body);
	return 0;
}

/* ---- messages ---- */

static void
submission_free(struct submission *submission)
{
	struct worker *worker = submission->worker;

	worker->submit->bytes -= submission->record->size;
	record_release(&submission->record);
	free(submission);
	worker->submissions--;
	worker_leave(worker);
}

/* A worker that does not take its replies is cut off: it then knows of nothing that it was accepted. */
static void
submission_reply(const struct submission *submission, enum submit_result result)
{
	struct worker *worker = submission->worker;

	if (worker->channel == NULL || worker_reply(worker, SUBMIT_REPLY, submission->request, -1, result) == 0)
		return;
	channel_close(&worker->channel);
	worker_gone(worker); /* it stays as long as this submission */
}

static void
submission_log(const struct submission *submission, const struct message *message)
{
	struct message_payload payload;
	struct envelope envelope;
	char name[QUEUEID_SIZE];

	queueid_format(message->id, name);
	if (payload_message_parse(record_payload_slice(submission->record), &payload) != 0 ||
	    envelope_decode(payload.envelope, &envelope) != 0)
		return;
	log_event(LOG_INFO, "queue.accepted", LOG_STRING("id", name), LOG_SLICE("session", envelope.session),
	          LOG_SLICE("client", envelope.client), LOG_SLICE("from", envelope.sender), LOG_UINT("size", message->body_size),
	          LOG_UINT("recipients", message->recipients));
	envelope_free(&envelope);
}

/* Nothing came of it. */
static void
submission_refuse(struct submission *submission, int error)
{
	struct worker *worker = submission->worker;
	char name[QUEUEID_SIZE];

	queueid_format(submission->message->id, name);
	log_event(LOG_WARNING, "queue.refused", LOG_STRING("id", name), LOG_ERROR(error));
	if (submission->message->body_in_file)
		store_remove_body(worker->submit->hooks.store, submission->message->id);
	submission_reply(submission, result_of(error));
}

static void
submission_settled(void *context, struct record *record, int error)
{
	struct submission *submission = context;
	struct submit *submit = submission->worker->submit;

	if (error != 0) {
		submission_refuse(submission, error); /* the store frees the message */
	} else {
		submission_log(submission, submission->message);
		submission_reply(submission, SUBMIT_OK);
		schedule_add(submit->hooks.schedule, submission->message, record);
	}
	submission_free(submission);
}

static void
submission_body_synced(void *context, int error)
{
	struct submission *submission = context;

	if (error == 0) {
		store_add(submission->worker->submit->hooks.store, submission->message, submission->record, submission_settled, submission);
		return;
	}
	submission_refuse(submission, error);
	message_free(&submission->message);
	submission_free(submission);
}

/* The file must hold what the worker says that it wrote. */
static int
check_body_size(const struct store *store, uint64_t id, uint64_t size)
{
	int fd = store_open_body(store, id);
	struct stat status;
	int error;

	if (fd < 0)
		return fd;
	error = fstat(fd, &status) != 0 ? -errno : (uint64_t)status.st_size != size ? -ENODATA : 0;
	close(fd);
	return error;
}

static void
submission_begin(struct submission *submission)
{
	struct store *store = submission->worker->submit->hooks.store;
	struct message *message = submission->message;
	int error;

	if (!message->body_in_file) {
		store_add(store, message, submission->record, submission_settled, submission);
		return;
	}
	error = check_body_size(store, message->id, message->body_size);
	if (error == 0)
		error = store_sync_body(store, message->id, submission_body_synced, submission);
	if (error != 0)
		submission_body_synced(submission, error);
}

/* Takes the message apart as far as needed. 0, -EPROTO (malformed), -ENOMEM. */
static int
make_message(uint64_t id, struct message_payload *payload, struct message **message_r, struct record **record_r)
{
	struct payload_range all = { 0, 0 };
	struct envelope envelope;
	struct message *message;
	int error = envelope_decode(payload->envelope, &envelope);

	if (error != 0)
		return error == -EINVAL ? -EPROTO : error;
	payload->recipients = all.count = envelope.recipient_count;
	envelope_free(&envelope);
	message = message_new(id);
	if (message == NULL)
		return -ENOMEM;
	message->arrival = payload->arrival;
	message->body_size = payload->body_size;
	message->body_in_file = payload->body_in_file;
	message->recipients = all.count;
	*record_r = payload_message(id, payload);
	error = *record_r == NULL ? -ENOMEM : message_open(message, &all);
	if (error != 0) {
		record_release(record_r);
		message_free(&message);
	}
	*message_r = message;
	return error;
}

static int
submission_new(struct worker *worker, uint64_t id, uint32_t request, struct message_payload *payload)
{
	struct submission *submission = calloc(1, sizeof(*submission));
	int error;

	if (submission == NULL)
		return -ENOMEM;
	submission->worker = worker;
	submission->request = request;
	error = make_message(id, payload, &submission->message, &submission->record);
	if (error != 0) {
		free(submission);
		return error;
	}
	worker->submissions++;
	worker->submit->bytes += submission->record->size;
	submission_begin(submission);
	return 0;
}

/* The id is used up, or the body that was opened under it is taken over. 0, -EPROTO or -ESTALE, as ids_use. */
static int
worker_take_id(struct worker *worker, uint64_t id, bool in_file)
{
	struct body *body;

	if (!in_file)
		return ids_use(&worker->ids, id);
	body = worker_find_body(worker, id);
	if (body == NULL)
		return -EPROTO;
	worker_forget_body(worker, body);
	return 0;
}

static int
submit_on_message(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct worker *worker = context;
	struct message_payload payload = { .arrival = clock_wall() };
	uint64_t id = wire_get_u64(&frame->body);
	uint8_t where;
	int error;

	(void)channel;
	payload.envelope = wire_get_slice(&frame->body);
	where = wire_get_u8(&frame->body);
	payload.body_size = wire_get_u64(&frame->body);
	payload.body = wire_get_slice(&frame->body);
	payload.body_in_file = where == 1;
	if (!wire_done(&frame->body) || where > 1 || payload.body.length != (where == 1 ? 0 : payload.body_size))
		return -EPROTO;
	error = worker_take_id(worker, id, where == 1);
	if (error == -EPROTO)
		return error;
	if (error != 0)
		return worker_reply(worker, SUBMIT_REPLY, frame->request, -1, SUBMIT_TEMPORARY);
	if (payload.body_size > worker_config(worker)->message_size_limit)
		error = -EFBIG;
	else if (worker->submit->refuse)
		error = -ENOSPC;
	else if (worker->submit->bytes + payload.body.length > worker_config(worker)->queue_memory)
		error = -ENOBUFS;
	else
		error = submission_new(worker, id, frame->request, &payload);
	if (error != 0 && where == 1)
		store_remove_body(worker->submit->hooks.store, id);
	if (error == 0 || error == -EPROTO)
		return error;
	return worker_reply(worker, SUBMIT_REPLY, frame->request, -1, error == -EFBIG ? SUBMIT_TOO_BIG : result_of(error));
}

/* ---- channels ---- */

static void
submit_on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	log_event(LOG_NOTICE, "queue.submitter_gone", LOG_ERROR(error));
	worker_gone(context);
}

static const struct channel_handler handlers[] = {
	{ SUBMIT_IDS_MORE, CHANNEL_ANY, false, submit_on_ids_more },
	{ SUBMIT_BODY_OPEN, CHANNEL_ANY, false, submit_on_body_open },
	{ SUBMIT_BODY_ABORT, CHANNEL_ANY, false, submit_on_body_abort },
	{ SUBMIT_MESSAGE, CHANNEL_ANY, false, submit_on_message },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };
static const struct channel_protocol protocol = {
	.name = "queued-smtpd",
	.count = &channels,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = SUBMIT_FRAME_MAX,
	.output_limit = OUTPUT_MAX,
	.closed = submit_on_closed,
};

void
submit_accept(struct submit *submit, int fd)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		close(fd);
		return;
	}
	worker->submit = submit;
	ids_init(&worker->ids);
	RB_INIT(&worker->bodies);
	worker->channel = channel_new(submit->hooks.base, fd, &protocol, worker);
	if (worker->channel == NULL) {
		free(worker);
		return;
	}
	TAILQ_INSERT_TAIL(&submit->workers, worker, link);
	if (worker_send_ids(worker, 0) != 0) {
		channel_close(&worker->channel);
		worker_gone(worker);
	}
}

void
submit_refuse(struct submit *submit, bool refuse)
{
	if (refuse != submit->refuse)
		log_event(refuse ? LOG_ERR : LOG_NOTICE, refuse ? "queue.space_short" : "queue.space_enough");
	submit->refuse = refuse;
}

struct submit *
submit_new(const struct submit_hooks *hooks)
{
	struct submit *submit = calloc(1, sizeof(*submit));

	if (submit == NULL)
		return NULL;
	submit->hooks = *hooks;
	TAILQ_INIT(&submit->workers);
	return submit;
}

void
submit_close(struct submit **submit_p)
{
	struct submit *submit = *submit_p;
	struct worker *worker, *next;

	*submit_p = NULL;
	if (submit == NULL)
		return;
	for (worker = TAILQ_FIRST(&submit->workers); worker != NULL; worker = next) {
		next = TAILQ_NEXT(worker, link);
		channel_close(&worker->channel);
		worker_gone(worker);
	}
	submit->closed = true;
	if (TAILQ_EMPTY(&submit->workers))
		free(submit);
}
