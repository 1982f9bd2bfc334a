/*
 * Returning to the sender what failed: who is told, and the bounce as a message of its own that ends, in the same record, the
 * recipients that it reports.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/durable.h"
#include "common/mail/header.h"
#include "common/mail/queueid.h"
#include "queued/bounce.h"
#include "queued/retry.h"
#include "queued/schedule_state.h"

enum {
	RECIPIENTS_MAX = 1000,          /* in one bounce */
	HEADERS_MAX = 64 * 1024,        /* bytes of a header section that is returned */
	COMPOSED_MAX = 16 * 1024 * 1024, /* bytes of a bounce */
	BOUNDARY_SIZE = 40,
};

/* Some outcomes that are being returned, or dropped, together. */
struct batch {
	struct active *active;
	struct outcome_list outcomes;
	size_t count;
	size_t told;              /* for how many the sender wants to know */
	bool expired;             /* the outcomes that were deferred are over now */
	struct message *message;  /* the bounce */
};

static void
batch_free(struct batch *batch)
{
	while (!STAILQ_EMPTY(&batch->outcomes)) {
		struct outcome *outcome = STAILQ_FIRST(&batch->outcomes);

		STAILQ_REMOVE_HEAD(&batch->outcomes, link);
		free(outcome);
	}
	free(batch);
}

static bool
message_is_expired(const struct active *active)
{
	return retry_is_over(schedule_config(active->schedule), active->message->arrival, schedule_now(active->schedule));
}

bool
returns_wanted(const struct active *active)
{
	return active->failed > 0 || (active->deferred > 0 && message_is_expired(active));
}

/* RFC 3461 5.2: nobody is told when NOTIFY says so; RFC 5321 4.5.5: a null reverse-path never gets a bounce. */
static bool
sender_is_told(const struct active *active, const struct outcome *outcome)
{
	uint32_t root = message_root(active->message, outcome->index);
	uint8_t notify = root < active->envelope.recipient_count ? active->envelope.recipients[root].notify : 0;

	return active->envelope.sender.length > 0 && (notify == 0 || (notify & ENVELOPE_NOTIFY_FAILURE) != 0);
}

static enum recipient_state
outcome_state(const struct outcome *outcome)
{
	return outcome->kind == OUTCOME_FAILED ? RECIPIENT_BOUNCED : RECIPIENT_EXPIRED;
}

/* Moves some outcomes that are over from ACTIVE to a new batch. NULL when there are none, or out of memory. */
static struct batch *
batch_take(struct active *active)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	struct outcome *outcome, *next;

	if (batch == NULL)
		return NULL;
	batch->active = active;
	batch->expired = message_is_expired(active);
	STAILQ_INIT(&batch->outcomes);
	for (outcome = STAILQ_FIRST(&active->outcomes); outcome != NULL && batch->count < RECIPIENTS_MAX; outcome = next) {
		next = STAILQ_NEXT(outcome, link);
		if (outcome->kind != OUTCOME_FAILED && !(batch->expired && outcome_may_expire(outcome->kind)))
			continue;
		STAILQ_REMOVE(&active->outcomes, outcome, outcome, link);
		STAILQ_INSERT_TAIL(&batch->outcomes, outcome, link);
		active->failed -= outcome->kind == OUTCOME_FAILED ? 1 : 0;
		active->deferred -= outcome->kind == OUTCOME_FAILED ? 0 : 1;
		batch->count++;
		batch->told += sender_is_told(active, outcome) ? 1 : 0;
	}
	if (batch->count > 0)
		return batch;
	free(batch);
	return NULL;
}

/* ---- what is returned of the message ---- */

/* Reads the beginning of a body file; free *bytes_r. */
static int
read_body(const struct active *active, size_t length, char **bytes_r)
{
	int fd = store_open_body(active->schedule->hooks.store, active->message->id);
	int error;

	if (fd < 0)
		return fd;
	*bytes_r = malloc(length == 0 ? 1 : length);
	error = *bytes_r == NULL ? -ENOMEM : durable_pread(fd, *bytes_r, length, 0);
	close(fd);
	if (error != 0) {
		free(*bytes_r);
		*bytes_r = NULL;
	}
	return error;
}

/* RFC 3461 4.3: RET chooses; without it a small message is returned whole. A binary one cannot be (RFC 3030 3). */
static bool
returns_full(const struct active *active)
{
	unsigned flags = active->envelope.flags;

	if ((flags & (ENVELOPE_RET_HDRS | ENVELOPE_BINARYMIME)) != 0)
		return false;
	return active->message->body_size <= schedule_config(active->schedule)->bounce_size_limit;
}

/* At most MOST bytes, whole lines. */
static struct slice
cut_headers(struct slice message, size_t most)
{
	struct slice headers = slice_first(message, header_length(message));

	if (headers.length <= most)
		return headers;
	headers = slice_first(headers, most);
	return slice_first(headers, slice_find_last(headers, '\n') + 1);
}

static void
get_content(const struct active *active, struct bounce *bounce, char **bytes_r)
{
	size_t most = active->message->body_size;
	struct slice body = active_body(active);

	*bytes_r = NULL;
	bounce->returned = returns_full(active) ? BOUNCE_FULL : BOUNCE_HEADERS;
	if (bounce->returned == BOUNCE_HEADERS && most > HEADERS_MAX)
		most = HEADERS_MAX;
	if (active->message->body_in_file && read_body(active, most, bytes_r) == 0)
		body = slice_of(*bytes_r, most);
	bounce->content = bounce->returned == BOUNCE_FULL ? body : cut_headers(body, HEADERS_MAX);
}

/* ---- the bounce as a message ---- */

static void
fill_recipients(const struct batch *batch, struct bounce_recipient *recipients)
{
	const struct active *active = batch->active;
	const struct outcome *outcome;

	STAILQ_FOREACH(outcome, &batch->outcomes, link) {
		uint32_t root = message_root(active->message, outcome->index);

		if (!sender_is_told(active, outcome))
			continue;
		*recipients++ = (struct bounce_recipient){
			.original = root < active->envelope.recipient_count ? active->envelope.recipients[root].orcpt : SLICE(""),
			.final = outcome->address.length > 0 ? outcome->address : active_address(active, outcome->index),
			/* RFC 3463 3.5: X.4.7, delivery time expired */
			.status = outcome->kind == OUTCOME_FAILED ? slice_from_string(outcome->status) : SLICE("4.4.7"),
			.text = outcome->text,
			.expired = outcome->kind != OUTCOME_FAILED,
		};
	}
}

static int
compose(const struct batch *batch, uint64_t id, struct buffer *out, struct bounce_traits *traits_r)
{
	const struct active *active = batch->active;
	const struct config *config = schedule_config(active->schedule);
	struct bounce_recipient *recipients = calloc(batch->told, sizeof(*recipients));
	char name[QUEUEID_SIZE], original[QUEUEID_SIZE], boundary[BOUNDARY_SIZE];
	uint64_t random;
	char *bytes;
	int error;
	struct bounce bounce = {
		.hostname = config->hostname,
		.id = name,
		.message_id = original,
		.boundary = boundary,
		.now = schedule_now(active->schedule),
		.arrival = active->message->arrival,
		.sender = active->envelope.sender,
		.envid = active->envelope.envid,
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
	get_content(active, &bounce, &bytes);
	error = bounce_compose(&bounce, out, traits_r);
	free(bytes);
	free(recipients);
	return error;
}

static int
encode_envelope(const struct active *active, const struct bounce_traits *traits, struct buffer *out)
{
	struct envelope_recipient recipient = { .address = active->envelope.sender };
	struct envelope envelope = {
		.client = SLICE("local"),
		.flags = (uint8_t)((traits->eight_bit ? ENVELOPE_8BITMIME : 0) | (traits->utf8 ? ENVELOPE_SMTPUTF8 : 0)),
		.recipient_count = 1,
		.recipients = &recipient,
	};

	return envelope_encode(&envelope, out);
}

/* What the bounce's record says about the message that failed. */
static int
encode_ends(const struct batch *batch, struct buffer *out)
{
	const struct outcome *outcome;
	int error = payload_results_begin(out);

	STAILQ_FOREACH(outcome, &batch->outcomes, link) {
		struct payload_range range = { outcome->index, 1 };

		if (error == 0)
			error = payload_results_add(out, batch->active->message->id, (uint8_t)outcome_state(outcome), &range, 1);
	}
	return error;
}

static struct message *
bounce_message(uint64_t id, int64_t now, size_t size)
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

static int
make_bounce(struct batch *batch, uint64_t id, struct record **record_r)
{
	int64_t now = schedule_now(batch->active->schedule);
	struct bounce_traits traits;
	struct buffer text, envelope, ends;
	int error;

	buffer_init(&text, COMPOSED_MAX);
	buffer_init(&envelope, COMPOSED_MAX);
	buffer_init(&ends, COMPOSED_MAX);
	error = compose(batch, id, &text, &traits);
	if (error == 0)
		error = encode_envelope(batch->active, &traits, &envelope);
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
		batch->message = bounce_message(id, now, buffer_length(&text));
		error = *record_r == NULL || batch->message == NULL ? -ENOMEM : 0;
	}
	if (error != 0)
		message_free(&batch->message);
	buffer_free(&text);
	buffer_free(&envelope);
	buffer_free(&ends);
	return error;
}

/* ---- what becomes of a batch ---- */

static void
bounce_settled(void *context, struct record *record, int error)
{
	struct batch *batch = context;
	struct active *active = batch->active;
	const struct outcome *outcome;

	(void)error; /* such a record becomes durable in the end */
	active->message->settling--;
	active->returning--;
	STAILQ_FOREACH(outcome, &batch->outcomes, link)
		message_set_state(active->message, outcome->index, outcome_state(outcome));
	schedule_add(active->schedule, batch->message, record);
	batch_free(batch);
	active_check(active);
}

static int
batch_bounce(struct batch *batch)
{
	struct schedule *schedule = batch->active->schedule;
	uint64_t id = store_take_ids(schedule->hooks.store, clock_wall_us(), 1);
	char name[QUEUEID_SIZE], original[QUEUEID_SIZE];
	struct record *record = NULL;
	int error = make_bounce(batch, id, &record);

	if (error == 0) {
		queueid_format(id, name);
		queueid_format(batch->active->message->id, original);
		log_event(LOG_INFO, "queue.bounced", LOG_STRING("id", original), LOG_STRING("bounce", name),
		          LOG_SLICE("to", batch->active->envelope.sender), LOG_UINT("recipients", batch->told));
		batch->active->message->settling++;
		batch->active->returning++;
		record->again = true;
		store_add(schedule->hooks.store, batch->message, record, bounce_settled, batch);
	}
	record_release(&record);
	return error;
}

/* The recipients end, and nobody is told. */
static void
batch_drop(struct batch *batch, const char *reason)
{
	struct active *active = batch->active;
	const struct outcome *outcome;
	char name[QUEUEID_SIZE];

	queueid_format(active->message->id, name);
	STAILQ_FOREACH(outcome, &batch->outcomes, link) {
		struct payload_range range = { outcome->index, 1 };

		log_event(LOG_NOTICE, "queue.not_bounced", LOG_STRING("id", name), LOG_SLICE("to", outcome->address),
		          LOG_STRING("reason", reason));
		store_results(active->schedule->hooks.store, active->message, outcome_state(outcome), &range, 1);
	}
	batch_free(batch);
}

/* It cannot be returned now: the recipients are tried again, and will fail again. */
static void
batch_forget(struct batch *batch, int error)
{
	char name[QUEUEID_SIZE];

	queueid_format(batch->active->message->id, name);
	log_event(LOG_ERR, "queue.bounce_failed", LOG_STRING("id", name), LOG_ERROR(error));
	batch_free(batch);
}

static void
batch_return(struct batch *batch)
{
	int error;

	if (batch->told == 0) {
		batch_drop(batch, batch->active->envelope.sender.length == 0 ? "null reverse-path" : "NOTIFY");
		return;
	}
	error = batch_bounce(batch);
	if (error != 0)
		batch_forget(batch, error);
}

void
returns_begin(struct active *active)
{
	int error = active_load(active);
	struct batch *batch;

	active->returning++; /* our own, so that nothing ends the round meanwhile */
	while (returns_wanted(active) && (batch = batch_take(active)) != NULL) {
		if (error == 0)
			batch_return(batch);
		else if (error == -EBADMSG)
			batch_drop(batch, "the message is damaged");
		else
			batch_forget(batch, error);
	}
	active_unload(active);
	active->returning--;
	if (active->returning == 0 && returns_wanted(active))
		schedule_end_round(&active); /* out of memory: tried again later */
	else
		active_check(active);
}
