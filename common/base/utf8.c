/*
 * UTF-8, checked byte by byte after the table of well-formed sequences in RFC 3629, section 4.
 */
#include "common/base/utf8.h"

/* Sequences by their first byte. Only the second byte's range differs; later ones are 80 to BF. */
struct sequence {
	unsigned char first_least, first_most;
	unsigned char length;
	unsigned char second_least, second_most;
};

static const struct sequence sequences[] = {
	{ 0x00, 0x7f, 1, 0, 0 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf }, /* C0 and C1 would be overlong */
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, /* below A0: overlong */
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, /* above 9F: surrogates */
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, /* below 90: overlong */
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f }, /* above 8F: beyond U+10FFFF */
};

static bool
between(unsigned char byte, unsigned char least, unsigned char most)
{
	return byte >= least && byte <= most;
}

static bool
sequence_matches(const struct sequence *sequence, const unsigned char *bytes, size_t length)
{
	if (length < sequence->length)
		return false;
	if (sequence->length > 1 && !between(bytes[1], sequence->second_least, sequence->second_most))
		return false;
	for (size_t i = 2; i < sequence->length; i++)
		if (!between(bytes[i], 0x80, 0xbf))
			return false;
	return true;
}

size_t
utf8_character(struct slice s)
{
	const unsigned char *bytes = (const unsigned char *)s.data;

	if (s.length == 0)
		return 0;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (between(bytes[0], sequences[i].first_least, sequences[i].first_most))
			return sequence_matches(&sequences[i], bytes, s.length) ? sequences[i].length : 0;
	return 0;
}

bool
utf8_is_printable(struct slice character)
{
	unsigned char first = (unsigned char)character.data[0];

	if (character.length == 1)
		return first >= ' ' && first < 127;
	return first != 0xC2 || (unsigned char)character.data[1] >= 0xA0;
}

bool
utf8_valid(struct slice s)
{
	while (s.length > 0) {
		size_t length = utf8_character(s);

		if (length == 0)
			return false;
		s = slice_from(s, length);
	}
	return true;
}
