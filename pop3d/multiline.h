/*
 * A message as a multi-line response (RFC 1939 section 3): CRLF line ends, a dot before each line that begins
 * with one, and ".CRLF" at the end. The message comes in pieces cut anywhere, with LF or CRLF line ends, and
 * may hold anything else: NULs, bare CRs, no last line end.
 */
#ifndef ANGARIUM_POP3D_MULTILINE_H
#define ANGARIUM_POP3D_MULTILINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	MULTILINE_GROWTH = 2,   /* the most bytes that one byte of a message becomes: LF to CRLF, "." to ".." */
	MULTILINE_END_SIZE = 5, /* the most bytes of what comes at the end: CRLF.CRLF */
};

struct multiline {
	uint64_t octets;     /* with CRLF line ends, without added dots and without a line end added at the end */
	uint64_t lines_left; /* of the body, when LIMITED */
	uint32_t column;     /* bytes of the present line so far; stops at 2 */
	bool after_cr;       /* the last byte was a CR */
	bool in_header;
	bool limited;
	bool done;           /* all lines that were wanted are out: the rest of the message need not be read */
};

struct multiline multiline_all(void);
/* The header, the empty line, and LINES lines of the body (RFC 1939 section 7, TOP). */
struct multiline multiline_top(uint64_t lines);

/* Transforms INPUT; OUT has MULTILINE_GROWTH * INPUT.length bytes. Returns how many were written. */
size_t multiline_put(struct multiline *multiline, struct slice input, char *out);
/* The end of the message and of the response; OUT has MULTILINE_END_SIZE bytes. */
size_t multiline_end(struct multiline *multiline, char *out);
/* The same as multiline_put on a message of which only the OCTETS are of interest. */
void multiline_count(struct multiline *multiline, struct slice input);

#endif
