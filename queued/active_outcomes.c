/*
 * What becomes of a message's recipients in a round: what is said about each is logged, and kept as an outcome until it is reported or written down.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "queued/active.h"
#include "queued/schedule_state.h"

/* RFC 3463 2: class "." subject "." detail, with up to three digits in the latter two; "4.0.0" and the like when STATUS is none of CLASS. */
static void
status_code(struct slice status, char class, char *code)
{
	size_t dots = 0, digits = 0;
	bool good = status.length >= 5 && status.length < PAYLOAD_STATUS_MAX && status.data[0] == class && status.data[1] == '.';

	for (size_t i = 0; good && i < status.length; i++) {
		if (status.data[i] >= '0' && status.data[i] <= '9' && digits < 3) {
			digits++;
		} else if (status.data[i] == '.' && digits > 0 && dots < 2) {
			dots++;
			digits = 0;
		} else {
			good = false;
		}
	}
	if (!good || dots != 2 || digits == 0 || slice_to_string(status, code, PAYLOAD_STATUS_MAX) != 0) {
		code[0] = class;
		strlcpy(code + 1, ".0.0", PAYLOAD_STATUS_MAX - 1);
	}
}

static void
active_log(const struct active *active, int priority, const char *event, struct slice address, const char *status,
           const struct verdict *verdict)
{
	char name[QUEUEID_SIZE];
	int64_t age = schedule_now(active->schedule) - active->message->arrival;

	queueid_format(active->message->id, name);
	if (verdict->remote.length == 0 && verdict->text.length == 0)
		log_event(priority, event, LOG_STRING("id", name), LOG_SLICE("to", address), LOG_STRING("status", status),
		          LOG_INT("age", age));
	else if (verdict->remote.length == 0)
		log_event(priority, event, LOG_STRING("id", name), LOG_SLICE("to", address), LOG_STRING("status", status),
		          LOG_INT("age", age), LOG_SLICE("text", verdict->text));
	else
		log_event(priority, event, LOG_STRING("id", name), LOG_SLICE("to", address), LOG_STRING("status", status),
		          LOG_INT("age", age), LOG_SLICE("remote", verdict->remote), LOG_SLICE("text", verdict->text));
}

/* The words are the remote host's, when there is one. */
static void
active_tell(const struct active *active, enum queue_event event, struct slice address, const char *status,
            const struct verdict *verdict)
{
	char text[QUEUE_TEXT_MAX];

	if (verdict->remote.length == 0) {
		schedule_tell(active->schedule, active->message, event, address, slice_from_string(status), verdict->text);
		return;
	}
	snprintf(text, sizeof(text), "%.*s: %.*s", (int)slice_first(verdict->remote, QUEUE_TEXT_MAX).length, verdict->remote.data,
	         (int)slice_first(verdict->text, QUEUE_TEXT_MAX).length, verdict->text.data);
	schedule_tell(active->schedule, active->message, event, address, slice_from_string(status), slice_from_string(text));
}

/* Copies FROM to *at, with all that is not printable ASCII as spaces: these are words from elsewhere. */
static struct slice
copy_plain(struct slice from, char **at)
{
	char *to = *at;

	for (size_t i = 0; i < from.length; i++)
		to[i] = from.data[i] < ' ' || from.data[i] > '~' ? ' ' : from.data[i];
	*at += from.length;
	return slice_of(to, from.length);
}

struct outcome *
outcome_new(enum outcome_kind kind, uint32_t index, struct slice address, const char *status, const struct verdict *verdict)
{
	struct slice text = slice_first(verdict->text, PAYLOAD_TEXT_MAX - 1);
	struct slice remote = slice_first(verdict->remote, PAYLOAD_TEXT_MAX - 1);
	struct outcome *outcome = malloc(sizeof(*outcome) + address.length + text.length + remote.length);
	char *at;

	if (outcome == NULL)
		return NULL;
	*outcome = (struct outcome){ .kind = kind, .index = index };
	strlcpy(outcome->status, status, sizeof(outcome->status));
	if (address.length > 0)
		memcpy(outcome->bytes, address.data, address.length);
	outcome->address = slice_of(outcome->bytes, address.length);
	at = outcome->bytes + address.length;
	outcome->text = copy_plain(text, &at);
	outcome->remote = copy_plain(remote, &at);
	return outcome;
}

static void
active_count_outcome(struct active *active, const struct outcome *outcome)
{
	active->failed += outcome->kind == OUTCOME_FAILED ? 1 : 0;
	active->deferred += outcome_is_deferral(outcome->kind) ? 1 : 0;
	active->expiring += outcome_may_expire(outcome->kind) ? 1 : 0;
	active->succeeded += outcome_is_success(outcome->kind) ? 1 : 0;
}

static void
active_keep_outcome(struct active *active, struct outcome *outcome)
{
	STAILQ_INSERT_TAIL(&active->outcomes, outcome, link);
	active_count_outcome(active, outcome);
}

struct outcome *
active_take_outcome(struct active *active)
{
	struct outcome *outcome = STAILQ_FIRST(&active->outcomes);

	if (outcome == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&active->outcomes, link);
	active->failed -= outcome->kind == OUTCOME_FAILED ? 1 : 0;
	active->deferred -= outcome_is_deferral(outcome->kind) ? 1 : 0;
	active->expiring -= outcome_may_expire(outcome->kind) ? 1 : 0;
	active->succeeded -= outcome_is_success(outcome->kind) ? 1 : 0;
	return outcome;
}

void
active_put_outcomes(struct active *active, struct outcome_list *list)
{
	const struct outcome *outcome;

	STAILQ_FOREACH(outcome, list, link)
		active_count_outcome(active, outcome);
	STAILQ_CONCAT(list, &active->outcomes);
	STAILQ_CONCAT(&active->outcomes, list);
}

/* TOLD: the next hop reports to the sender. */
static void
active_succeed(struct active *active, enum outcome_kind kind, uint32_t index, struct slice address, const struct verdict *verdict,
               bool told)
{
	enum recipient_state state = kind == OUTCOME_RELAYED ? RECIPIENT_RELAYED : RECIPIENT_DELIVERED;
	struct payload_range range = { index, 1 };
	struct outcome *outcome = NULL;
	char status[PAYLOAD_STATUS_MAX];

	status_code(verdict->status, '2', status);
	active_log(active, LOG_INFO, kind == OUTCOME_RELAYED ? "queue.relayed" : "queue.delivered", address, status, verdict);
	active_tell(active, kind == OUTCOME_RELAYED ? QUEUE_EVENT_RELAYED : QUEUE_EVENT_DELIVERED, address, status, verdict);
	if (!told && active_wants_success(active, index))
		outcome = outcome_new(kind, index, address, status, verdict);
	if (outcome != NULL)
		active_keep_outcome(active, outcome);
	else
		store_results(active->schedule->hooks.store, active->message, state, &range, 1);
}

void
active_deliver(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict)
{
	active_succeed(active, OUTCOME_DELIVERED, index, address, verdict, false);
}

void
active_relay(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict)
{
	active_succeed(active, OUTCOME_RELAYED, index, address, verdict, verdict->dsn);
}

static void
active_add_outcome(struct active *active, enum outcome_kind kind, uint32_t index, struct slice address, const char *event,
                   const struct verdict *verdict)
{
	char status[PAYLOAD_STATUS_MAX];
	struct outcome *outcome;

	status_code(verdict->status, kind == OUTCOME_FAILED ? '5' : '4', status);
	active_log(active, LOG_NOTICE, event, address, status, verdict);
	active_tell(active, kind == OUTCOME_FAILED ? QUEUE_EVENT_FAILED : QUEUE_EVENT_DEFERRED, address, status, verdict);
	if ((int)message_state(active->message, index) >= RECIPIENT_FINAL)
		return; /* removed by the administrator meanwhile */
	outcome = outcome_new(kind, index, address, status, verdict);
	if (outcome == NULL) {
		message_set_state(active->message, index, RECIPIENT_WAITING); /* it is tried again, as if nothing had been said */
		return;
	}
	active_keep_outcome(active, outcome);
}

void
active_fail(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict)
{
	active_add_outcome(active, OUTCOME_FAILED, index, address, "queue.failed", verdict);
}

void
active_defer(struct active *active, enum outcome_kind kind, uint32_t index, struct slice address, const struct verdict *verdict)
{
	active_add_outcome(active, kind, index, address, "queue.deferred", verdict);
}

void
active_drop_outcomes(struct active *active)
{
	while (!STAILQ_EMPTY(&active->outcomes)) {
		struct outcome *outcome = STAILQ_FIRST(&active->outcomes);

		STAILQ_REMOVE_HEAD(&active->outcomes, link);
		free(outcome);
	}
	active->failed = active->deferred = active->expiring = active->succeeded = 0;
}
