/*
 * Reads the fields of a header section (RFC 5322 2.2) where they lie. Lines end in CRLF or LF; blanks before the
 * colon are tolerated (RFC 5322 4.5, obsolete syntax).
 */
#include "common/mail/header.h"

/* Length of the first line of TEXT with its line end. */
static size_t
line_length(struct slice text)
{
	size_t length = slice_find(text, '\n');

	return length < text.length ? length + 1 : length;
}

/* LINE without CRLF or LF at its end. */
static struct slice
strip_line_end(struct slice line)
{
	if (line.length > 0 && line.data[line.length - 1] == '\n') {
		line.length--;
		if (line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
	}
	return line;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the field name, of ftext (RFC 5322 3.6.8), at the beginning of LINE. */
static size_t
name_length(struct slice line)
{
	size_t length = 0;

	while (length < line.length && line.data[length] > ' ' && line.data[length] <= '~' &&
	       line.data[length] != ':')
		length++;
	return length;
}

/*
 * Length of the field at the beginning of TEXT: its first line and those after it that begin with a blank
 * (folding).
 */
static size_t
field_length(struct slice text)
{
	size_t length = line_length(text);

	while (length < text.length && is_blank(text.data[length]))
		length += line_length(slice_from(text, length));
	return length;
}

struct header_reader
header_read(struct slice message)
{
	return (struct header_reader){ .rest = message };
}

bool
header_next(struct header_reader *reader, struct header_field *field_r)
{
	struct slice line = slice_first(reader->rest, line_length(reader->rest));
	size_t name = name_length(line);
	size_t colon = name;

	while (colon < line.length && is_blank(line.data[colon]))
		colon++;
	if (name == 0 || colon == line.length || line.data[colon] != ':')
		return false;
	field_r->whole = slice_first(reader->rest, field_length(reader->rest));
	field_r->name = slice_first(field_r->whole, name);
	field_r->value = strip_line_end(slice_from(field_r->whole, colon + 1));
	reader->rest = slice_from(reader->rest, field_r->whole.length);
	return true;
}

size_t
header_length(struct slice message)
{
	size_t length = 0;

	while (length < message.length) {
		struct slice rest = slice_from(message, length);
		struct slice line = slice_first(rest, line_length(rest));

		length += line.length;
		if (strip_line_end(line).length == 0)
			return length;
	}
	return message.length;
}

bool
header_find(struct slice message, struct slice name, struct header_field *field_r)
{
	struct header_reader reader = header_read(message);

	while (header_next(&reader, field_r))
		if (slice_equal_nocase(field_r->name, name))
			return true;
	return false;
}

size_t
header_count(struct slice message, struct slice name, size_t most)
{
	struct header_reader reader = header_read(message);
	struct header_field field;
	size_t count = 0;

	while (count < most && header_next(&reader, &field))
		count += slice_equal_nocase(field.name, name);
	return count;
}
