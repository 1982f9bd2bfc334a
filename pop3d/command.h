/*
 * Command lines of POP3 (RFC 1939 section 3, RFC 2449 section 4), found in what a client sent and taken
 * apart.
 *
 * A line ends with CRLF; a bare LF is taken too. Nothing that a client sends in POP3 carries a message, so
 * there is nothing that a lenient line end could smuggle in, and scripts written by hand do end their lines
 * so.
 */
#ifndef ANGARIUM_POP3D_COMMAND_H
#define ANGARIUM_POP3D_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

enum {
	COMMAND_LINE_MAX = 255, /* bytes of a line with its CRLF (RFC 2449 section 4) */
};

enum command_result {
	COMMAND_NONE,     /* the line is not whole yet */
	COMMAND_READY,    /* *command_r is set */
	COMMAND_TOO_LONG, /* over COMMAND_LINE_MAX; its rest is skipped */
	COMMAND_CONTROL,  /* NUL or another control character in it */
	COMMAND_NOT_UTF8, /* bytes above 127 that are no UTF-8 (RFC 6856 section 2) */
};

struct command {
	struct slice verb;     /* up to the first blank; may be empty */
	struct slice argument; /* after that blank, with its own: a password may hold some (RFC 1939, PASS) */
};

/*
 * Finds the next line in INPUT. Returns the bytes to consume. The slices point into INPUT. *skipping is the
 * state kept between calls, false at first: true while the rest of an overlong line is thrown away.
 */
size_t command_next(struct slice input, bool *skipping, struct command *command_r, enum command_result *result_r);

/* The negative reply, with its CRLF, to a line that is no command: for every result after COMMAND_READY. */
struct slice command_complaint(enum command_result result);

/* Removes a number from the beginning of *arguments. 0, or -EINVAL: there is none, or something else. */
int command_number(struct slice *arguments, uint64_t *number_r);
/* True when nothing but blanks is left. */
bool command_end(struct slice arguments);

#endif
