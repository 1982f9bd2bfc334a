/*
 * How the parts of a report are written, for report.c and report_people.c.
 */
#ifndef ANGARIUM_QUEUED_REPORT_WRITER_H
#define ANGARIUM_QUEUED_REPORT_WRITER_H

#include "queued/report.h"

struct report_writer {
	const struct report *report;
	struct buffer *out;
	int error; /* of the first append that failed */
	bool utf8; /* an address needs UTF-8: so may all text (RFC 6533) */
};

bool report_is_ascii(struct slice s);
/* Appends bytes as they are. */
void report_put(struct report_writer *writer, const char *text);
void report_put_slice(struct report_writer *writer, struct slice s);
/* Text of unknown origin: bytes that the report cannot hold become "?". */
void report_put_text(struct report_writer *writer, struct slice text);
/* An address with its local-part quoted where it must be. */
void report_put_address(struct report_writer *writer, struct slice address);
/* A date as in header fields. */
void report_put_date(struct report_writer *writer, int64_t when);
/* Words in lines of readable length, each begun with INDENT and ended. */
void report_put_paragraph(struct report_writer *writer, const char *indent, struct slice words);

/* report_people.c: the part that people read. */
void report_put_for_people(struct report_writer *writer);

#endif
