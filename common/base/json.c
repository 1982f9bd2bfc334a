/*
 * JSON strings.
 */
#include "common/base/json.h"

#include "common/base/utf8.h"

void
json_string(FILE *out, struct slice text)
{
	putc('"', out);
	while (text.length > 0) {
		unsigned char c = (unsigned char)text.data[0];
		size_t length = utf8_character(text);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (length == 0 || c < ' ' || c == 127)
			fprintf(out, "\\u%04x", length == 0 ? 0xfffdU : c);
		else
			fwrite(text.data, 1, length, out);
		text = slice_from(text, length == 0 ? 1 : length);
	}
	putc('"', out);
}
