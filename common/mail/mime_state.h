/*
 * The converter of messages from inside: for mime.c, which reads, mime_entity.c, which writes, and mime_7bit.c, which
 * decides what becomes of bytes above 127.
 */
#ifndef ANGARIUM_MAIL_MIME_STATE_H
#define ANGARIUM_MAIL_MIME_STATE_H

#include "common/mail/mime.h"
#include "common/mail/mime_delimiter.h"
#include "common/mail/mime_encode.h"
#include "common/mail/mime_header.h"
#include "common/mail/mime_quoted.h"

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

enum mime_pass {
	MIME_PASS_LINES, /* the only one of a conversion to lines */
	MIME_PASS_SCAN,  /* the first of a conversion to 7bit: there is no output */
	MIME_PASS_7BIT,  /* the second */
};

enum mime_body {
	MIME_BODY_AS_IT_IS,
	MIME_BODY_BASE64,
	MIME_BODY_QUOTED,
};

/* What becomes of an entity. */
struct mime_treatment {
	enum mime_body body;
	struct slice label; /* its new Content-Transfer-Encoding; empty: as it is */
	bool type;          /* it gets a Content-Type */
	bool version;       /* it gets a MIME-Version */
};

#define MIME_BETWEEN_PARTS "8-bit bytes between parts"

struct mime {
	enum mime_pass pass;
	enum mime_state state;
	int error;           /* sticky; 0 or negative */
	const char *problem; /* with -EBADMSG */
	struct buffer *out;  /* during a call; NULL in a scan */

	struct mime_levels levels;
	bool in_digest;      /* HEADER: of a part whose type is message/rfc822 by default */
	struct buffer header;
	size_t header_line;  /* where the last line in HEADER begins */

	/* To 7bit: */
	size_t entity;       /* entities that began */
	bool at_message;     /* HEADER: of a message, not of a part */
	bool planned;        /* something will be encoded */
	struct buffer plan;  /* a byte for each entity: its body has bytes above 127 */
	const char *unfit;   /* what is wrong with such a byte here; NULL: nothing */

	enum mime_body body;
	struct mime_base64 base64;
	struct mime_quoted quoted;
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

/* Makes MIME ready for a message. */
void mime_begin(struct mime *mime, enum mime_pass pass);

/* Bytes of a body, encoded when it is so; in another body no CR, LF or NUL may be among them. */
void mime_put_body(struct mime *mime, struct slice bytes);
/* CRLF in a body. */
void mime_put_line_end(struct mime *mime);
/* Bytes of a body without CR, which are checked for LF, NUL and bytes above 127. */
void mime_put_run(struct mime *mime, struct slice run);
/* The body ends, and with it what it was encoded in. */
void mime_end_body(struct mime *mime);
/* The line that is held, with the CRLF before it, not encoded. */
void mime_put_held(struct mime *mime);

/* Goes on in MIME_STATE_LINE, with nothing held but perhaps a CRLF. */
void mime_expect_line(struct mime *mime, bool after_line_end);
/* HEADER is a whole header section, at the beginning of mime->header: passes it on, and goes into its entity. */
void mime_begin_entity(struct mime *mime, struct slice header);
/* There are bytes above 127 in a body that is not encoded. */
void mime_found_8bit(struct mime *mime);
/* To 7bit: an entity begins; what becomes of it. COMPOSITE: its body is a message or parts. IS_SIGNED: something around it is. */
void mime_choose_7bit(struct mime *mime, const struct mime_header *entity, bool composite, bool is_signed,
                      struct mime_treatment *treatment);
/* The line that is held is mime->delimiter. It ends all that is inside its multipart. */
void mime_pass_delimiter(struct mime *mime);

#endif
