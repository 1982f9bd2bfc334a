/*
 * Outcomes that are reported together: taking them, appending their report, and what follows when that is durable, or when there is none.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/returns.h"

struct batch *
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

void
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

const struct outcome_list *
batch_outcomes(const struct batch *batch)
{
	return STAILQ_EMPTY(&batch->outcomes) ? &batch->active->outcomes : &batch->outcomes;
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

struct batch *
batch_take(struct active *active, enum report_kind kind)
{
	struct outcome_list others = STAILQ_HEAD_INITIALIZER(others);
	struct batch *batch = batch_new(active, kind);
	struct outcome *outcome;
	bool expired = returns_expired(active);

	if (batch == NULL)
		return NULL;
	while (batch->count < RETURNS_RECIPIENTS_MAX && (outcome = active_take_outcome(active)) != NULL) {
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
		if (batch->kind != REPORT_DELAY && outcome->kind != OUTCOME_EXPANDED)
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

int
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

void
outcome_end(struct active *active, const struct outcome *outcome, const char *reason)
{
	struct payload_range range = { outcome->index, 1 };
	char name[QUEUEID_SIZE];

	queueid_format(active->message->id, name);
	log_event(LOG_NOTICE, outcome_is_success(outcome->kind) ? "queue.not_reported" : "queue.not_bounced", LOG_STRING("id", name),
	          LOG_SLICE("to", outcome->address), LOG_STRING("reason", reason));
	store_results(active->schedule->hooks.store, active->message, outcome_state(outcome), &range, 1);
}

void
batch_drop(struct batch *batch, const char *reason)
{
	const struct outcome *outcome;

	STAILQ_FOREACH(outcome, &batch->outcomes, link)
		outcome_end(batch->active, outcome, reason);
	batch_free(batch);
}

void
batch_forget(struct batch *batch, int error)
{
	char name[QUEUEID_SIZE];

	queueid_format(batch->active->message->id, name);
	log_event(LOG_ERR, "queue.report_failed", LOG_STRING("id", name), LOG_ERROR(error));
	batch_free(batch);
}
