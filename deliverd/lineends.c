/*
 * Line ends, a line at a time: what lies between two CRs is moved as a whole.
 */
#include "deliverd/lineends.h"

#include <string.h>

static void
count_wire_size(struct lineends *lineends, struct slice piece)
{
	bool after_cr = lineends->after_cr;

	lineends->size += piece.length;
	lineends->wire_size += piece.length;
	while (piece.length > 0) {
		size_t at = slice_find(piece, '\n');

		if (at == piece.length)
			break;
		if (at > 0)
			after_cr = piece.data[at - 1] == '\r';
		lineends->wire_size += after_cr ? 0 : 1;
		after_cr = false;
		piece = slice_from(piece, at + 1);
	}
}

/* Appends PIECE, which may overlap OUT, and returns its length. */
static size_t
put(struct lineends *lineends, char *out, struct slice piece)
{
	if (piece.length == 0)
		return 0;
	count_wire_size(lineends, piece);
	lineends->after_cr = piece.data[piece.length - 1] == '\r';
	memmove(out, piece.data, piece.length);
	return piece.length;
}

size_t
lineends_convert(struct lineends *lineends, struct slice input, char *out)
{
	size_t used = 0;

	if (input.length == 0)
		return 0;
	if (lineends->held && input.data[0] != '\n')
		used += put(lineends, out, SLICE("\r"));
	lineends->held = false;
	while (input.length > 0) {
		size_t at = slice_find(input, '\r');

		if (at == input.length)
			return used + put(lineends, out + used, input);
		if (at + 1 == input.length) {
			lineends->held = true;
			return used + put(lineends, out + used, slice_first(input, at));
		}
		/* Up to the CR, or with it when it stands alone. */
		used += put(lineends, out + used, slice_first(input, input.data[at + 1] == '\n' ? at : at + 1));
		input = slice_from(input, at + 1);
	}
	return used;
}

size_t
lineends_finish(struct lineends *lineends, char *out)
{
	if (!lineends->held)
		return 0;
	lineends->held = false;
	return put(lineends, out, SLICE("\r"));
}
