/*
 * Reports to senders: what failed for good, what is late, and what was delivered when they asked for it. A report and what ends with it
 * are one record. Who is told: RFC 3461 4.1 and 5.2, RFC 5321 4.5.5.
 */
#include "queued/returns.h"

#include <errno.h>
#include <stdlib.h>

#include "queued/original.h"
#include "queued/retry.h"

/* ---- what is wanted ---- */

bool
returns_expired(const struct active *active)
{
	return retry_is_over(schedule_config(active->schedule), active->message->arrival, schedule_now(active->schedule));
}

static bool
failure_wanted(const struct active *active)
{
	return active->failed > 0 || (active->expiring > 0 && returns_expired(active));
}

static bool
warning_wanted(const struct active *active)
{
	int64_t after = schedule_config(active->schedule)->delay_warning;
	int64_t age = schedule_now(active->schedule) - active->message->arrival;

	return active->deferred > 0 && !active->message->warned && !active->message->damaged && after > 0 && age >= after && !returns_expired(active);
}

bool
returns_wanted(const struct active *active)
{
	return failure_wanted(active) || warning_wanted(active);
}

/* ---- who is told ---- */

bool
batch_tells(const struct batch *batch, const struct outcome *outcome)
{
	uint8_t notify = active_notify(batch->active, outcome->index);

	switch (batch->kind) {
	case REPORT_FAILURE:
	case REPORT_DOUBLE:
		return notify == 0 || (notify & ENVELOPE_NOTIFY_FAILURE) != 0;
	case REPORT_DELAY:
		return outcome_is_deferral(outcome->kind) && (notify == 0 || (notify & ENVELOPE_NOTIFY_DELAY) != 0);
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
		told += told < RETURNS_RECIPIENTS_MAX && batch_tells(batch, outcome) ? 1 : 0;
	return told;
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
deserves_warning(struct active *active)
{
	char *bytes;
	bool deserved;

	if (active->envelope.sender.length == 0)
		return false;
	deserved = !original_is_automatic(returns_header(active, &bytes));
	free(bytes);
	return deserved;
}

/* Takes BATCH, which may be NULL: the next round will find that a warning is wanted. */
static void
return_warning(struct batch *batch)
{
	struct active *active;
	int error = -ENOMEM;

	if (batch == NULL)
		return;
	active = batch->active;
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
		return_warning(batch_new(active, REPORT_DELAY));
	active_unload(active);
	active->returning--;
	if (active->returning == 0 && returns_wanted(active))
		schedule_end_round(&active); /* out of memory: tried again later */
	else
		active_check(active);
}

static void
batch_add_waiting(struct batch *batch, const struct consignment *consignment, const struct target *target)
{
	bool alone = consignment->destination->set->alone_since != NEVER_ALONE;
	struct outcome *outcome = outcome_new(OUTCOME_BRIEF, target->index, target->address, alone ? "4.3.2" : "4.4.5",
	                                      alone ? VERDICT_ABSENT : VERDICT_CONGESTED);

	if (outcome != NULL)
		STAILQ_INSERT_TAIL(&batch->outcomes, outcome, link);
}

void
returns_late(struct active *active)
{
	struct batch *batch = active_load(active) == 0 ? batch_new(active, REPORT_DELAY) : NULL;
	struct consignment *consignment;
	const struct target *target;

	active->late = true;
	if (batch == NULL)
		return;
	RB_FOREACH(consignment, consignment_tree, &active->consignments)
		STAILQ_FOREACH(target, &consignment->waiting, link)
			batch_add_waiting(batch, consignment, target);
	if (STAILQ_EMPTY(&batch->outcomes))
		batch_free(batch);
	else
		return_warning(batch);
	active_unload(active); /* it is read back when it is its turn */
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
		outcome_end(active, outcome, "out of memory");
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
