/*
 * What the header section of a message says that matters for reports about it.
 */
#include "queued/original.h"

#include "common/mail/header.h"

enum { MESSAGE_ID_MAX = 500 }; /* bytes, so that lines stay within RFC 5322 2.1.1 */

static struct slice
first_word(struct slice value)
{
	struct slice word;

	while (value.length > 0 && (value.data[0] == '\r' || value.data[0] == '\n' || value.data[0] == ' ' || value.data[0] == '\t'))
		value = slice_from(value, 1);
	for (word = value, word.length = 0; word.length < value.length; word.length++)
		if ((unsigned char)value.data[word.length] <= ' ' || value.data[word.length] == ';')
			break;
	return word;
}

static bool
field_is_automatic(const struct header_field *field)
{
	struct slice word = first_word(field->value);

	/* RFC 2919, RFC 2369 */
	if (slice_starts_nocase(field->name, SLICE("List-")))
		return true;
	if (slice_equal_nocase(field->name, SLICE("Precedence")))
		return slice_equal_nocase(word, SLICE("list")) || slice_equal_nocase(word, SLICE("bulk")) ||
		       slice_equal_nocase(word, SLICE("junk"));
	/* RFC 3834 5: "no" says that a person wrote it. */
	if (slice_equal_nocase(field->name, SLICE("Auto-Submitted")))
		return !slice_equal_nocase(word, SLICE("no"));
	return false;
}

bool
original_is_automatic(struct slice header)
{
	struct header_reader reader = header_read(header);
	struct header_field field;

	while (header_next(&reader, &field))
		if (field_is_automatic(&field))
			return true;
	return false;
}

struct slice
original_message_id(struct slice header)
{
	struct header_field field;
	struct slice id;

	if (!header_find(header, SLICE("Message-ID"), &field))
		return SLICE("");
	id = first_word(field.value);
	if (id.length < 3 || id.length > MESSAGE_ID_MAX || id.data[0] != '<' || slice_find(id, '>') != id.length - 1)
		return SLICE("");
	for (size_t i = 0; i < id.length; i++)
		if ((unsigned char)id.data[i] > '~')
			return SLICE("");
	return id;
}

struct slice
original_header(struct slice message, size_t most)
{
	struct slice header = slice_first(message, header_length(message));

	if (header.length <= most)
		return header;
	header = slice_first(header, most);
	return slice_first(header, slice_find_last(header, '\n') + 1);
}
