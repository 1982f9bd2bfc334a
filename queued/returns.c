/*
 * Reports to senders: what failed for good, what is late, and what was delivered when they asked for it. A report and what ends with it
 * are one record. Who is told: RFC 3461 4.1 and 5.2, RFC 5321 4.5.5.
 */
#include "queued/returns.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/original.h"
#include "queued/retry.h"

enum { RECIPIENTS_MAX = 1000 }; /* in one report */

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

void
returns_forget(struct active *active)
{
	struct batch *batch;

	while ((batch = LIST_FIRST(&active->batches)) != NULL) {
		LIST_REMOVE(batch, link);
		batch_free(batch);
	}
}

static struct batch *
batch_new(struct active *active, enum report_kind kind)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return NULL;
	batch->active = active;
	batch->kind = kind;
	STAILQ_INIT(&batch->outcomes);
	return batch;
}

/* ---- what is wanted ---- */

static bool
message_is_expired(const struct active *active)
{
	return retry_is_over(schedule_config(active->schedule), active->message->arrival, schedule_now(active->schedule));
}

static bool
failure_wanted(const struct active *active)
{
	return active->failed > 0 || (active->deferred > 0 && message_is_expired(active));
}

static bool
warning_wanted(const struct active *active)
{
	int64_t after = schedule_config(active->schedule)->delay_warning;
	int64_t age = schedule_now(active->schedule) - active->message->arrival;

	return active->deferred > 0 && !active->message->warned && after > 0 && age >= after && !message_is_expired(active);
}

bool
returns_wanted(const struct active *active)
{
	return failure_wanted(active) || warning_wanted(active);
}

/* ---- who is told ---- */

const struct outcome_list *
batch_outcomes(const struct batch *batch)
{
	return batch->kind == REPORT_DELAY ? &batch->active->outcomes : &batch->outcomes;
}

bool
batch_tells(const struct batch *batch, const struct outcome *outcome)
{
	uint8_t notify = active_notify(batch->active, outcome->index);

	switch (batch->kind) {
	case REPORT_FAILURE:
	case REPORT_DOUBLE:
		return notify == 0 || (notify & ENVELOPE_NOTIFY_FAILURE) != 0;
	case REPORT_DELAY:
		return outcome_may_expire(outcome->kind) && (notify == 0 || (notify & ENVELOPE_NOTIFY_DELAY) != 0);
	case REPORT_SUCCESS:
		break;
	}
	return (notify & ENVELOPE_NOTIFY_SUCCESS) != 0;
}

/* Why nobody is told of a failure, or NULL. */
static const char *
batch_silence(const struct batch *batch)
{
	const struct active *active = batch->active;

	if ((active->envelope.flags & ENVELOPE_LAST) != 0)
		return "it is the report of a report that failed";
	if (batch->kind == REPORT_DOUBLE && schedule_config(active->schedule)->double_bounce_to[0] == '\0')
		return "null reverse-path";
	return batch->told == 0 ? "NOTIFY" : NULL;
}

static size_t
batch_count_told(const struct batch *batch)
{
	const struct outcome *outcome;
	size_t told = 0;

	STAILQ_FOREACH(outcome, batch_outcomes(batch), link)
		told += told < RECIPIENTS_MAX && batch_tells(batch, outcome) ? 1 : 0;
	return told;
}

enum recipient_state
outcome_state(const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_FAILED:
		return RECIPIENT_BOUNCED;
	case OUTCOME_DELIVERED:
		return RECIPIENT_DELIVERED;
	case OUTCOME_RELAYED:
		return RECIPIENT_RELAYED;
	case OUTCOME_EXPANDED:
		return RECIPIENT_EXPANDED;
	case OUTCOME_DEFERRED:
	case OUTCOME_BRIEF:
	case OUTCOME_UNTRIED:
		break;
	}
	return RECIPIENT_EXPIRED;
}

/* ---- taking outcomes ---- */

/* True when OUTCOME ends with a batch of that kind. */
static bool
outcome_belongs(const struct outcome *outcome, enum report_kind kind, bool expired)
{
	if (kind == REPORT_SUCCESS)
		return outcome_is_success(outcome->kind);
	return outcome->kind == OUTCOME_FAILED || (expired && outcome_may_expire(outcome->kind));
}

/* Moves some outcomes that are over from ACTIVE to a new batch. NULL when there are none, or out of memory. */
static struct batch *
batch_take(struct active *active, enum report_kind kind)
{
	struct outcome_list others = STAILQ_HEAD_INITIALIZER(others);
	struct batch *batch = batch_new(active, kind);
	struct outcome *outcome;
	bool expired = message_is_expired(active);

	if (batch == NULL)
		return NULL;
	while (batch->count < RECIPIENTS_MAX && (outcome = active_take_outcome(active)) != NULL) {
		bool belongs = outcome_belongs(outcome, kind, expired);

		STAILQ_INSERT_TAIL(belongs ? &batch->outcomes : &others, outcome, link);
		batch->count += belongs ? 1 : 0;
	}
	active_put_outcomes(active, &others);
	if (batch->count > 0)
		return batch;
	free(batch);
	return NULL;
}

/* ---- what becomes of a batch ---- */

static void
batch_settled(void *context, struct record *record, int error)
{
	struct batch *batch = context;
	struct active *active = batch->active;
	const struct outcome *outcome;

	(void)error; /* such a record becomes durable in the end */
	LIST_REMOVE(batch, link);
	active->message->settling--;
	active->returning--;
	if (batch->kind == REPORT_DELAY)
		message_mark(active->message, MARK_WARNED);
	STAILQ_FOREACH(outcome, &batch->outcomes, link)
		if (outcome->kind != OUTCOME_EXPANDED)
			message_set_state(active->message, outcome->index, outcome_state(outcome));
	schedule_add(active->schedule, batch->message, record);
	batch_free(batch);
	active_check(active);
}

static void
batch_log(const struct batch *batch, uint64_t id)
{
	static const char *const events[] = {
		[REPORT_FAILURE] = "queue.bounced",
		[REPORT_DELAY] = "queue.warned",
		[REPORT_SUCCESS] = "queue.reported",
		[REPORT_DOUBLE] = "queue.double_bounced",
	};
	static const char *const words[] = {
		[REPORT_FAILURE] = "(failed)",
		[REPORT_DELAY] = "(delayed)",
		[REPORT_SUCCESS] = "(succeeded)",
		[REPORT_DOUBLE] = "(a report failed)",
	};
	char name[QUEUEID_SIZE], original[QUEUEID_SIZE], text[QUEUEID_SIZE + 32];

	queueid_format(id, name);
	queueid_format(batch->active->message->id, original);
	log_event(LOG_INFO, events[batch->kind], LOG_STRING("id", original), LOG_STRING("report", name),
	          LOG_SLICE("to", batch->active->envelope.sender), LOG_UINT("recipients", batch->told));
	snprintf(text, sizeof(text), "%s %s", name, words[batch->kind]);
	schedule_tell(batch->active->schedule, batch->active->message, QUEUE_EVENT_REPORTED, batch->active->envelope.sender, SLICE(""),
	              slice_from_string(text));
	snprintf(text, sizeof(text), "%s %s", original, words[batch->kind]);
	history_add(batch->active->schedule->hooks.history, id, QUEUE_EVENT_ACCEPTED, SLICE(""), SLICE(""), slice_from_string(text));
}

/* Appends BATCH's report, and takes BATCH. A negative errno value: it was not, and BATCH is still the caller's. */
static int
batch_report(struct batch *batch)
{
	struct schedule *schedule = batch->active->schedule;
	uint64_t id = store_take_ids(schedule->hooks.store, clock_wall_us(), 1);
	struct record *record = NULL;
	int error = batch_compose(batch, id, &record);

	if (error == 0) {
		batch_log(batch, id);
		batch->active->message->settling++;
		batch->active->returning++;
		LIST_INSERT_HEAD(&batch->active->batches, batch, link);
		record->again = true;
		store_add(schedule->hooks.store, batch->message, record, batch_settled, batch);
	}
	record_release(&record);
	return error;
}

/* The recipient ends, and nobody is told. */
static void
end_silently(struct active *active, const struct outcome *outcome, const char *reason)
{
	struct payload_range range = { outcome->index, 1 };
	char name[QUEUEID_SIZE];

	queueid_format(active->message->id, name);
	log_event(LOG_NOTICE, outcome_is_success(outcome->kind) ? "queue.not_reported" : "queue.not_bounced", LOG_STRING("id", name),
	          LOG_SLICE("to", outcome->address), LOG_STRING("reason", reason));
	store_results(active->schedule->hooks.store, active->message, outcome_state(outcome), &range, 1);
}

static void
batch_drop(struct batch *batch, const char *reason)
{
	const struct outcome *outcome;

	STAILQ_FOREACH(outcome, &batch->outcomes, link)
		end_silently(batch->active, outcome, reason);
	batch_free(batch);
}

/* It cannot be returned now: the recipients are tried again, and will fail again. */
static void
batch_forget(struct batch *batch, int error)
{
	char name[QUEUEID_SIZE];

	queueid_format(batch->active->message->id, name);
	log_event(LOG_ERR, "queue.report_failed", LOG_STRING("id", name), LOG_ERROR(error));
	batch_free(batch);
}

/* ---- failures ---- */

static void
return_batch(struct batch *batch)
{
	const char *silence;
	int error;

	batch->kind = batch->active->envelope.sender.length == 0 ? REPORT_DOUBLE : REPORT_FAILURE;
	batch->told = batch_count_told(batch);
	silence = batch_silence(batch);
	if (silence != NULL) {
		batch_drop(batch, silence);
		return;
	}
	error = batch_report(batch);
	if (error != 0)
		batch_forget(batch, error);
}

static void
return_failures(struct active *active, int error)
{
	struct batch *batch;

	while (failure_wanted(active) && (batch = batch_take(active, REPORT_FAILURE)) != NULL) {
		if (error == 0)
			return_batch(batch);
		else if (error == -EBADMSG)
			batch_drop(batch, "the message is damaged");
		else
			batch_forget(batch, error);
	}
}

/* ---- warnings ---- */

/* A warning helps a person who waits for an answer, and nobody else. */
static bool
deserves_warning(const struct active *active)
{
	char *bytes;
	bool deserved;

	if (active->envelope.sender.length == 0)
		return false;
	deserved = !original_is_automatic(returns_header(active, &bytes));
	free(bytes);
	return deserved;
}

static void
return_warning(struct active *active)
{
	struct batch *batch = batch_new(active, REPORT_DELAY);
	int error = -ENOMEM;

	if (batch == NULL)
		return; /* the next round will find that one is wanted */
	batch->told = deserves_warning(active) ? batch_count_told(batch) : 0;
	if (batch->told > 0)
		error = batch_report(batch);
	else
		store_mark(active->schedule->hooks.store, active->message, MARK_WARNED);
	if (batch->told == 0)
		batch_free(batch);
	else if (error != 0)
		batch_forget(batch, error);
}

/* ---- together ---- */

void
returns_begin(struct active *active)
{
	int error = active_load(active);

	active->returning++; /* our own, so that nothing ends the round meanwhile */
	return_failures(active, error);
	if (error == 0 && warning_wanted(active))
		return_warning(active);
	active_unload(active);
	active->returning--;
	if (active->returning == 0 && returns_wanted(active))
		schedule_end_round(&active); /* out of memory: tried again later */
	else
		active_check(active);
}

/* To deliver again because a report cannot be made would be worse than none. */
static void
report_success(struct batch *batch)
{
	int error = active_load(batch->active);

	batch->told = error == 0 ? batch_count_told(batch) : 0;
	if (error == 0)
		error = batch_report(batch);
	if (error != 0)
		batch_drop(batch, "the report cannot be made");
}

void
returns_success(struct active *active)
{
	struct outcome_list others = STAILQ_HEAD_INITIALIZER(others);
	struct outcome *outcome;
	struct batch *batch;

	if (active->succeeded == 0)
		return;
	active->returning++; /* our own, so that nothing ends the round meanwhile */
	while (active->succeeded > 0 && (batch = batch_take(active, REPORT_SUCCESS)) != NULL)
		report_success(batch);
	while (active->succeeded > 0 && (outcome = active_take_outcome(active)) != NULL) {
		if (!outcome_is_success(outcome->kind)) {
			STAILQ_INSERT_TAIL(&others, outcome, link);
			continue;
		}
		end_silently(active, outcome, "out of memory");
		free(outcome);
	}
	active_put_outcomes(active, &others);
	active->returning--;
}

void
returns_expanded(struct active *active, uint32_t recipient)
{
	struct batch *batch;
	struct outcome *outcome;

	if (!active_wants_success(active, recipient))
		return;
	batch = batch_new(active, REPORT_SUCCESS);
	outcome = outcome_new(OUTCOME_EXPANDED, recipient, active_address(active, recipient), "2.1.5", &(struct verdict){ 0 });
	if (batch == NULL || outcome == NULL) {
		free(batch);
		free(outcome);
		return;
	}
	STAILQ_INSERT_TAIL(&batch->outcomes, outcome, link);
	batch->told = 1;
	if (batch_report(batch) != 0)
		batch_free(batch);
}
