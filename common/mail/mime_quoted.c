/*
 * The quoted-printable content-transfer-encoding.
 *
 * No line that it makes begins with "--": what begins so in the content is written "-=2D". Otherwise a soft line break, or a byte that is
 * written "=FF" where a boundary has just these characters, could make a delimiter (RFC 2046 5.1.1) of content.
 */
#include "common/mail/mime_quoted.h"

enum {
	LINE_MAX_LENGTH = 76,    /* characters (RFC 2045 6.7, rule 5), with the "=" of a soft line break */
	STEP = 1024,             /* bytes that are encoded into one reservation */
	GROWTH = 4,              /* times: "=FF" for each byte, and "=", CR and LF after 25 of them */
	ROOM_MORE = 16,          /* bytes: the blank that was held, and two line breaks */
};

void
mime_quoted_begin(struct mime_quoted *quoted)
{
	*quoted = (struct mime_quoted){ 0 };
}

/* Writes C to AT, as it is or encoded. Returns where it ended. */
static char *
put(struct mime_quoted *quoted, char c, bool literal, char *at)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length;

	literal = literal && !(c == '-' && quoted->dash);
	length = literal ? 1 : 3;
	if (quoted->column + length >= LINE_MAX_LENGTH) {
		memcpy(at, "=\r\n", 3);
		at += 3;
		quoted->column = 0;
	}
	quoted->dash = quoted->column == 0 && literal && c == '-';
	quoted->column += length;
	if (literal) {
		*at++ = c;
		return at;
	}
	*at++ = '=';
	*at++ = digits[(unsigned char)c >> 4];
	*at++ = digits[(unsigned char)c & 15];
	return at;
}

/* The blank that is held, if there is one. */
static char *
put_blank(struct mime_quoted *quoted, bool literal, char *at)
{
	if (quoted->blank != 0)
		at = put(quoted, quoted->blank, literal, at);
	quoted->blank = 0;
	return at;
}

static char *
put_content(struct mime_quoted *quoted, char c, char *at)
{
	at = put_blank(quoted, true, at);
	if (c == ' ' || c == '\t')
		quoted->blank = c;
	else
		at = put(quoted, c, c > ' ' && c <= '~' && c != '=', at);
	return at;
}

int
mime_quoted_encode(struct mime_quoted *quoted, struct slice bytes, struct buffer *out)
{
	while (bytes.length > 0) {
		struct slice step = slice_first(bytes, STEP);
		char *room;
		char *at;
		int error = buffer_reserve(out, GROWTH * step.length + ROOM_MORE, &room);

		if (error != 0)
			return error;
		at = room;
		for (size_t i = 0; i < step.length; i++)
			at = put_content(quoted, step.data[i], at);
		buffer_commit(out, (size_t)(at - room));
		bytes = slice_from(bytes, step.length);
	}
	return 0;
}

/* The end of a line, or of all: blanks there could be lost on the way (rule 3). */
static int
end_line(struct mime_quoted *quoted, bool line_end, struct buffer *out)
{
	char *room;
	char *at;
	int error = buffer_reserve(out, ROOM_MORE, &room);

	if (error != 0)
		return error;
	at = put_blank(quoted, false, room);
	if (line_end) {
		*at++ = '\r';
		*at++ = '\n';
	}
	buffer_commit(out, (size_t)(at - room));
	mime_quoted_begin(quoted);
	return 0;
}

int
mime_quoted_line_end(struct mime_quoted *quoted, struct buffer *out)
{
	return end_line(quoted, true, out);
}

int
mime_quoted_end(struct mime_quoted *quoted, struct buffer *out)
{
	return end_line(quoted, false, out);
}
