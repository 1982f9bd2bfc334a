/*
 * The DEFERRAL of a round: when the next one is, why, and what was said in the rounds before.
 */
#include "queued/payload_deferral.h"
#include "queued/schedule_state.h"

enum { REASONS_MAX = 64 }; /* different reasons kept of one attempt */

/* One reason of a DEFERRAL, with all recipients that have it. */
struct reason {
	const struct outcome *first;
	struct ranges ranges;
};

static bool
outcomes_agree(const struct outcome *a, const struct outcome *b)
{
	return strcmp(a->status, b->status) == 0 && slice_equal(a->remote, b->remote) && slice_equal(a->text, b->text);
}

/* The reason that OUTCOME has; the last one when there are too many different. */
static struct reason *
find_reason(struct reason *reasons, size_t *count, const struct outcome *outcome)
{
	for (size_t i = 0; i < *count; i++)
		if (outcomes_agree(reasons[i].first, outcome))
			return &reasons[i];
	if (*count == REASONS_MAX)
		return &reasons[REASONS_MAX - 1];
	reasons[*count].first = outcome;
	ranges_init(&reasons[*count].ranges);
	return &reasons[(*count)++];
}

static int
write_reasons(struct buffer *out, const struct reason *reasons, size_t count)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		error = deferral_add(out, reasons[i].first->status, reasons[i].first->remote, reasons[i].first->text,
		                     reasons[i].ranges.list, reasons[i].ranges.count);
	return error;
}

static int
gather_reasons(const struct active *active, struct buffer *out)
{
	struct reason reasons[REASONS_MAX];
	const struct outcome *outcome;
	size_t count = 0;
	int error = 0;

	STAILQ_FOREACH(outcome, &active->outcomes, link)
		if (error == 0)
			error = ranges_add(&find_reason(reasons, &count, outcome)->ranges, outcome->index);
	if (error == 0)
		error = write_reasons(out, reasons, count);
	for (size_t i = 0; i < count; i++)
		ranges_free(&reasons[i].ranges);
	return error;
}

static int
add_history(const struct message *message, struct buffer *out)
{
	struct record *earlier;
	int error;

	if (store_read_deferral(message, &earlier) != 0)
		return 0;
	error = deferral_add_history(out, record_payload_slice(earlier));
	record_release(&earlier);
	return error;
}

/* A DEFERRAL is a convenience: without it the next attempt comes at once after a restart. */
void
deferral_record(const struct active *active, int64_t next)
{
	const struct message *message = active->message;
	struct record *record = NULL;
	struct buffer out;
	int error;

	buffer_init(&out, RECORD_PAYLOAD_MAX);
	error = deferral_begin(&out, message->attempts, next, schedule_now(active->schedule));
	if (error == 0)
		error = gather_reasons(active, &out);
	if (error == 0)
		error = add_history(message, &out);
	if (error == 0)
		record = record_new(RECORD_DEFERRAL, message->id, buffer_length(&out));
	if (record != NULL) {
		memcpy(record_payload(record), out.data + out.start, buffer_length(&out));
		store_append(active->schedule->hooks.store, record, true, NULL, NULL);
	}
	record_release(&record);
	buffer_free(&out);
}
