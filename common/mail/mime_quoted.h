/*
 * The quoted-printable content-transfer-encoding (RFC 2045 6.7), bytes as they come in: lines of at most 76 characters, with CRLF between
 * them.
 */
#ifndef ANGARIUM_MAIL_MIME_QUOTED_H
#define ANGARIUM_MAIL_MIME_QUOTED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

struct mime_quoted {
	size_t column; /* characters in the line that was begun */
	bool dash;     /* they are "-" */
	char blank;    /* held: a space or a tab, which must be encoded at the end of a line; or 0 */
};

void mime_quoted_begin(struct mime_quoted *quoted);
/* Each appends to OUT: 0, -ENOBUFS or -ENOMEM. BYTES is content without line ends: a CR or LF in it is encoded. */
int mime_quoted_encode(struct mime_quoted *quoted, struct slice bytes, struct buffer *out);
/* A line of the content ends. */
int mime_quoted_line_end(struct mime_quoted *quoted, struct buffer *out);
/* The rest; without a line end behind it. */
int mime_quoted_end(struct mime_quoted *quoted, struct buffer *out);

#endif
