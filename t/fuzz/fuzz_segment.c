/*
 * Fuzzes the reader of segments with everything that recovery does to a record's payload. Checksums are put right where the input
 * looks like a record, because chance never finds them.
 */
#include <stdlib.h>

#include "common/base/checksum.h"
#include "queued/message.h"
#include "queued/payload_deferral.h"
#include "queued/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SALT_AT = 16,
	CHECKSUM_AT = 4,
	COVERED_FROM = 8,
};

static void
mend_checksums(char *bytes, size_t size)
{
	for (size_t at = SEGMENT_HEADER_SIZE; at + RECORD_HEADER_SIZE <= size; at += RECORD_ALIGN) {
		uint32_t length = little_get_u32(bytes + at + 8);

		if (memcmp(bytes + at, "ANGr", 4) != 0 || length > size - at - RECORD_HEADER_SIZE)
			continue;
		little_put_u64(bytes + at + SALT_AT, 42);
		little_put_u32(bytes + at + CHECKSUM_AT,
		               checksum_crc32c(0, bytes + at + COVERED_FROM, RECORD_HEADER_SIZE - COVERED_FROM + length));
	}
}

static void
read_results(struct slice payload)
{
	struct payload_results results;
	struct payload_range range;

	payload_results_parse(payload, &results);
	while (payload_results_next(&results, &range) > 0)
		if (range.first + range.count > PAYLOAD_INDEXES_MAX)
			abort();
}

static void
read_expansion(const struct record_header *header, struct slice payload)
{
	struct message *message = message_new(header->id);
	struct record *record = record_new(RECORD_EXPANSION, header->id, payload.length);
	struct expansion *expansion;

	memcpy(record_payload(record), payload.data, payload.length);
	if (message_add_expansion(message, record, &expansion) == 0) {
		for (uint32_t i = 0; i < expansion->count; i++)
			if (expansion->targets[i].address.length > payload.length)
				abort();
		message_root(message, expansion->first);
	}
	record_release(&record);
	message_free(&message);
}

/* Reads all reasons, and takes them over into another DEFERRAL, which must be readable to its end. */
static void
read_deferral(struct slice payload)
{
	struct deferral deferral;
	struct deferral_reason reason;
	struct payload_range range;
	struct buffer out;
	int found;

	if (deferral_parse(payload, &deferral) != 0)
		return;
	while (deferral_next(&deferral, &reason) > 0)
		while (deferral_range(&reason, &range))
			if (range.first + range.count > PAYLOAD_INDEXES_MAX)
				abort();
	buffer_init(&out, RECORD_PAYLOAD_MAX);
	if (deferral_begin(&out, 1, 2, 3) != 0 || deferral_add_history(&out, payload) != 0 ||
	    deferral_parse(buffer_slice(&out), &deferral) != 0)
		abort();
	while ((found = deferral_next(&deferral, &reason)) > 0)
		continue;
	if (found < 0)
		abort();
	buffer_free(&out);
}

static void
read_record(const struct scan_item *item)
{
	struct message_payload message;

	if (payload_message_parse(item->payload, &message) == 0) {
		if (!message.body_in_file && (message.body.length != message.body_size || (message.sums.whole | message.sums.beginning) != 0))
			abort();
		read_results(message.ends);
	}
	read_results(item->payload);
	read_expansion(&item->header, item->payload);
	read_deferral(item->payload);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(SEGMENT_HEADER_SIZE + size);
	struct segment_header header;
	struct scan_item item;
	struct scan scan;
	enum scan_result found;
	size_t last = SEGMENT_HEADER_SIZE;

	segment_header_encode(&(struct segment_header){ .number = 1, .salt = 42 }, bytes);
	memcpy(bytes + SEGMENT_HEADER_SIZE, data, size);
	mend_checksums(bytes, SEGMENT_HEADER_SIZE + size);
	if (segment_header_parse(slice_of(bytes, SEGMENT_HEADER_SIZE + size), &header) != 0)
		abort();
	scan = scan_begin(slice_of(bytes, SEGMENT_HEADER_SIZE + size), &header);
	while ((found = scan_next(&scan, &item)) != SCAN_END) {
		if (item.offset < last || item.offset + item.size > SEGMENT_HEADER_SIZE + size || item.size == 0)
			abort();
		last = item.offset + item.size;
		if (found == SCAN_RECORD)
			read_record(&item);
	}
	free(bytes);
	return 0;
}
