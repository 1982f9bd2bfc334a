/*
 * xtext, decoded for ENVID and ORCPT.
 */
#include "smtpd/xtext.h"

#include <errno.h>

/* -1 when C is none; RFC 3461 4 defines upper case only. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One character at the beginning of *in, removed from it; -1 when there is none that is allowed. */
static int
take_character(struct slice *in)
{
	int c = (unsigned char)in->data[0];

	if (c == '+') {
		int high = in->length < 3 ? -1 : hex_digit(in->data[1]);
		int low = in->length < 3 ? -1 : hex_digit(in->data[2]);

		if (high < 0 || low < 0)
			return -1;
		*in = slice_from(*in, 3);
		c = high * 16 + low;
		return c < ' ' || c > 126 ? -1 : c;
	}
	*in = slice_from(*in, 1);
	return c <= ' ' || c == '=' || c == 127 ? -1 : c;
}

int
xtext_decode(struct slice in, char *out, size_t size)
{
	size_t used = 0;

	while (in.length > 0) {
		int c = take_character(&in);

		if (c < 0 || used + 1 >= size) {
			out[0] = '\0';
			return c < 0 ? -EINVAL : -ENAMETOOLONG;
		}
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return 0;
}
