/*
 * Makes lines of a message of any bytes: a walk through its MIME structure, with a state for what comes next.
 *
 *   STATE      what comes                                        how it is left
 *   HEADER     a header section, collected as a whole            empty line: LINE, or HEADER again (a message in
 *                                                                the message); delimiter line: as below
 *   TEXT       the rest of a line of a body (or of the text      CR: CR
 *              before the first and after the last part)
 *   CR         what follows a CR                                 LF: LINE; else TEXT
 *   LINE       the beginning of a line, held while it may be     delimiter: DELIMITER; else TEXT
 *              that of a delimiter, with the CRLF before it
 *   DELIMITER  the LF behind a delimiter                         next part: HEADER; last part: LINE
 *
 * The CRLF before a delimiter belongs to it, not to the part (RFC 2046 5.1.1).
 */
#include "common/mail/mime.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mail/mime_delimiter.h"
#include "common/mail/mime_encode.h"
#include "common/mail/mime_header.h"

enum {
	/* Bytes of a delimiter line: "--", the boundary, "--", and blanks that gateways may have added. */
	LINE_MAX_HELD = 256,
};

enum state {
	STATE_HEADER,
	STATE_TEXT,
	STATE_CR,
	STATE_LINE,
	STATE_DELIMITER,
};

struct mime {
	enum state state;
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
	char line[LINE_MAX_HELD];
	enum mime_delimiter delimiter; /* DELIMITER: what LINE is */
	size_t delimiter_level;
};

struct mime *
mime_new(void)
{
	struct mime *mime = calloc(1, sizeof(*mime));

	if (mime == NULL)
		return NULL;
	buffer_init(&mime->header, MIME_HEADER_MAX);
	mime->state = STATE_HEADER;
	mime->problem = "";
	return mime;
}

void
mime_free(struct mime **mime)
{
	if (*mime == NULL)
		return;
	buffer_free(&(*mime)->header);
	free(*mime);
	*mime = NULL;
}

const char *
mime_problem(const struct mime *mime)
{
	return mime->problem;
}

static void
fail(struct mime *mime, const char *problem)
{
	if (mime->error != 0)
		return;
	mime->error = -EBADMSG;
	mime->problem = problem;
}

/* ---- output ---- */

static void
put(struct mime *mime, struct slice bytes)
{
	if (mime->error == 0)
		mime->error = buffer_append_slice(mime->out, bytes);
}

/* Bytes of a body, without any CR that does not belong to a CRLF. */
static void
put_body(struct mime *mime, struct slice bytes)
{
	if (!mime->encoding)
		put(mime, bytes);
	else if (mime->error == 0)
		mime->error = mime_base64_encode(&mime->base64, bytes, mime->out);
}

/* A run of a body's bytes without CR. */
static void
put_run(struct mime *mime, struct slice run)
{
	if (!mime->encoding && slice_find(run, '\n') < run.length)
		fail(mime, "a bare LF outside of a binary part");
	else if (!mime->encoding && slice_find(run, '\0') < run.length)
		fail(mime, "a NUL outside of a binary part");
	else
		put_body(mime, run);
}

static struct slice
held_line(const struct mime *mime)
{
	return slice_of(mime->line, mime->line_length);
}

/* What was held turned out to be no delimiter. */
static void
release_line(struct mime *mime)
{
	if (mime->after_line_end)
		put_body(mime, SLICE("\r\n"));
	put_run(mime, held_line(mime));
	mime->state = STATE_TEXT;
}

static void
end_body(struct mime *mime)
{
	if (mime->encoding && mime->error == 0)
		mime->error = mime_base64_end(&mime->base64, mime->out);
	mime->encoding = false;
}

/* ---- entities ---- */

static void
expect_line(struct mime *mime, bool after_line_end)
{
	mime->state = STATE_LINE;
	mime->after_line_end = after_line_end;
	mime->line_length = 0;
}

static void
expect_header(struct mime *mime, bool in_digest)
{
	mime->state = STATE_HEADER;
	mime->in_digest = in_digest;
	mime->header_line = 0;
	buffer_consume(&mime->header, buffer_length(&mime->header));
}

static void
put_header(struct mime *mime, struct slice header, const struct header_field *field, struct slice encoding)
{
	size_t before = (size_t)(field->whole.data - header.data);

	put(mime, slice_first(header, before));
	put(mime, field->name);
	put(mime, SLICE(": "));
	put(mime, encoding);
	put(mime, SLICE("\r\n"));
	put(mime, slice_from(header, before + field->whole.length));
}

/* HEADER is a header section, whole, at the beginning of mime->header. */
static void
begin_entity(struct mime *mime, struct slice header)
{
	const struct mime_level *around = mime_levels_top(&mime->levels);
	struct mime_header entity;
	bool composite;

	if (mime_header_read(header, mime->in_digest, &entity) != 0) {
		fail(mime, "a line in a header section that is no field");
		return;
	}
	/* RFC 2045 6.4: only the parts of a composite type can be encoded. */
	composite = entity.encoding != MIME_ENCODED && (entity.kind == MIME_MESSAGE || entity.kind == MIME_MULTIPART);
	if (entity.encoding != MIME_BINARY)
		put(mime, header);
	else if (around != NULL && around->is_signed)
		fail(mime, "a binary part that is signed");
	else if (entity.kind == MIME_OPAQUE)
		fail(mime, "a binary part of a type that cannot be encoded");
	else
		put_header(mime, header, &entity.encoding_field, composite ? SLICE("8bit") : SLICE("base64"));
	mime->encoding = entity.encoding == MIME_BINARY && !composite;
	mime_base64_begin(&mime->base64);
	expect_line(mime, false);
	if (composite && entity.kind == MIME_MESSAGE)
		expect_header(mime, false);
	else if (composite && !mime_levels_push(&mime->levels, &entity))
		fail(mime, "parts nested too deeply");
}

/* The line that is held is a delimiter. It ends all that is inside its multipart. */
static void
pass_delimiter(struct mime *mime)
{
	end_body(mime);
	if (mime->after_line_end)
		put(mime, SLICE("\r\n"));
	put(mime, held_line(mime));
	put(mime, SLICE("\r\n"));
	mime->levels.count = mime->delimiter_level + (mime->delimiter == MIME_NEXT_PART ? 1 : 0);
	if (mime->delimiter == MIME_NEXT_PART)
		expect_header(mime, mime_levels_top(&mime->levels)->is_digest);
	else
		expect_line(mime, false);
}

/* Is LINE, whole and without its line end, a delimiter? */
static bool
find_delimiter(struct mime *mime, struct slice line)
{
	mime->delimiter = mime_delimiter_find(&mime->levels, line, &mime->delimiter_level);
	if (mime->delimiter == MIME_AMBIGUOUS)
		fail(mime, "a line that only begins like a delimiter");
	return mime->delimiter == MIME_NEXT_PART || mime->delimiter == MIME_LAST_PART;
}

/* ---- input ---- */

/* A part's header section that ends, without an empty line, in the delimiter LINE. */
static void
cut_header(struct mime *mime, struct slice line)
{
	char held[LINE_MAX_HELD];

	if (line.length >= sizeof(held)) {
		fail(mime, "a delimiter with too many blanks");
		return;
	}
	memcpy(held, line.data, line.length);
	begin_entity(mime, slice_first(buffer_slice(&mime->header), mime->header_line));
	memcpy(mime->line, held, line.length);
	mime->line_length = line.length;
	mime->after_line_end = false;
}

/* LINE is a line of a header section without its line end. */
static bool
check_header_line(struct mime *mime, struct slice line)
{
	if (slice_find(line, '\r') < line.length || slice_find(line, '\0') < line.length)
		fail(mime, "a bare CR or a NUL in a header section");
	return mime->error == 0;
}

static void
end_header_line(struct mime *mime)
{
	struct slice header = buffer_slice(&mime->header);
	struct slice line = slice_from(header, mime->header_line);

	if (line.length < 2 || line.data[line.length - 2] != '\r') {
		fail(mime, "a bare LF in a header section");
		return;
	}
	line = slice_first(line, line.length - 2);
	if (!check_header_line(mime, line))
		return;
	if (line.length == 0) {
		begin_entity(mime, header);
	} else if (find_delimiter(mime, line)) {
		cut_header(mime, line);
		pass_delimiter(mime);
	} else {
		mime->header_line = header.length;
	}
}

static size_t
take_header(struct mime *mime, struct slice input)
{
	size_t end = slice_find(input, '\n');
	struct slice piece = slice_first(input, end + 1);
	int error = buffer_append_slice(&mime->header, piece);

	if (error == -ENOBUFS)
		fail(mime, "a header section that is too long");
	else
		mime->error = error;
	if (error == 0 && end < input.length)
		end_header_line(mime);
	return piece.length;
}

static size_t
take_text(struct mime *mime, struct slice input)
{
	size_t length = slice_find(input, '\r');

	put_run(mime, slice_first(input, length));
	if (length == input.length)
		return length;
	mime->state = STATE_CR;
	return length + 1;
}

/* The CR that was taken is not followed by LF. */
static void
release_cr(struct mime *mime)
{
	if (mime->encoding)
		put_body(mime, SLICE("\r"));
	else
		fail(mime, "a bare CR outside of a binary part");
	mime->state = STATE_TEXT;
}

static size_t
take_after_cr(struct mime *mime, struct slice input)
{
	if (input.data[0] == '\n') {
		expect_line(mime, true);
		return 1;
	}
	release_cr(mime);
	return 0;
}

/* The line that is held goes on with C, CR or LF, or is too long. */
static void
decide_line(struct mime *mime, char c)
{
	struct slice line = held_line(mime);

	if (line.length == sizeof(mime->line) && mime_delimiter_possible(&mime->levels, line))
		fail(mime, "a delimiter with too many blanks");
	else if (!find_delimiter(mime, line))
		release_line(mime);
	else if (c != '\r')
		fail(mime, "a delimiter that ends in a bare LF");
	else
		mime->state = STATE_DELIMITER;
}

static size_t
take_line(struct mime *mime, struct slice input)
{
	size_t room = sizeof(mime->line) - mime->line_length;
	struct slice piece = slice_first(input, room);

	/* Nearly all lines are left here. */
	if (mime->line_length == 0 && input.data[0] != '-') {
		release_line(mime);
		return 0;
	}
	piece = slice_first(piece, slice_find(piece, '\r'));
	piece = slice_first(piece, slice_find(piece, '\n'));
	if (piece.length > 0)
		memcpy(mime->line + mime->line_length, piece.data, piece.length);
	mime->line_length += piece.length;
	if (piece.length < input.length) {
		decide_line(mime, input.data[piece.length]);
		return piece.length + (mime->state == STATE_DELIMITER ? 1 : 0);
	}
	if (!mime_delimiter_possible(&mime->levels, held_line(mime)))
		release_line(mime);
	return piece.length;
}

static size_t
take_delimiter_end(struct mime *mime, struct slice input)
{
	if (input.data[0] != '\n')
		fail(mime, "a delimiter that ends in a bare CR");
	else
		pass_delimiter(mime);
	return 1;
}

/* Each returns how many bytes it took; when none, the state is another. */
static size_t (*const take[])(struct mime *mime, struct slice input) = {
	[STATE_HEADER] = take_header,
	[STATE_TEXT] = take_text,
	[STATE_CR] = take_after_cr,
	[STATE_LINE] = take_line,
	[STATE_DELIMITER] = take_delimiter_end,
};

int
mime_convert(struct mime *mime, struct slice piece, struct buffer *out)
{
	mime->out = out;
	while (piece.length > 0 && mime->error == 0)
		piece = slice_from(piece, take[mime->state](mime, piece));
	mime->out = NULL;
	return mime->error;
}

/* ---- the end of the message ---- */

/* The last line is held. Only "--boundary--" can do without CRLF behind it (RFC 2046 5.1.1). */
static void
finish_delimiter(struct mime *mime)
{
	if (mime->delimiter == MIME_NEXT_PART) {
		fail(mime, "a delimiter without an end");
		return;
	}
	end_body(mime);
	if (mime->after_line_end)
		put(mime, SLICE("\r\n"));
	put(mime, held_line(mime));
}

static void
finish_header(struct mime *mime)
{
	struct slice header = buffer_slice(&mime->header);
	struct slice line = slice_from(header, mime->header_line);

	if (!check_header_line(mime, line))
		return;
	if (find_delimiter(mime, line)) {
		cut_header(mime, line);
		finish_delimiter(mime);
	} else {
		begin_entity(mime, header);
	}
}

static void
finish_line(struct mime *mime)
{
	if (find_delimiter(mime, held_line(mime)))
		finish_delimiter(mime);
	else
		release_line(mime);
}

int
mime_finish(struct mime *mime, struct buffer *out)
{
	mime->out = out;
	if (mime->error == 0) {
		switch (mime->state) {
		case STATE_HEADER:
			finish_header(mime);
			break;
		case STATE_CR:
			release_cr(mime);
			break;
		case STATE_LINE:
			finish_line(mime);
			break;
		case STATE_DELIMITER:
			fail(mime, "a delimiter that ends in a bare CR");
			break;
		case STATE_TEXT:
			break;
		}
		end_body(mime);
	}
	mime->out = NULL;
	return mime->error;
}
