/*
 * The content of a message as it comes in. Whatever was sent, what is kept consists of lines: binary content
 * (RFC 3030) is converted first of all.
 */
#include "smtpd/message.h"

#include <errno.h>

#include "common/base/log.h"
#include "common/mail/address.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mail/originator.h"
#include "common/mail/queueid.h"

enum { FROM_MAX = 8 * 1024 }; /* bytes of the addresses in From: */

void
message_init(struct message *message)
{
	*message = (struct message){ 0 };
	body_begin(&message->body, 0);
}

void
message_refuse(struct message *message, enum reply refusal)
{
	if (message->refusal == REPLY_NONE)
		message->refusal = refusal;
	mime_free(&message->mime);
	body_end(&message->body);
}

/* For what buffers return. */
static void
check(struct message *message, int error)
{
	if (error != 0)
		message_refuse(message, REPLY_NO_MEMORY);
}

/* One allocation instead of a series, when the client said how much will come. */
static void
reserve(struct message *message, uint64_t announced_size)
{
	char *room;

	if (announced_size > 0 && announced_size < message->body.inline_limit)
		check(message, buffer_reserve(&message->body.memory, (size_t)announced_size + 1024, &room));
}

void
message_begin(struct message *message, const struct message_rules *rules, const struct received *received)
{
	const struct config *config = rules->config;

	*message = (struct message){
		.complete = rules->complete,
		.check_from = rules->check_from,
		.mime = rules->binary ? mime_new() : NULL,
		.hops_limit = config->hops_limit,
		.size_limit = config->message_size_limit,
		.queue_id = received->queue_id,
		.when = received->when,
	};
	slice_to_string(slice_from_string(config->hostname), message->hostname, sizeof(message->hostname));
	text_begin(&message->text);
	headers_begin(&message->headers);
	buffer_init(&message->from, FROM_MAX);
	body_begin(&message->body, config->inline_limit);
	if (rules->binary && message->mime == NULL)
		message_refuse(message, REPLY_NO_MEMORY);
	reserve(message, rules->announced_size);
	check(message, received_append(received, &message->body.memory));
}

/* What belongs at the end of the header section. */
static int
append_missing_fields(struct message *message)
{
	struct buffer *out = &message->body.memory;
	int error = 0;

	if (message->complete && !message->headers.date)
		error = received_append_date(message->when, out);
	if (error == 0 && message->complete && !message->headers.message_id)
		error = received_append_message_id(message->queue_id, message->when, message->hostname, out);
	return error;
}

/* Gathers the addresses in From:. False when that is not sure to be what the reader will see. */
static bool
gather_from(struct message *message, struct slice rest)
{
	const struct headers *headers = &message->headers;
	struct slice header = buffer_slice(&message->body.memory);
	struct header_field field;
	char address[ADDRESS_MAX + 1];
	int found;

	/* What has gone into the file cannot be looked at; and the header may not go on after a line that is no field. */
	if (message->body.written > 0 || (headers->fields && !headers->empty_line && headers_held(headers).length + rest.length > 0) ||
	    header_count(header, SLICE("From"), 2) > 1)
		return false;
	if (!header_find(header, SLICE("From"), &field))
		return true;
	while ((found = originator_next(&field.value, address)) == 1)
		if (buffer_append(&message->from, address, strlen(address) + 1) != 0)
			return false;
	return found == 0;
}

/*
 * The header section has ended before the held bytes and REST, the bytes that follow them. A message without
 * any header section gets the empty line that must stand between our fields and its text.
 */
static void
end_header(struct message *message, struct slice rest)
{
	const struct headers *headers = &message->headers;
	struct slice held = headers_held(headers);
	struct buffer *out = &message->body.memory;

	message->header_done = true;
	check(message, append_missing_fields(message));
	if (message->check_from && !gather_from(message, rest))
		message_refuse(message, REPLY_FROM_MALFORMED);
	if (!headers->fields && !headers->empty_line && held.length + rest.length > 0)
		check(message, buffer_append_string(out, "\r\n"));
	check(message, buffer_append_slice(out, held));
	if (headers->received > message->hops_limit)
		message_refuse(message, REPLY_TOO_MANY_HOPS);
}

static void
append_to_header(struct message *message, struct slice piece)
{
	size_t used;

	check(message, headers_pass(&message->headers, piece, &message->body.memory, &used));
	if (message->headers.state != HEADERS_DONE)
		return;
	end_header(message, slice_from(piece, used));
	check(message, buffer_append_slice(&message->body.memory, slice_from(piece, used)));
}

static void
check_text(struct message *message, struct slice piece)
{
	text_check(&message->text, piece);
	if ((message->text.faults & TEXT_NUL) != 0)
		message_refuse(message, REPLY_NUL);
	else if (message->text.faults != 0)
		message_refuse(message, REPLY_BARE_LINE_END);
}

void
message_spill(struct message *message, bool all)
{
	int error = body_spill(&message->body, all);
	char id[QUEUEID_SIZE];

	if (error == 0)
		return;
	queueid_format(message->queue_id, id);
	log_event(LOG_ERR, "smtp.spool_write", LOG_STRING("queue_id", id), LOG_ERROR(error));
	message_refuse(message, REPLY_NO_SPACE);
}

/* Content that should consist of lines. */
static void
append_lines(struct message *message, struct slice piece)
{
	check_text(message, piece);
	if (message->refusal != REPLY_NONE)
		return;
	if (message->header_done)
		check(message, buffer_append_slice(&message->body.memory, piece));
	else
		append_to_header(message, piece);
}

static void
refuse_binary(struct message *message)
{
	char id[QUEUEID_SIZE];

	queueid_format(message->queue_id, id);
	log_event(LOG_INFO, "smtp.unconvertible", LOG_STRING("queue_id", id),
	          LOG_STRING("problem", mime_problem(message->mime)));
	message_refuse(message, REPLY_UNCONVERTIBLE);
}

/* Binary content: PIECE, or its end. */
static void
append_binary(struct message *message, struct slice piece, bool end)
{
	struct buffer lines;
	int error;

	buffer_init(&lines, MIME_OUTPUT_MAX(BODY_STEP));
	error = mime_convert(message->mime, piece, &lines);
	if (error == 0 && end)
		error = mime_finish(message->mime, &lines);
	if (error == 0)
		append_lines(message, buffer_slice(&lines));
	else if (error == -EBADMSG)
		refuse_binary(message);
	else
		check(message, error);
	buffer_free(&lines);
}

void
message_append(struct message *message, struct slice piece)
{
	if (message->refusal != REPLY_NONE || piece.length == 0)
		return;
	message->size += piece.length;
	if (message->size > message->size_limit)
		message_refuse(message, REPLY_TOO_BIG);
	else if (message->mime != NULL)
		append_binary(message, piece, false);
	else
		append_lines(message, piece);
	message_spill(message, false);
}

void
message_finish(struct message *message)
{
	if (message->refusal == REPLY_NONE && message->mime != NULL)
		append_binary(message, SLICE(""), true);
	text_end(&message->text);
	check_text(message, SLICE(""));
	if (message->refusal != REPLY_NONE)
		return;
	if (!message->header_done)
		end_header(message, SLICE(""));
	/* Only BDAT can leave the last line open; everything behind us counts on its end. */
	if (message->text.in_line && message->refusal == REPLY_NONE)
		check(message, buffer_append_string(&message->body.memory, "\r\n"));
}

void
message_end(struct message *message)
{
	mime_free(&message->mime);
	buffer_free(&message->from);
	body_end(&message->body);
}
