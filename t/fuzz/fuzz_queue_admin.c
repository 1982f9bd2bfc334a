/*
 * Fuzzes the frames between queuetool and queued: the first byte chooses which.
 */
#include <stdint.h>

#include "queued/admin_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum; /* so that nothing is left out */

static void
get_call(struct wire_reader *reader)
{
	struct queue_call call;

	if (queue_call_get(reader, &call))
		for (uint32_t i = 0; i < call.id_count; i++)
			sum += queue_call_id(&call, i);
}

static void
get_entry(struct wire_reader *reader)
{
	struct queue_entry entry;

	if (queue_entry_get(reader, &entry))
		for (uint32_t i = 0; i < entry.count; i++)
			sum += wire_get_slice(&entry.addresses).length;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader;
	union {
		struct queue_reply reply;
		struct queue_envelope envelope;
		struct queue_recipient recipient;
		struct queue_attempt attempt;
		struct queue_totals totals;
		struct queue_destination destination;
		struct queue_happening happening;
	} got;

	if (size == 0)
		return 0;
	reader = wire_read(slice_of(data + 1, size - 1));
	switch (data[0] % QUEUE_DESTINATION + 1) {
	case QUEUE_CALL:
		get_call(&reader);
		break;
	case QUEUE_REPLY:
		sum += queue_reply_get(&reader, &got.reply);
		break;
	case QUEUE_EVENT:
		sum += queue_happening_get(&reader, &got.happening);
		break;
	case QUEUE_ENTRY:
		get_entry(&reader);
		break;
	case QUEUE_ENVELOPE:
		sum += queue_envelope_get(&reader, &got.envelope);
		break;
	case QUEUE_RECIPIENT:
		sum += queue_recipient_get(&reader, &got.recipient);
		break;
	case QUEUE_ATTEMPT:
		sum += queue_attempt_get(&reader, &got.attempt);
		break;
	case QUEUE_TOTALS:
		sum += queue_totals_get(&reader, &got.totals);
		break;
	case QUEUE_DESTINATION:
		sum += queue_destination_get(&reader, &got.destination);
		break;
	default:
		break;
	}
	return 0;
}
