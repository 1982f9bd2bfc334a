/*
 * Reading a segment, whatever state it is in. After a place that is no record the search goes on in steps of 8 bytes;
 * a candidate costs a checksum only when magic and salt are right, so that damage costs no more than one pass.
 */
#include "queued/scan.h"

struct scan
scan_begin(struct slice bytes, const struct segment_header *header)
{
	struct scan scan = { .bytes = bytes, .at = SEGMENT_HEADER_SIZE };

	if (header != NULL) {
		scan.salt = header->salt;
		scan.salted = true;
	}
	return scan;
}

static bool
scan_record(struct scan *scan, size_t at, struct scan_item *item_r)
{
	int error = record_parse(slice_from(scan->bytes, at), scan->salted ? &scan->salt : NULL, &item_r->header, &item_r->payload);

	if (error != 0)
		return false;
	item_r->offset = at;
	item_r->size = record_size(item_r->header.length);
	scan->salt = item_r->header.salt;
	scan->salted = true;
	return true;
}

static bool
scan_is_zero(const struct scan *scan, size_t at)
{
	size_t left = scan->bytes.length - at;

	if (left >= RECORD_ALIGN)
		return little_get_u64(scan->bytes.data + at) == 0;
	for (size_t i = 0; i < left; i++)
		if (scan->bytes.data[at + i] != 0)
			return false;
	return true;
}

/* Bytes of ITEM up to where the segment ends or AT, less the zeros behind them. */
static enum scan_result
scan_damage(struct scan *scan, size_t begin, size_t end, struct scan_item *item_r)
{
	size_t at = end < scan->bytes.length ? end : scan->bytes.length;

	while (at > begin && scan->bytes.data[at - 1] == 0)
		at--;
	item_r->offset = begin;
	item_r->size = at - begin;
	scan->at = end;
	return SCAN_DAMAGE;
}

enum scan_result
scan_next(struct scan *scan, struct scan_item *item_r)
{
	bool damaged = false;
	size_t begin = 0;

	for (; scan->at < scan->bytes.length; scan->at += RECORD_ALIGN) {
		if (scan_is_zero(scan, scan->at))
			continue;
		if (scan_record(scan, scan->at, item_r)) {
			if (damaged)
				return scan_damage(scan, begin, item_r->offset, item_r);
			scan->at += item_r->size;
			return SCAN_RECORD;
		}
		if (!damaged) {
			damaged = true;
			begin = scan->at;
		}
	}
	return damaged ? scan_damage(scan, begin, scan->at, item_r) : SCAN_END;
}
