/*
 * A report as a message: what is returned of the original, its text, its envelope, and what ends with it, in one record.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io/body_file.h"
#include "common/mail/queueid.h"
#include "queued/original.h"
#include "queued/returns.h"

enum {
	COMPOSED_MAX = 16 * 1024 * 1024, /* bytes of a report */
	BOUNDARY_SIZE = 40,
	TO_SIZE = 2 * CONFIG_NAME_MAX, /* bytes that "postmaster@HOSTNAME" fits in */
};

/* ---- what is returned of the message ---- */

/* Reads the first LENGTH bytes of a body file, which have that checksum; free *bytes_r. */
static int
read_body(struct active *active, size_t length, uint32_t checksum, char **bytes_r)
{
	int fd = store_open_body(active->schedule->hooks.store, active->message->id);
	struct body_file file;
	struct slice piece;
	int error;

	if (fd < 0)
		return fd;
	body_file_begin(&file, fd, length, checksum);
	*bytes_r = malloc(length == 0 ? 1 : length);
	error = *bytes_r == NULL ? -ENOMEM : body_file_read(&file, *bytes_r, length, &piece);
	close(fd);
	if (error != 0) {
		free(*bytes_r);
		*bytes_r = NULL;
	}
	if (error == -EUCLEAN)
		active_doubt(active);
	return error;
}

/* The whole message, or that part of its beginning that has a checksum of its own; nothing when it is damaged. Free *bytes_r. */
static struct slice
get_content(struct active *active, bool whole, char **bytes_r)
{
	const struct message_payload *payload = &active->payload;
	size_t length = payload->body_size;

	*bytes_r = NULL;
	if (!whole && length > BODY_FILE_BEGINNING)
		length = BODY_FILE_BEGINNING;
	if (!payload->body_in_file)
		return slice_first(payload->body, length);
	if (read_body(active, length, whole ? payload->sums.whole : payload->sums.beginning, bytes_r) != 0)
		return SLICE("");
	return slice_of(*bytes_r, length);
}

struct slice
returns_header(struct active *active, char **bytes_r)
{
	return original_header(get_content(active, false, bytes_r), RETURNS_HEADER_MAX);
}

/*
 * RFC 3461 4.3: RET chooses, but only when something failed; without it a small message is returned whole. A binary one cannot be
 * (RFC 3030 3).
 */
static bool
returns_full(const struct batch *batch)
{
	const struct active *active = batch->active;

	if (batch->kind != REPORT_FAILURE && batch->kind != REPORT_DOUBLE)
		return false;
	if ((active->envelope.flags & (ENVELOPE_RET_HDRS | ENVELOPE_BINARYMIME)) != 0)
		return false;
	return active->message->body_size <= schedule_config(active->schedule)->bounce_size_limit && !active->message->damaged;
}

static void
fill_content(const struct batch *batch, struct report *report, char **bytes_r)
{
	struct active *active = batch->active;

	*bytes_r = NULL;
	report->returned = REPORT_FULL;
	if (returns_full(batch))
		report->content = get_content(active, true, bytes_r);
	if (report->content.length == 0) {
		free(*bytes_r);
		report->returned = REPORT_HEADERS;
		report->content = returns_header(active, bytes_r);
	}
	report->global = (active->envelope.flags & ENVELOPE_SMTPUTF8) != 0;
	report->message_id = original_message_id(report->content);
}

/* ---- its text ---- */

static enum report_action
outcome_action(const struct batch *batch, const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_FAILED:
		return REPORT_FAILED;
	case OUTCOME_DELIVERED:
		return REPORT_DELIVERED;
	case OUTCOME_RELAYED:
		return REPORT_RELAYED;
	case OUTCOME_EXPANDED:
		return REPORT_EXPANDED;
	case OUTCOME_DEFERRED:
	case OUTCOME_BRIEF:
	case OUTCOME_UNTRIED:
		break;
	}
	return batch->kind == REPORT_DELAY ? REPORT_DELAYED : REPORT_EXPIRED;
}

static void
fill_recipient(const struct batch *batch, const struct outcome *outcome, struct report_recipient *recipient)
{
	const struct active *active = batch->active;
	struct slice written = active_address(active, message_root(active->message, outcome->index));
	struct slice final = outcome->address.length > 0 ? outcome->address : active_address(active, outcome->index);

	*recipient = (struct report_recipient){
		.action = outcome_action(batch, outcome),
		.original = active_original_recipient(active, outcome->index),
		.final = final,
		.via = slice_equal_nocase(written, final) ? SLICE("") : written,
		.status = slice_from_string(outcome->status),
		.remote = outcome->remote,
		.text = outcome->text,
	};
}

static void
fill_recipients(const struct batch *batch, struct report_recipient *recipients)
{
	const struct outcome *outcome;
	size_t count = 0;

	STAILQ_FOREACH(outcome, batch_outcomes(batch), link)
		if (count < batch->told && batch_tells(batch, outcome))
			fill_recipient(batch, outcome, &recipients[count++]);
}

/* Who gets the report, as it stands in its header: "postmaster" is that of this host. OUT has TO_SIZE bytes. */
static struct slice
report_to(const struct batch *batch, char *out)
{
	const struct config *config = schedule_config(batch->active->schedule);

	if (batch->kind != REPORT_DOUBLE)
		return batch->active->envelope.sender;
	if (strchr(config->double_bounce_to, '@') != NULL)
		return slice_from_string(config->double_bounce_to);
	snprintf(out, TO_SIZE, "%s@%s", config->double_bounce_to, config->hostname);
	return slice_from_string(out);
}

static int
compose(const struct batch *batch, uint64_t id, struct buffer *out, struct report_traits *traits_r)
{
	const struct active *active = batch->active;
	const struct config *config = schedule_config(active->schedule);
	struct report_recipient *recipients = calloc(batch->told, sizeof(*recipients));
	char name[QUEUEID_SIZE], original[QUEUEID_SIZE], boundary[BOUNDARY_SIZE], to[TO_SIZE];
	uint64_t random;
	char *bytes;
	int error;
	struct report report = {
		.kind = batch->kind,
		.hostname = config->hostname,
		.id = name,
		.original_id = original,
		.boundary = boundary,
		.now = schedule_now(active->schedule),
		.arrival = active->message->arrival,
		.until = active->message->arrival + (int64_t)config->queue_lifetime,
		.to = report_to(batch, to),
		.envid = active->envelope.envid,
		.client = active->envelope.client,
		.recipients = recipients,
		.recipient_count = batch->told,
	};

	if (recipients == NULL)
		return -ENOMEM;
	queueid_format(id, name);
	queueid_format(active->message->id, original);
	arc4random_buf(&random, sizeof(random));
	snprintf(boundary, sizeof(boundary), "=_%s.%016llx", name, (unsigned long long)random);
	fill_recipients(batch, recipients);
	fill_content(batch, &report, &bytes);
	error = report_compose(&report, out, traits_r);
	free(bytes);
	free(recipients);
	return error;
}

/* ---- the record ---- */

/* RFC 3461 6: a report has the null reverse-path. One that nobody may be told about when it fails is marked as the last. */
static int
encode_envelope(const struct batch *batch, const struct report_traits *traits, struct buffer *out)
{
	const struct config *config = schedule_config(batch->active->schedule);
	bool last = batch->kind == REPORT_DOUBLE;
	struct envelope_recipient recipient = {
		.address = last ? slice_from_string(config->double_bounce_to) : batch->active->envelope.sender,
	};
	struct envelope envelope = {
		.client = SLICE("local"),
		.flags = (uint8_t)((traits->eight_bit ? ENVELOPE_8BITMIME : 0) | (traits->utf8 ? ENVELOPE_SMTPUTF8 : 0) |
		                   (last ? ENVELOPE_LAST : 0)),
		.recipient_count = 1,
		.recipients = &recipient,
	};

	return envelope_encode(&envelope, out);
}

/* What the report's record says about the message that it is about. */
static int
encode_ends(const struct batch *batch, struct buffer *out)
{
	uint64_t id = batch->active->message->id;
	const struct outcome *outcome;
	int error = payload_results_begin(out);

	if (error == 0 && batch->kind == REPORT_DELAY)
		error = payload_results_mark(out, id, MARK_WARNED);
	STAILQ_FOREACH(outcome, &batch->outcomes, link) {
		struct payload_range range = { outcome->index, 1 };

		/* The EXPANSION itself says that a recipient was expanded: without it there are no members. */
		if (error == 0 && outcome->kind != OUTCOME_EXPANDED)
			error = payload_results_add(out, id, (uint8_t)outcome_state(outcome), &range, 1);
	}
	return error;
}

static struct message *
report_message(uint64_t id, int64_t now, size_t size)
{
	struct message *message = message_new(id);
	struct payload_range all = { 0, 1 };

	if (message == NULL)
		return NULL;
	message->recipients = 1;
	message->arrival = now;
	message->body_size = size;
	message_open(message, &all); /* one recipient needs no memory */
	return message;
}

int
batch_compose(struct batch *batch, uint64_t id, struct record **record_r)
{
	int64_t now = schedule_now(batch->active->schedule);
	struct report_traits traits;
	struct buffer text, envelope, ends;
	int error;

	buffer_init(&text, COMPOSED_MAX);
	buffer_init(&envelope, COMPOSED_MAX);
	buffer_init(&ends, COMPOSED_MAX);
	error = compose(batch, id, &text, &traits);
	if (error == 0)
		error = encode_envelope(batch, &traits, &envelope);
	if (error == 0)
		error = encode_ends(batch, &ends);
	if (error == 0) {
		*record_r = payload_message(id, &(struct message_payload){
			.arrival = now,
			.body_size = buffer_length(&text),
			.recipients = 1,
			.ends = buffer_slice(&ends),
			.envelope = buffer_slice(&envelope),
			.body = buffer_slice(&text),
		});
		batch->message = report_message(id, now, buffer_length(&text));
		error = *record_r == NULL || batch->message == NULL ? -ENOMEM : 0;
	}
	if (error != 0)
		message_free(&batch->message);
	buffer_free(&text);
	buffer_free(&envelope);
	buffer_free(&ends);
	return error;
}
