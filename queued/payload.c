/*
 * What stands inside the queue's records: building and parsing.
 */
#include "queued/payload.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mail/envelope.h"

/* Offsets in a MESSAGE's payload; see doc/queue.md. */
enum {
	AT_ARRIVAL = 0,
	AT_BODY_SIZE = 8,
	AT_RECIPIENTS = 16,
	AT_ENDS = 20,
	AT_ENVELOPE = 24,
	AT_WHERE = 28,
	AT_SUM = 32,
	AT_SUM_OF_BEGINNING = 36,
};

static char *
put_slice(char *at, struct slice s)
{
	if (s.length > 0)
		memcpy(at, s.data, s.length);
	return at + s.length;
}

struct record *
payload_message(uint64_t id, const struct message_payload *message)
{
	struct record *record;
	size_t length;
	char *at;

	if (message->ends.length > RECORD_PAYLOAD_MAX || message->envelope.length > RECORD_PAYLOAD_MAX ||
	    message->body.length > RECORD_PAYLOAD_MAX)
		return NULL;
	length = PAYLOAD_MESSAGE_FIXED + message->ends.length + message->envelope.length + message->body.length;
	record = record_new(RECORD_MESSAGE, id, length);
	if (record == NULL)
		return NULL;
	at = record_payload(record);
	little_put_u64(at + AT_ARRIVAL, (uint64_t)message->arrival);
	little_put_u64(at + AT_BODY_SIZE, message->body_size);
	little_put_u32(at + AT_RECIPIENTS, message->recipients);
	little_put_u32(at + AT_ENDS, (uint32_t)message->ends.length);
	little_put_u32(at + AT_ENVELOPE, (uint32_t)message->envelope.length);
	little_put_u32(at + AT_WHERE, message->body_in_file ? 1 : 0);
	little_put_u32(at + AT_SUM, message->sums.whole);
	little_put_u32(at + AT_SUM_OF_BEGINNING, message->sums.beginning);
	at = put_slice(at + PAYLOAD_MESSAGE_FIXED, message->ends);
	at = put_slice(at, message->envelope);
	put_slice(at, message->body);
	return record;
}

int
payload_message_parse(struct slice payload, struct message_payload *message_r)
{
	const char *at = payload.data;
	uint32_t ends, envelope, where;
	struct slice rest;

	if (payload.length < PAYLOAD_MESSAGE_FIXED)
		return -EINVAL;
	ends = little_get_u32(at + AT_ENDS);
	envelope = little_get_u32(at + AT_ENVELOPE);
	where = little_get_u32(at + AT_WHERE);
	rest = slice_from(payload, PAYLOAD_MESSAGE_FIXED);
	if (where > 1 || ends > rest.length || envelope > rest.length - ends)
		return -EINVAL;
	*message_r = (struct message_payload){
		.arrival = (int64_t)little_get_u64(at + AT_ARRIVAL),
		.body_size = little_get_u64(at + AT_BODY_SIZE),
		.recipients = little_get_u32(at + AT_RECIPIENTS),
		.body_in_file = where == 1,
		.sums = { little_get_u32(at + AT_SUM), little_get_u32(at + AT_SUM_OF_BEGINNING) },
		.ends = slice_first(rest, ends),
		.envelope = slice_first(slice_from(rest, ends), envelope),
		.body = slice_from(rest, (size_t)ends + envelope),
	};
	if (message_r->recipients == 0 || message_r->recipients > ENVELOPE_RECIPIENTS_MAX)
		return -EINVAL;
	if (message_r->body.length != (message_r->body_in_file ? 0 : message_r->body_size))
		return -EINVAL;
	if (!message_r->body_in_file && (message_r->sums.whole != 0 || message_r->sums.beginning != 0))
		return -EINVAL;
	return 0;
}

/* Counts one entry more. */
static void
count_one(struct buffer *out)
{
	char *at = out->data + out->start;

	little_put_u32(at, little_get_u32(at) + 1);
}

void
payload_put_ranges(struct wire_writer *writer, const struct payload_range *ranges, size_t count)
{
	wire_put_u32(writer, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		wire_put_u32(writer, ranges[i].first);
		wire_put_u32(writer, ranges[i].count);
	}
}

bool
payload_get_range(struct wire_reader *reader, struct payload_range *range_r)
{
	range_r->first = wire_get_u32(reader);
	range_r->count = wire_get_u32(reader);
	return !reader->bad && range_r->first < PAYLOAD_INDEXES_MAX && range_r->count <= PAYLOAD_INDEXES_MAX - range_r->first;
}

int
payload_results_begin(struct buffer *out)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u32(&writer, 0);
	return wire_end_bare(&writer);
}

int
payload_results_add(struct buffer *out, uint64_t id, uint8_t state, const struct payload_range *ranges, size_t count)
{
	struct wire_writer writer = wire_begin_bare(out);
	int error;

	wire_put_u64(&writer, id);
	wire_put_u8(&writer, state);
	payload_put_ranges(&writer, ranges, count);
	error = wire_end_bare(&writer);
	if (error == 0)
		count_one(out);
	return error;
}

int
payload_results_mark(struct buffer *out, uint64_t id, enum message_mark mark)
{
	return payload_results_add(out, id, (uint8_t)mark, NULL, 0);
}

void
payload_results_parse(struct slice payload, struct payload_results *results_r)
{
	*results_r = (struct payload_results){ .reader = wire_read(payload) };
	if (payload.length > 0)
		results_r->entries = wire_get_u32(&results_r->reader);
}

int
payload_results_next(struct payload_results *results, struct payload_range *range_r)
{
	while (results->ranges == 0) {
		if (results->entries == 0)
			return wire_done(&results->reader) ? 0 : -EINVAL;
		results->entries--;
		results->id = wire_get_u64(&results->reader);
		results->state = wire_get_u8(&results->reader);
		results->ranges = wire_get_u32(&results->reader);
		if (results->reader.bad)
			return -EINVAL;
		if (results->state >= MARK_LEAST) {
			*range_r = (struct payload_range){ 0, 0 };
			return results->ranges == 0 ? 1 : -EINVAL;
		}
	}
	results->ranges--;
	return payload_get_range(&results->reader, range_r) ? 1 : -EINVAL;
}

struct record *
payload_expansion(uint64_t id, uint32_t recipient, uint32_t first, const struct expansion_target *targets, uint32_t count)
{
	struct record *record = NULL;
	struct wire_writer writer;
	struct buffer out;

	buffer_init(&out, RECORD_PAYLOAD_MAX);
	writer = wire_begin_bare(&out);
	wire_put_u32(&writer, recipient);
	wire_put_u32(&writer, first);
	wire_put_u32(&writer, count);
	for (uint32_t i = 0; i < count; i++) {
		wire_put_u8(&writer, targets[i].kind);
		wire_put_slice(&writer, targets[i].address);
	}
	if (wire_end_bare(&writer) == 0)
		record = record_new(RECORD_EXPANSION, id, buffer_length(&out));
	if (record != NULL)
		put_slice(record_payload(record), buffer_slice(&out));
	buffer_free(&out);
	return record;
}

int
payload_expansion_parse(struct slice payload, struct expansion_payload *expansion_r)
{
	struct wire_reader reader = wire_read(payload);

	expansion_r->recipient = wire_get_u32(&reader);
	expansion_r->first = wire_get_u32(&reader);
	expansion_r->count = wire_get_u32(&reader);
	expansion_r->targets = reader;
	if (reader.bad || expansion_r->recipient >= PAYLOAD_INDEXES_MAX || expansion_r->first >= PAYLOAD_INDEXES_MAX ||
	    expansion_r->count > PAYLOAD_INDEXES_MAX - expansion_r->first || expansion_r->count > wire_left(&reader))
		return -EINVAL;
	for (uint32_t i = 0; i < expansion_r->count; i++) {
		wire_get_u8(&reader);
		if (wire_get_slice(&reader).length > ENVELOPE_ADDRESS_MAX)
			return -EINVAL;
	}
	return wire_done(&reader) ? 0 : -EINVAL;
}

struct expansion_target
payload_expansion_next(struct expansion_payload *expansion)
{
	struct expansion_target target;

	target.kind = wire_get_u8(&expansion->targets);
	target.address = wire_get_slice(&expansion->targets);
	return target;
}

void
ranges_init(struct ranges *ranges)
{
	*ranges = (struct ranges){ 0 };
}

void
ranges_free(struct ranges *ranges)
{
	free(ranges->list);
	ranges_init(ranges);
}

int
ranges_add(struct ranges *ranges, uint32_t index)
{
	struct payload_range *last = ranges->count == 0 ? NULL : &ranges->list[ranges->count - 1];

	if (last != NULL && last->first + last->count == index) {
		last->count++;
		return 0;
	}
	if (ranges->count == ranges->size) {
		size_t size = ranges->size == 0 ? 4 : ranges->size * 2;
		struct payload_range *list = reallocarray(ranges->list, size, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		ranges->list = list;
		ranges->size = size;
	}
	ranges->list[ranges->count++] = (struct payload_range){ index, 1 };
	return 0;
}
