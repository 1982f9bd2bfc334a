/*
 * The content of a message in a session.
 *
 *   content_take_data, content_take_chunk      bytes come in; message.c collects them
 *   content_advance                            what is next? a spool file, or (when all is here) the queue
 *   content_answered                           the queue gave a file, or took the message
 *   content_end                                the client gets its answer; the transaction is over
 *
 * Content that is refused is read to its end all the same and then answered, as the client expects it.
 */
#include "smtpd/content.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "smtpd/limit.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

enum {
	/*
	 * Bytes of content that earn the client smtp_data_timeout anew: about 90 bytes a second is the slowest
	 * that we wait for. A timer for each read would let a client hold a session for ever with a byte now
	 * and then.
	 */
	PROGRESS_STEP = 16 * 1024,
};

static void content_answered(struct submit_job *job, enum submit_result result, int fd);

enum reply
content_begin(struct session *session)
{
	struct transaction *transaction = session->transaction;
	const struct recipient *first = STAILQ_FIRST(&transaction->accepted);
	const struct config *config = session->host->config;
	struct message_rules rules = {
		.config = config,
		.complete = session->submission,
		.check_from = session->login != NULL,
		.binary = (transaction->flags & ENVELOPE_BINARYMIME) != 0,
		.announced_size = transaction->announced_size,
	};
	struct tls_info tls;
	struct received received = {
		.helo = session->helo,
		.client = session->client,
		.hostname = config->hostname,
		.extended = session->extended,
		.utf8 = (transaction->flags & ENVELOPE_SMTPUTF8) != 0,
		.authenticated = session->login != NULL,
		.local = session->local,
		.tls = conn_tls_info(session->conn, &tls) ? &tls : NULL,
		.recipient = transaction->accepted_count == 1 ? first->address : SLICE(""),
		.when = clock_wall(),
	};
	enum reply full = limit_memory_new(session);

	transaction->job.answered = content_answered;
	transaction->job.owner = session;
	if (full != REPLY_NONE) {
		message_refuse(&transaction->message, full);
		return full;
	}
	if (submit_begin(session->host->submit, &transaction->job) != 0) {
		message_refuse(&transaction->message, REPLY_QUEUE_FAILED);
		return REPLY_QUEUE_FAILED;
	}
	received.queue_id = transaction->job.id;
	message_begin(&transaction->message, &rules, &received);
	session->progress = 0;
	return transaction->message.refusal;
}

static void
content_accepted(struct session *session)
{
	const struct transaction *transaction = session->transaction;
	char id[QUEUEID_SIZE];

	session->messages++;
	session->recipients += transaction->accepted_count;
	queueid_format(transaction->job.id, id);
	log_event(LOG_INFO, "smtp.accept", LOG_STRING("session", session->id), LOG_STRING("queue_id", id),
	          LOG_STRING("client", session->client), LOG_STRING("from", transaction->sender),
	          LOG_UINT("recipients", transaction->accepted_count), LOG_UINT("size", transaction->message.size));
	session_check(session, reply_queued(session->conn, transaction->job.id));
}

static void
content_refused(struct session *session, enum reply reply)
{
	const struct transaction *transaction = session->transaction;

	session->refused++;
	log_event(LOG_INFO, "smtp.refuse", LOG_STRING("session", session->id), LOG_STRING("client", session->client),
	          LOG_STRING("from", transaction->sender), LOG_UINT("recipients", transaction->accepted_count),
	          LOG_UINT("size", transaction->message.size), LOG_SLICE("reply", reply_text(reply)));
	session_reply(session, reply);
}

void
content_end(struct session *session, enum reply refusal)
{
	if (refusal == REPLY_NONE)
		content_accepted(session);
	else
		content_refused(session, refusal);
	session->mode = SESSION_COMMANDS;
	session_reset(session);
	session_arm(session);
}

/* Hands the message to the queue. */
static void
content_submit(struct session *session)
{
	struct transaction *transaction = session->transaction;
	struct message *message = &transaction->message;
	struct envelope envelope;
	int error;

	message_spill(message, true);
	if (message->refusal != REPLY_NONE) {
		content_end(session, message->refusal);
		return;
	}
	/* What was binary has been converted. */
	transaction->flags &= (uint8_t)~ENVELOPE_BINARYMIME;
	if (message->text.eight_bit)
		transaction->flags |= ENVELOPE_8BITMIME;
	error = transaction_envelope(transaction, &envelope);
	if (error == 0) {
		envelope.client = slice_from_string(session->client);
		envelope.session = slice_from_string(session->id);
		error = submit_message(session->host->submit, &transaction->job, &envelope, &message->body);
	}
	envelope_free(&envelope);
	if (error != 0) {
		content_end(session, REPLY_QUEUE_FAILED);
		return;
	}
	buffer_free(&message->body.memory);
	session_wait(session, SESSION_WAIT_QUEUE);
}

/* Asks for a spool file when the message has outgrown its memory; hands it over when it is whole. */
static void
content_advance(struct session *session)
{
	struct transaction *transaction = session->transaction;
	struct message *message = &transaction->message;

	if (message->refusal == REPLY_NONE && body_wants_file(&message->body)) {
		if (submit_open(session->host->submit, &transaction->job, transaction->announced_size) == 0) {
			session_wait(session, SESSION_WAIT_QUEUE);
			return;
		}
		message_refuse(message, REPLY_QUEUE_FAILED);
	}
	if (!session->finishing)
		return;
	if (message->refusal != REPLY_NONE)
		content_end(session, message->refusal);
	else
		content_submit(session);
}

static void content_check_from(struct session *session);

static void
content_from_answered(struct may_send *question, enum table_may_send said)
{
	static const enum reply refusals[] = {
		[TABLE_MAY_SEND_YES] = REPLY_NONE,
		[TABLE_MAY_SEND_NO] = REPLY_FROM_NOT_YOURS,
		[TABLE_MAY_SEND_LATER] = REPLY_LOOKUP_FAILED,
	};
	struct session *session = question->context;

	if (refusals[said] != REPLY_NONE)
		message_refuse(&session->transaction->message, refusals[said]);
	content_check_from(session);
	if (session->stopping && !session->finishing) {
		session_reply(session, REPLY_SHUTDOWN);
		session_close(session, "shutdown");
	}
	if (session->transaction == NULL || !session->transaction->may_send.waiting)
		session_wake(session, SESSION_WAIT_SENDER);
}

/* Asks about the next address in the From: field of a user's message; after the last one the message goes on. */
static void
content_check_from(struct session *session)
{
	struct transaction *transaction = session->transaction;
	struct message *message = &transaction->message;
	struct slice rest = slice_from(buffer_slice(&message->from), transaction->from_asked);

	if (message->refusal == REPLY_NONE && rest.length > 0) {
		transaction->from_asked += strlen(rest.data) + 1;
		transaction->may_send.answered = content_from_answered;
		transaction->may_send.context = session;
		if (may_send_ask(session->host->tabled, session->login, rest.data, &transaction->may_send) == 0) {
			session_wait(session, SESSION_WAIT_SENDER);
			return;
		}
		message_refuse(message, REPLY_LOOKUP_FAILED);
	}
	content_advance(session);
}

static void
content_finish(struct session *session)
{
	session->finishing = true;
	message_finish(&session->transaction->message);
	content_check_from(session);
}

static enum reply
result_reply(enum submit_result result)
{
	switch (result) {
	case SUBMIT_OK:
		return REPLY_NONE;
	case SUBMIT_NO_SPACE:
		return REPLY_NO_SPACE;
	case SUBMIT_TOO_BIG:
		return REPLY_TOO_BIG;
	case SUBMIT_TEMPORARY:
		break;
	}
	return REPLY_QUEUE_FAILED;
}

/* A spool file was given, or not. */
static void
content_opened(struct session *session, enum reply refusal, int fd)
{
	struct message *message = &session->transaction->message;

	if (refusal == REPLY_NONE) {
		body_set_file(&message->body, fd);
		message_spill(message, true);
	} else {
		message_refuse(message, refusal);
	}
	content_advance(session);
}

static void
content_answered(struct submit_job *job, enum submit_result result, int fd)
{
	struct session *session = job->owner;

	if (job->opening)
		content_opened(session, result_reply(result), fd);
	else
		content_end(session, result_reply(result));
	if (session->stopping && !session->finishing) {
		session_reply(session, REPLY_SHUTDOWN);
		session_close(session, "shutdown");
	}
	if (session->transaction == NULL || !session->transaction->job.waiting)
		session_wake(session, SESSION_WAIT_QUEUE);
}

/* After LENGTH bytes of content came in. */
static void
content_progress(struct session *session, size_t length)
{
	struct transaction *transaction = session->transaction;

	if (transaction != NULL && transaction->message.refusal == REPLY_NONE && limit_memory_more(session) != REPLY_NONE)
		message_refuse(&transaction->message, REPLY_MEMORY_FULL);
	session->progress += length;
	if (session->progress < PROGRESS_STEP)
		return;
	session->progress = 0;
	session_arm(session);
}

size_t
content_take_data(struct session *session, struct slice input)
{
	struct message *message = &session->transaction->message;
	size_t used = 0;

	input = slice_first(input, BODY_STEP);
	while (used < input.length && !data_ended(&session->data)) {
		struct slice piece;

		used += data_decode(&session->data, slice_from(input, used), &piece);
		message_append(message, piece);
	}
	content_progress(session, used);
	if (data_ended(&session->data)) {
		session->mode = SESSION_COMMANDS;
		content_finish(session);
	} else {
		content_advance(session);
	}
	return used;
}

/*
 * A chunk that is no part of a message: read away, so that its bytes are not taken for commands (RFC 3030 2).
 */
static void
end_swallowed_chunk(struct session *session)
{
	enum reply reply = session->chunk_reply;

	session->chunk_reply = REPLY_NONE;
	session_reply(session, reply);
}

void
content_end_chunk(struct session *session)
{
	session->mode = SESSION_COMMANDS;
	session_arm(session);
	if (session->chunk_reply != REPLY_NONE) {
		end_swallowed_chunk(session);
		return;
	}
	session->state = SESSION_CHUNKS;
	if (session->chunk_last) {
		content_finish(session);
		return;
	}
	if (session->transaction->message.refusal != REPLY_NONE)
		session_reply(session, session->transaction->message.refusal);
	else
		session_reply(session, REPLY_CHUNK_OK);
	content_advance(session);
}

size_t
content_take_chunk(struct session *session, struct slice input)
{
	input = slice_first(input, BODY_STEP);
	if (input.length > session->chunk_left)
		input.length = (size_t)session->chunk_left;
	session->chunk_left -= input.length;
	if (session->chunk_reply == REPLY_NONE)
		message_append(&session->transaction->message, input);
	content_progress(session, input.length);
	if (session->chunk_left == 0)
		content_end_chunk(session);
	else if (session->chunk_reply == REPLY_NONE)
		content_advance(session);
	return input.length;
}
