/*
 * Line ends: CRLF on the wire, LF in a Maildir. Only the pair CRLF is changed; a bare CR or LF stays as it is.
 */
#ifndef ANGARIUM_DELIVERD_LINEENDS_H
#define ANGARIUM_DELIVERD_LINEENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

/* Begins as zeros. */
struct lineends {
	bool held;          /* a CR at the end of the last piece waits for what follows */
	bool after_cr;      /* the last byte put out was a CR */
	uint64_t size;      /* bytes put out */
	uint64_t wire_size; /* bytes when every LF that does not follow a CR is sent as CRLF: the W= of a Maildir name */
};

/*
 * Converts the next piece of a message: OUT has room for INPUT.length + 1 bytes and may be one byte before
 * INPUT or anywhere else that INPUT does not lie in. Returns how many bytes were put out.
 */
size_t lineends_convert(struct lineends *lineends, struct slice input, char *out);
/* The message has ended: puts a CR that was held into OUT, and returns 0 or 1. */
size_t lineends_finish(struct lineends *lineends, char *out);

#endif
