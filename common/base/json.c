/*
 * JSON strings.
 */
#include "common/base/json.h"

/* Bytes of a UTF-8 sequence that begins with FIRST (RFC 3629 4), or 0. */
static size_t
json_utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first >= 0xf5)
		return 0;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

/* Bytes of the UTF-8 sequence at the beginning of TEXT, or 0 when it is none. */
static size_t
json_utf8(struct slice text)
{
	unsigned char first = (unsigned char)text.data[0];
	size_t length = json_utf8_length(first);
	unsigned char second;

	if (length > text.length)
		return 0;
	if (length <= 1)
		return length;
	second = (unsigned char)text.data[1];
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text.data[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

void
json_string(FILE *out, struct slice text)
{
	putc('"', out);
	while (text.length > 0) {
		unsigned char c = (unsigned char)text.data[0];
		size_t length = json_utf8(text);

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
