/*
 * The header section, while it streams by: counts Received: fields (RFC 5321 6.3), sees whether Date: and
 * Message-ID: are there (RFC 6409 8), and finds the place where the section ends, so that fields can be added
 * there.
 *
 * Incremental and pure: input may be cut anywhere.
 */
#ifndef ANGARIUM_SMTPD_HEADERS_H
#define ANGARIUM_SMTPD_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum {
	/* Bytes of a field's name. A longer one ends the section; real ones stay under 80. */
	HEADERS_NAME_MAX = 200,
};

enum headers_state {
	HEADERS_LINE_START,
	HEADERS_NAME,
	HEADERS_NAME_BLANK, /* blanks between the name and the colon (RFC 5322 4.5) */
	HEADERS_LINE,       /* in a field's value, or in a continuation */
	HEADERS_DONE,
};

struct headers {
	enum headers_state state;
	unsigned received;   /* Received: fields */
	bool date;
	bool message_id;
	bool fields;         /* at least one field was there */
	bool empty_line;     /* the section ended with an empty line, as it should */
	size_t name_length;  /* of the field that begins, without blanks */
	size_t held_length;
	char held[HEADERS_NAME_MAX]; /* the beginning of a line that may be a field's, or what ends the section */
};

void headers_begin(struct headers *headers);
/*
 * Passes the header section on to OUT. *used_r bytes of INPUT are done with: all, unless the state is now DONE.
 * Then the rest of the message is headers_held, followed by the rest of INPUT. 0, or -ENOBUFS or -ENOMEM of
 * OUT.
 */
int headers_pass(struct headers *headers, struct slice input, struct buffer *out, size_t *used_r);

/*
 * What was taken in, but not passed on: belongs after the header section when that is done, or when the message
 * has ended.
 */
static inline struct slice
headers_held(const struct headers *headers)
{
	return slice_of(headers->held, headers->held_length);
}

#endif
