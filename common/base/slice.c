/*
 * Slices: comparison, cutting, and conversion of bytes that are not terminated.
 * Nothing here is fatal; see slice.h for what is returned.
 */
#include "common/base/slice.h"

#include <errno.h>
#include <stdlib.h>

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
slice_equal(struct slice a, struct slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

bool
slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.length >= prefix.length && slice_equal_nocase(slice_first(s, prefix.length), prefix);
}

bool
slice_ends_nocase(struct slice s, struct slice suffix)
{
	return s.length >= suffix.length && slice_equal_nocase(slice_from(s, s.length - suffix.length), suffix);
}

size_t
slice_find(struct slice s, char byte)
{
	const char *at = s.length == 0 ? NULL : memchr(s.data, byte, s.length);

	return at == NULL ? s.length : (size_t)(at - s.data);
}

size_t
slice_find_last(struct slice s, char byte)
{
	const char *at = s.length == 0 ? NULL : memrchr(s.data, byte, s.length);

	return at == NULL ? s.length : (size_t)(at - s.data);
}

struct slice
slice_from(struct slice s, size_t from)
{
	if (from >= s.length)
		return (struct slice){ s.data, 0 };
	return (struct slice){ s.data + from, s.length - from };
}

struct slice
slice_first(struct slice s, size_t length)
{
	return (struct slice){ s.data, length < s.length ? length : s.length };
}

struct slice
slice_trim(struct slice s)
{
	while (s.length > 0 && is_blank(s.data[0])) {
		s.data++;
		s.length--;
	}
	while (s.length > 0 && is_blank(s.data[s.length - 1]))
		s.length--;
	return s;
}

struct slice
slice_word(struct slice *rest)
{
	struct slice word;

	*rest = slice_trim(*rest);
	word = *rest;
	word.length = 0;
	while (word.length < rest->length && !is_blank(rest->data[word.length]))
		word.length++;
	*rest = slice_from(*rest, word.length);
	return word;
}

int
slice_to_string(struct slice s, char *out, size_t size)
{
	out[0] = '\0';
	if (slice_find(s, '\0') != s.length)
		return -EINVAL;
	if (s.length >= size)
		return -ENAMETOOLONG;
	if (s.length > 0)
		memcpy(out, s.data, s.length);
	out[s.length] = '\0';
	return 0;
}

char *
slice_dup(struct slice s)
{
	char *copy;

	if (slice_find(s, '\0') != s.length)
		return NULL;
	copy = malloc(s.length + 1);
	if (copy == NULL)
		return NULL;
	if (s.length > 0)
		memcpy(copy, s.data, s.length);
	copy[s.length] = '\0';
	return copy;
}

int
slice_to_number(struct slice s, uint64_t max, uint64_t *number_r)
{
	uint64_t number = 0;

	if (s.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.length; i++) {
		uint64_t digit;

		if (s.data[i] < '0' || s.data[i] > '9')
			return -EINVAL;
		digit = (uint64_t)(s.data[i] - '0');
		if (number > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		number = number * 10 + digit;
	}
	if (number > max)
		return -ERANGE;
	*number_r = number;
	return 0;
}

size_t
slice_from_number(uint64_t number, char *out)
{
	char digits[SLICE_NUMBER_SIZE];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	memcpy(out, digits + at, sizeof(digits) - at);
	return sizeof(digits) - at;
}

void
slice_hex(const void *data, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}
