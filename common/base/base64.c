/*
 * Base64 (RFC 4648 section 4).
 */
#include "common/base/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(const void *data, size_t length, char *out)
{
	const unsigned char *in = data;
	char *next = out;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t bits = (uint32_t)in[i] << 16;

		bits |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= left > 2 ? in[i + 2] : 0U;
		*next++ = alphabet[bits >> 18];
		*next++ = alphabet[bits >> 12 & 63];
		*next++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		*next++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	*next = '\0';
	return (size_t)(next - out);
}

/* 0 to 63, or -1. */
static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four characters, of which the last COUNT are padding, as 24 bits; or -1. */
static int32_t
base64_group(const char *group, size_t padding)
{
	int32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(group[i]) : 0;

		if (value < 0)
			return -1;
		bits = bits << 6 | value;
	}
	/* RFC 4648 3.5: bits that stand for nothing are zero. */
	if ((padding == 1 && (bits & 0xff) != 0) || (padding == 2 && (bits & 0xffff) != 0))
		return -1;
	return bits;
}

int
base64_decode(struct slice text, void *out, size_t size, size_t *length_r)
{
	unsigned char *next = out;
	size_t padding = 0;

	*length_r = 0;
	if (text.length % 4 != 0)
		return -EINVAL;
	while (padding < 2 && padding < text.length && text.data[text.length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.length; i += 4) {
		size_t missing = i + 4 == text.length ? padding : 0;
		int32_t bits = base64_group(text.data + i, missing);

		if (bits < 0)
			return -EINVAL;
		if (size - *length_r < 3 - missing)
			return -EMSGSIZE;
		for (size_t byte = 0; byte < 3 - missing; byte++)
			*next++ = (unsigned char)(bits >> (16 - 8 * (int)byte));
		*length_r += 3 - missing;
	}
	return 0;
}
