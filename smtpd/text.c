/*
 * Are the lines of a message sound?
 */
#include "smtpd/text.h"

void
text_begin(struct text *text)
{
	*text = (struct text){ 0 };
}

static bool
has_eight_bit(struct slice piece)
{
	unsigned char bits = 0;

	for (size_t i = 0; i < piece.length; i++)
		bits |= (unsigned char)piece.data[i];
	return bits > 127;
}

/* AFTER_CR says whether the byte before PIECE was a carriage return. */
static unsigned
line_faults(struct slice piece, bool after_cr)
{
	unsigned faults = 0;

	if (after_cr && piece.data[0] != '\n')
		faults |= TEXT_BARE_CR;
	for (size_t at = 0; (at += slice_find(slice_from(piece, at), '\r')) + 1 < piece.length; at++)
		if (piece.data[at + 1] != '\n')
			faults |= TEXT_BARE_CR;
	for (size_t at = 0; (at += slice_find(slice_from(piece, at), '\n')) < piece.length; at++)
		if (at == 0 ? !after_cr : piece.data[at - 1] != '\r')
			faults |= TEXT_BARE_LF;
	return faults;
}

void
text_check(struct text *text, struct slice piece)
{
	if (piece.length == 0)
		return;
	text->faults |= line_faults(piece, text->after_cr);
	if (slice_find(piece, '\0') < piece.length)
		text->faults |= TEXT_NUL;
	text->eight_bit = text->eight_bit || has_eight_bit(piece);
	text->after_cr = piece.data[piece.length - 1] == '\r';
	text->in_line = piece.data[piece.length - 1] != '\n';
}

void
text_end(struct text *text)
{
	if (text->after_cr)
		text->faults |= TEXT_BARE_CR;
	text->after_cr = false;
}
