/*
 * What the statements in the log say of messages, put into the index: for recovery.
 */
#include "queued/statement.h"

#include <errno.h>

#include "queued/payload_deferral.h"
#include "queued/store_state.h"

/* The message of that id, made when it is not there: statements may come before the MESSAGE. NULL when out of memory. */
static struct message *
message_of(struct store *store, uint64_t id)
{
	struct message *message = index_find(&store->index, id);

	if (message != NULL)
		return message;
	message = message_new(id);
	if (message != NULL)
		index_insert(&store->index, message);
	if (id >= store->next_id)
		store->next_id = id + 1;
	return message;
}

/* Records are read in the order of their sequence numbers, so the last of two marks counts. */
static int
apply_result(struct store *store, uint64_t id, uint8_t state, const struct payload_range *range)
{
	struct message *message;

	if (state < RECIPIENT_FINAL || state > MARK_MAX)
		return -EINVAL;
	message = message_of(store, id);
	if (message == NULL)
		return -ENOMEM;
	if (state >= MARK_LEAST)
		return message_mark(message, state) ? 0 : -EINVAL;
	return message_set_range(message, range, state);
}

static int
apply_results(struct store *store, struct slice payload)
{
	struct payload_results results;
	struct payload_range range;
	int found;

	payload_results_parse(payload, &results);
	while ((found = payload_results_next(&results, &range)) > 0) {
		int error = apply_result(store, results.id, results.state, &range);

		if (error != 0)
			return error;
	}
	return found;
}

static int
apply_message(struct store *store, const struct place *place, const struct record_header *header, struct slice payload)
{
	struct message_payload parsed;
	struct payload_range range;
	struct message *message;
	int error = payload_message_parse(payload, &parsed);

	if (error != 0)
		return error;
	message = message_of(store, header->id);
	if (message == NULL)
		return -ENOMEM;
	range = (struct payload_range){ 0, parsed.recipients };
	error = message_open(message, &range);
	if (error != 0)
		return error;
	message->arrival = parsed.arrival;
	message->body_size = parsed.body_size;
	message->body_in_file = parsed.body_in_file;
	message->recipients = parsed.recipients;
	/* Of two copies the older one: everything that was said about the message lies behind it. */
	if (message->place.segment == NULL)
		segment_add_message(place, message);
	return apply_results(store, parsed.ends);
}

static int
apply_expansion(struct store *store, const struct record_header *header, struct slice payload)
{
	struct message *message = message_of(store, header->id);
	struct record *record = record_new(RECORD_EXPANSION, header->id, payload.length);
	struct expansion *expansion;
	struct payload_range targets, recipient;
	int error;

	if (message == NULL || record == NULL) {
		record_release(&record);
		return -ENOMEM;
	}
	memcpy(record_payload(record), payload.data, payload.length);
	error = message_add_expansion(message, record, &expansion);
	record_release(&record);
	if (error != 0)
		return error == -EEXIST ? 0 : error;
	targets = (struct payload_range){ expansion->first, expansion->count };
	recipient = (struct payload_range){ expansion->recipient, 1 };
	error = message_open(message, &targets);
	return error != 0 ? error : message_set_range(message, &recipient, RECIPIENT_EXPANDED);
}

static int
apply_deferral(struct store *store, const struct place *place, const struct record_header *header, struct slice payload)
{
	struct message *message = message_of(store, header->id);
	struct deferral deferral;

	if (deferral_parse(payload, &deferral) != 0)
		return -EINVAL;
	if (message == NULL)
		return -ENOMEM;
	/* Records are read in the order of their sequence numbers. */
	message->attempts = deferral.attempts;
	message->timer.key = deferral.next;
	message->deferral = *place;
	return 0;
}

int
statement_apply(struct store *store, const struct place *place, const struct record_header *header, struct slice payload)
{
	switch (header->type) {
	case RECORD_MESSAGE:
		return apply_message(store, place, header, payload);
	case RECORD_EXPANSION:
		return apply_expansion(store, header, payload);
	case RECORD_RESULT:
		return apply_results(store, payload);
	case RECORD_DEFERRAL:
		return apply_deferral(store, place, header, payload);
	default:
		return -EINVAL;
	}
}
