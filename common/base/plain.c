/*
 * Text for a terminal.
 */
#include "common/base/plain.h"

#include <string.h>

#include "common/base/utf8.h"

/* All that is not printable becomes "?", but for the characters in KEPT. */
static void
plain_put(FILE *out, struct slice text, const char *kept)
{
	while (text.length > 0) {
		size_t length = utf8_character(text);
		struct slice character = slice_first(text, length == 0 ? 1 : length);

		if (length > 0 && (utf8_is_printable(character) || (text.data[0] != '\0' && strchr(kept, text.data[0]) != NULL)))
			fwrite(character.data, 1, character.length, out);
		else
			putc('?', out);
		text = slice_from(text, character.length);
	}
}

void
plain_string(FILE *out, struct slice text)
{
	plain_put(out, text, "");
}

void
plain_lines(FILE *out, struct slice text)
{
	while (text.length > 0) {
		size_t end = slice_find(text, '\r');

		plain_put(out, slice_first(text, end), "\n\t");
		text = slice_from(text, end + 1);
	}
}
