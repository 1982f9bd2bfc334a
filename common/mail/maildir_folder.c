/*
 * The directory name of a folder: Maildir++ levels, and the modified UTF-7 of RFC 3501 5.1.3 for what is
 * not ASCII.
 */
#include "common/mail/maildir.h"

#include <errno.h>

#include "common/base/utf8.h"

struct folder_writer {
	char *out;
	size_t used;
	bool full;
	uint32_t bits;      /* of UTF-16 that are not written yet */
	unsigned bit_count; /* below 6 between two characters */
	bool encoded;       /* between "&" and "-" */
};

static void
put(struct folder_writer *writer, char c)
{
	if (writer->used + 1 >= MAILDIR_FOLDER_SIZE) {
		writer->full = true;
		return;
	}
	writer->out[writer->used++] = c;
}

/* Writes whole groups of six bits in the base 64 of RFC 3501 5.1.3, where "," stands for "/". */
static void
put_bits(struct folder_writer *writer, uint32_t bits, unsigned count)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

	writer->bits = writer->bits << count | bits;
	writer->bit_count += count;
	while (writer->bit_count >= 6) {
		writer->bit_count -= 6;
		put(writer, digits[writer->bits >> writer->bit_count & 63]);
	}
	writer->bits &= (1U << writer->bit_count) - 1;
}

static void
leave_encoded(struct folder_writer *writer)
{
	if (!writer->encoded)
		return;
	if (writer->bit_count > 0)
		put_bits(writer, 0, 6 - writer->bit_count);
	put(writer, '-');
	writer->encoded = false;
}

static void
put_encoded(struct folder_writer *writer, uint32_t character)
{
	if (!writer->encoded)
		put(writer, '&');
	writer->encoded = true;
	if (character >= 0x10000) { /* a surrogate pair of UTF-16 */
		put_bits(writer, 0xD800 + ((character - 0x10000) >> 10), 16);
		put_bits(writer, 0xDC00 + ((character - 0x10000) & 0x3FF), 16);
		return;
	}
	put_bits(writer, character, 16);
}

static void
put_ascii(struct folder_writer *writer, char c)
{
	leave_encoded(writer);
	put(writer, c);
	if (c == '&')
		put(writer, '-');
}

/* Removes the next character from *rest. False: no valid UTF-8. */
static bool
next_character(struct slice *rest, uint32_t *character_r)
{
	size_t length = utf8_character(*rest);
	uint32_t character;

	if (length == 0)
		return false;
	character = (unsigned char)rest->data[0];
	if (length > 1)
		character &= 0xFFU >> (length + 1);
	for (size_t i = 1; i < length; i++)
		character = character << 6 | ((unsigned char)rest->data[i] & 0x3F);
	*rest = slice_from(*rest, length);
	*character_r = character;
	return true;
}

static bool
is_divider(uint32_t character)
{
	return character == '.' || character == '/';
}

int
maildir_folder_directory(struct slice folder, char *out)
{
	struct folder_writer writer = { .out = out };
	bool level_empty = true;

	out[0] = '\0';
	if (folder.length == 0 || slice_equal_nocase(folder, SLICE("INBOX")))
		return 0;
	put(&writer, '.');
	while (folder.length > 0) {
		uint32_t character;

		if (!next_character(&folder, &character) || character < 32 || (character >= 127 && character < 160))
			goto invalid;
		if (is_divider(character) && level_empty)
			goto invalid;
		level_empty = is_divider(character);
		if (level_empty)
			put_ascii(&writer, '.');
		else if (character < 128)
			put_ascii(&writer, (char)character);
		else
			put_encoded(&writer, character);
	}
	leave_encoded(&writer);
	if (level_empty)
		goto invalid;
	out[writer.used] = '\0';
	if (!writer.full)
		return 0;
	out[0] = '\0';
	return -ENAMETOOLONG;
invalid:
	out[0] = '\0';
	return -EINVAL;
}
