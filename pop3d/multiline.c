/*
 * A message as a multi-line response. Pure functions on buffers; nothing here fails.
 */
#include "pop3d/multiline.h"

struct multiline
multiline_all(void)
{
	return (struct multiline){ .in_header = true };
}

struct multiline
multiline_top(uint64_t lines)
{
	return (struct multiline){ .in_header = true, .limited = true, .lines_left = lines };
}

/* A line has ended that held LENGTH bytes before its line end. */
static void
end_line(struct multiline *multiline, size_t length)
{
	multiline->column = 0;
	multiline->after_cr = false;
	if (!multiline->in_header)
		multiline->lines_left--; /* of use only when LIMITED; may wrap otherwise */
	else if (length == 0)
		multiline->in_header = false;
	if (multiline->limited && !multiline->in_header && multiline->lines_left == 0)
		multiline->done = true;
}

/* The piece of a line, without LF, is out. */
static void
middle_of_line(struct multiline *multiline, struct slice piece)
{
	if (piece.length == 0)
		return;
	multiline->after_cr = piece.data[piece.length - 1] == '\r';
	multiline->column = multiline->column + piece.length < 2 ? multiline->column + (uint32_t)piece.length : 2;
	multiline->octets += piece.length;
}

size_t
multiline_put(struct multiline *multiline, struct slice input, char *out)
{
	char *at = out;

	while (input.length > 0 && !multiline->done) {
		size_t end = slice_find(input, '\n');
		struct slice piece = slice_first(input, end);
		bool whole = end < input.length;

		if (multiline->column == 0 && piece.length > 0 && piece.data[0] == '.')
			*at++ = '.';
		if (piece.length > 0)
			memcpy(at, piece.data, piece.length);
		at += piece.length;
		middle_of_line(multiline, piece);
		if (!whole)
			break;
		if (!multiline->after_cr) {
			*at++ = '\r';
			multiline->octets++;
		}
		*at++ = '\n';
		multiline->octets++;
		/* Up to 2 bytes are known exactly: enough to tell an empty line, whose CR was counted in a CRLF file. */
		end_line(multiline, multiline->column - (multiline->after_cr ? 1 : 0));
		input = slice_from(input, end + 1);
	}
	return (size_t)(at - out);
}

size_t
multiline_end(struct multiline *multiline, char *out)
{
	struct slice end = SLICE(".\r\n");

	if (multiline->column > 0)
		end = multiline->after_cr ? SLICE("\n.\r\n") : SLICE("\r\n.\r\n");
	memcpy(out, end.data, end.length);
	return end.length;
}

void
multiline_count(struct multiline *multiline, struct slice input)
{
	multiline->octets += input.length;
	while (input.length > 0) {
		size_t end = slice_find(input, '\n');

		if (end == input.length) {
			multiline->after_cr = input.data[end - 1] == '\r';
			return;
		}
		if (end > 0 ? input.data[end - 1] != '\r' : !multiline->after_cr)
			multiline->octets++;
		multiline->after_cr = false;
		input = slice_from(input, end + 1);
	}
}
