/*
 * The header section of a message (RFC 5322 2.2), read without being changed. Works with CRLF and with LF line
 * ends.
 */
#ifndef ANGARIUM_MAIL_HEADER_H
#define ANGARIUM_MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

struct header_field {
	struct slice name;  /* without the colon and blanks before it */
	struct slice value; /* with its folding, without the last line end */
	struct slice whole; /* all of its lines, with their line ends */
};

struct header_reader {
	struct slice rest;
};

/* MESSAGE begins with the header section. */
struct header_reader header_read(struct slice message);
/* The next field, or false at the empty line, at the end, or at a line that is no field. */
bool header_next(struct header_reader *reader, struct header_field *field_r);
/* The bytes of the header section with the empty line that ends it; all of MESSAGE when there is none. */
size_t header_length(struct slice message);
/* The first field of that name. */
bool header_find(struct slice message, struct slice name, struct header_field *field_r);
/* How many fields of that name, counted up to MOST. */
size_t header_count(struct slice message, struct slice name, size_t most);

#endif
