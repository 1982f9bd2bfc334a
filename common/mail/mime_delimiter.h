/*
 * The multiparts that are open at a place in a message, and the lines that end their parts (RFC 2046 5.1).
 */
#ifndef ANGARIUM_MAIL_MIME_DELIMITER_H
#define ANGARIUM_MAIL_MIME_DELIMITER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"
#include "common/mail/mime_header.h"

enum {
	MIME_LEVELS_MAX = 32, /* multiparts in each other */
};

struct mime_level {
	bool is_digest;
	bool is_signed; /* this multipart, or one around it */
	size_t boundary_length;
	char boundary[MIME_BOUNDARY_MAX];
};

struct mime_levels {
	size_t count;
	struct mime_level list[MIME_LEVELS_MAX]; /* the outermost first */
};

enum mime_delimiter {
	MIME_NO_DELIMITER,
	MIME_NEXT_PART,   /* "--boundary": a part begins */
	MIME_LAST_PART,   /* "--boundary--": the multipart ends */
	MIME_AMBIGUOUS,   /* begins as a delimiter does, and is none; or is the one of two multiparts */
};

/* Opens the multipart of HEADER inside the innermost one. False when there are too many. */
bool mime_levels_push(struct mime_levels *levels, const struct mime_header *header);
/* The innermost one, or NULL. */
static inline const struct mime_level *
mime_levels_top(const struct mime_levels *levels)
{
	return levels->count == 0 ? NULL : &levels->list[levels->count - 1];
}

/* What LINE is, whole and without its line end; a delimiter is that of *level_r. Any level may be meant. */
enum mime_delimiter mime_delimiter_find(const struct mime_levels *levels, struct slice line, size_t *level_r);
/* Can a line that begins with BEGINNING be anything but MIME_NO_DELIMITER? */
bool mime_delimiter_possible(const struct mime_levels *levels, struct slice beginning);

#endif
