/*
 * One message from smtpd on its way to the disk: taken apart as far as needed, stored, and answered when it is durable.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/envelope.h"
#include "common/mail/queueid.h"
#include "queued/history.h"
#include "queued/submit_state.h"

/* A message on its way to the disk. */
struct submission {
	struct worker *worker;
	struct message *message;
	struct record *record;
	uint32_t request;
};

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
	history_add(schedule_history(submission->worker->submit->hooks.schedule), message->id, QUEUE_EVENT_ACCEPTED, envelope.sender,
	            SLICE(""), envelope.client);
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
	submission_reply(submission, submit_result_of(error));
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
	bool last;
	int error = envelope_decode(payload->envelope, &envelope);

	if (error != 0)
		return error == -EINVAL ? -EPROTO : error;
	payload->recipients = all.count = envelope.recipient_count;
	last = (envelope.flags & ENVELOPE_LAST) != 0;
	envelope_free(&envelope);
	if (last)
		return -EPROTO; /* only queued's own reports are that */
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

int
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
	payload.sums.whole = wire_get_u32(&frame->body);
	payload.sums.beginning = wire_get_u32(&frame->body);
	payload.body = wire_get_slice(&frame->body);
	payload.body_in_file = where == 1;
	if (!wire_done(&frame->body) || where > 1 || payload.body.length != (where == 1 ? 0 : payload.body_size))
		return -EPROTO;
	if (where == 0 && (payload.sums.whole != 0 || payload.sums.beginning != 0))
		return -EPROTO;
	error = worker_take_id(worker, id, where == 1);
	if (error == -EPROTO)
		return error;
	if (error != 0)
		return worker_reply(worker, SUBMIT_REPLY, frame->request, -1, SUBMIT_TEMPORARY);
	if (payload.body_size > submit_body_limit(worker_config(worker)->message_size_limit))
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
	return worker_reply(worker, SUBMIT_REPLY, frame->request, -1, error == -EFBIG ? SUBMIT_TOO_BIG : submit_result_of(error));
}
