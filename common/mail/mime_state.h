/*
 * The converter of binary messages from inside: for mime.c, which reads, and mime_entity.c, which writes.
 */
#ifndef ANGARIUM_MAIL_MIME_STATE_H
#define ANGARIUM_MAIL_MIME_STATE_H

#include "common/mail/mime.h"
#include "common/mail/mime_delimiter.h"
#include "common/mail/mime_encode.h"
#include "common/mail/mime_header.h"

enum {
	/* Bytes of a delimiter line: "--", the boundary, "--", and blanks that gateways may have added. */
	MIME_LINE_MAX = 256,
};

enum mime_state {
	MIME_STATE_HEADER,
	MIME_STATE_TEXT,
	MIME_STATE_CR,
	MIME_STATE_LINE,
	MIME_STATE_DELIMITER,
};

struct mime {
	enum mime_state state;
	int error;           /* sticky; 0 or negative */
	const char *problem; /* with -EBADMSG */
	struct buffer *out;  /* during a call */

	struct mime_levels levels;
	bool in_digest;      /* HEADER: of a part whose type is message/rfc822 by default */
	struct buffer header;
	size_t header_line;  /* where the last line in HEADER begins */

	bool encoding;       /* the body is encoded */
	struct mime_base64 base64;
	bool after_line_end; /* LINE: a CRLF is held, before LINE */
	size_t line_length;
	char line[MIME_LINE_MAX];
	enum mime_delimiter delimiter; /* DELIMITER: what LINE is */
	size_t delimiter_level;
};

static inline struct slice
mime_held_line(const struct mime *mime)
{
	return slice_of(mime->line, mime->line_length);
}

/* The message cannot be converted. Only the first call counts. */
void mime_fail(struct mime *mime, const char *problem);

/* Bytes of a body, encoded when it is binary; in another body no CR, LF or NUL may be among them, but CRLF. */
void mime_put_body(struct mime *mime, struct slice bytes);
/* The same for a run without CR, which is checked for LF and NUL. */
void mime_put_run(struct mime *mime, struct slice run);
/* The body ends, and with it what it was encoded in. */
void mime_end_body(struct mime *mime);
/* The line that is held, with the CRLF before it, not encoded. */
void mime_put_held(struct mime *mime);

/* Goes on in MIME_STATE_LINE, with nothing held but perhaps a CRLF. */
void mime_expect_line(struct mime *mime, bool after_line_end);
/* HEADER is a whole header section, at the beginning of mime->header: passes it on, and goes into its entity. */
void mime_begin_entity(struct mime *mime, struct slice header);
/* The line that is held is mime->delimiter. It ends all that is inside its multipart. */
void mime_pass_delimiter(struct mime *mime);

#endif
