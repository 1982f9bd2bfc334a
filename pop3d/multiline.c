/*
 * A message as a multi-line response. Pure functions on buffers; nothing here fails.
 */
#include "pop3d/multiline.h"

#include <endian.h>

enum { BLOCK_SIZE = 16 }; /* bytes: what the vector registers of every 64-bit processor hold */

typedef unsigned char block __attribute__((vector_size(BLOCK_SIZE)));

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

/* Where in BYTES the first LF is, or BLOCK_SIZE. */
static size_t
find_line_end(block bytes)
{
	uint64_t halves[2];

	bytes = (block)(bytes == '\n');
	memcpy(halves, &bytes, sizeof(halves));
	if (halves[0] != 0)
		return (size_t)__builtin_ctzll(le64toh(halves[0])) / 8;
	return halves[1] != 0 ? 8 + (size_t)__builtin_ctzll(le64toh(halves[1])) / 8 : BLOCK_SIZE;
}

/*
 * Copies INPUT up to its first LF, or all of it; returns how many bytes that is. Copied and searched in one go: lines are too short for memchr and
 * memcpy to be worth their calls. Up to a block more may be written, but no more than INPUT.length in all.
 */
static size_t
copy_line(struct slice input, char *out)
{
	size_t at = 0;

	for (; input.length - at >= BLOCK_SIZE; at += BLOCK_SIZE) {
		block bytes;
		size_t end;

		memcpy(&bytes, input.data + at, BLOCK_SIZE);
		memcpy(out + at, &bytes, BLOCK_SIZE);
		end = find_line_end(bytes);
		if (end < BLOCK_SIZE)
			return at + end;
	}
	for (; at < input.length && input.data[at] != '\n'; at++)
		out[at] = input.data[at];
	return at;
}

size_t
multiline_put(struct multiline *multiline, struct slice input, char *out)
{
	struct multiline state = *multiline; /* in registers, where OUT's bytes cannot be meant to change it */
	char *at = out;

	while (input.length > 0 && !state.done) {
		struct slice line = input;

		if (state.column == 0 && line.data[0] == '.')
			*at++ = '.';
		line.length = copy_line(input, at);
		at += line.length;
		middle_of_line(&state, line);
		if (line.length == input.length)
			break;
		if (!state.after_cr) {
			*at++ = '\r';
			state.octets++;
		}
		*at++ = '\n';
		state.octets++;
		/* Up to 2 bytes are known exactly: enough to tell an empty line, whose CR was counted in a CRLF file. */
		end_line(&state, state.column - (state.after_cr ? 1 : 0));
		input.data += line.length + 1;
		input.length -= line.length + 1;
	}
	*multiline = state;
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
