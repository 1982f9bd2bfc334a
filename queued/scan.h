/*
 * Reading a segment, whatever state it is in: every record with a right checksum is found, and what lies between them is reported.
 */
#ifndef ANGARIUM_QUEUED_SCAN_H
#define ANGARIUM_QUEUED_SCAN_H

#include "queued/record.h"

struct scan {
	struct slice bytes; /* the whole segment; borrowed */
	size_t at;          /* where to go on */
	uint64_t salt;
	bool salted;        /* SALT is known */
};

enum scan_result {
	SCAN_RECORD,  /* a valid record */
	SCAN_DAMAGE,  /* bytes that are not zero and no record */
	SCAN_END,
};

struct scan_item {
	size_t offset;
	size_t size;                 /* bytes from OFFSET */
	struct record_header header; /* of a record */
	struct slice payload;        /* of a record; points into the segment's bytes */
};

/* HEADER is the segment's, or NULL when both of its copies are damaged: the salt is then that of the first valid record. */
struct scan scan_begin(struct slice bytes, const struct segment_header *header);
/* Items come in the order of their offsets. Zeros are passed over. */
enum scan_result scan_next(struct scan *scan, struct scan_item *item_r);

#endif
