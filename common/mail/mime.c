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

#include "common/mail/mime_state.h"

struct mime *
mime_new(void)
{
	struct mime *mime = calloc(1, sizeof(*mime));

	if (mime == NULL)
		return NULL;
	buffer_init(&mime->header, MIME_HEADER_MAX);
	buffer_init(&mime->plan, MIME_ENTITIES_MAX);
	mime->problem = "";
	mime_begin(mime, MIME_PASS_LINES);
	return mime;
}

void
mime_free(struct mime **mime)
{
	if (*mime == NULL)
		return;
	buffer_free(&(*mime)->header);
	buffer_free(&(*mime)->plan);
	free(*mime);
	*mime = NULL;
}

const char *
mime_problem(const struct mime *mime)
{
	return mime->problem;
}

/* ---- input ---- */

/* What was held turned out to be no delimiter. */
static void
release_line(struct mime *mime)
{
	if (mime->after_line_end)
		mime_put_line_end(mime);
	mime_put_run(mime, mime_held_line(mime));
	mime->state = MIME_STATE_TEXT;
}

/* Is LINE, whole and without its line end, a delimiter? */
static bool
find_delimiter(struct mime *mime, struct slice line)
{
	mime->delimiter = mime_delimiter_find(&mime->levels, line, &mime->delimiter_level);
	if (mime->delimiter == MIME_AMBIGUOUS)
		mime_fail(mime, "a line that only begins like a delimiter");
	return mime->delimiter == MIME_NEXT_PART || mime->delimiter == MIME_LAST_PART;
}

/* A part's header section that ends, without an empty line, in the delimiter LINE. */
static void
cut_header(struct mime *mime, struct slice line)
{
	char held[MIME_LINE_MAX];

	if (line.length >= sizeof(held)) {
		mime_fail(mime, "a delimiter with too many blanks");
		return;
	}
	memcpy(held, line.data, line.length);
	mime_begin_entity(mime, slice_first(buffer_slice(&mime->header), mime->header_line));
	memcpy(mime->line, held, line.length);
	mime->line_length = line.length;
	mime->after_line_end = false;
}

/* LINE is a line of a header section without its line end. */
static bool
check_header_line(struct mime *mime, struct slice line)
{
	if (slice_find(line, '\r') < line.length || slice_find(line, '\0') < line.length)
		mime_fail(mime, "a bare CR or a NUL in a header section");
	else if (mime->pass != MIME_PASS_LINES && !mime_is_7bit(line))
		mime_fail(mime, "8-bit bytes in a header section");
	return mime->error == 0;
}

static void
end_header_line(struct mime *mime)
{
	struct slice header = buffer_slice(&mime->header);
	struct slice line = slice_from(header, mime->header_line);

	if (line.length < 2 || line.data[line.length - 2] != '\r') {
		mime_fail(mime, "a bare LF in a header section");
		return;
	}
	line = slice_first(line, line.length - 2);
	if (!check_header_line(mime, line))
		return;
	if (line.length == 0) {
		mime_begin_entity(mime, header);
	} else if (find_delimiter(mime, line)) {
		cut_header(mime, line);
		mime_pass_delimiter(mime);
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
		mime_fail(mime, "a header section that is too long");
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

	mime_put_run(mime, slice_first(input, length));
	if (length == input.length)
		return length;
	mime->state = MIME_STATE_CR;
	return length + 1;
}

/* The CR that was taken is not followed by LF. */
static void
release_cr(struct mime *mime)
{
	if (mime->body != MIME_BODY_AS_IT_IS)
		mime_put_body(mime, SLICE("\r"));
	else
		mime_fail(mime, "a bare CR outside of a binary part");
	mime->state = MIME_STATE_TEXT;
}

static size_t
take_after_cr(struct mime *mime, struct slice input)
{
	if (input.data[0] == '\n') {
		mime_expect_line(mime, true);
		return 1;
	}
	release_cr(mime);
	return 0;
}

/* The line that is held goes on with C, CR or LF, or is too long. */
static void
decide_line(struct mime *mime, char c)
{
	struct slice line = mime_held_line(mime);

	if (line.length == sizeof(mime->line) && mime_delimiter_possible(&mime->levels, line))
		mime_fail(mime, "a delimiter with too many blanks");
	else if (!find_delimiter(mime, line))
		release_line(mime);
	else if (c != '\r')
		mime_fail(mime, "a delimiter that ends in a bare LF");
	else
		mime->state = MIME_STATE_DELIMITER;
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
		return piece.length + (mime->state == MIME_STATE_DELIMITER ? 1 : 0);
	}
	if (!mime_delimiter_possible(&mime->levels, mime_held_line(mime)))
		release_line(mime);
	return piece.length;
}

static size_t
take_delimiter_end(struct mime *mime, struct slice input)
{
	if (input.data[0] != '\n')
		mime_fail(mime, "a delimiter that ends in a bare CR");
	else
		mime_pass_delimiter(mime);
	return 1;
}

/* Each returns how many bytes it took; when none, the state is another. */
static size_t (*const take[])(struct mime *mime, struct slice input) = {
	[MIME_STATE_HEADER] = take_header,
	[MIME_STATE_TEXT] = take_text,
	[MIME_STATE_CR] = take_after_cr,
	[MIME_STATE_LINE] = take_line,
	[MIME_STATE_DELIMITER] = take_delimiter_end,
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
		mime_fail(mime, "a delimiter without an end");
		return;
	}
	mime_end_body(mime);
	mime_put_held(mime);
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
		mime_begin_entity(mime, header);
	}
}

static void
finish_line(struct mime *mime)
{
	if (find_delimiter(mime, mime_held_line(mime)))
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
		case MIME_STATE_HEADER:
			finish_header(mime);
			break;
		case MIME_STATE_CR:
			release_cr(mime);
			break;
		case MIME_STATE_LINE:
			finish_line(mime);
			break;
		case MIME_STATE_DELIMITER:
			mime_fail(mime, "a delimiter that ends in a bare CR");
			break;
		case MIME_STATE_TEXT:
			break;
		}
		mime_end_body(mime);
	}
	mime->out = NULL;
	return mime->error;
}
