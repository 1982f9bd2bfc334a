/*
 * Queue ids in Crockford's base 32: no I, L, O or U, so that an id read aloud or copied by hand stays itself. 13
 * digits of 5 bits hold 64; the first digit holds only 4.
 */
#include "common/mail/queueid.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { DIGITS = QUEUEID_SIZE - 1 };

void
queueid_format(uint64_t id, char *out)
{
	for (size_t i = DIGITS; i-- > 0; id >>= 5)
		out[i] = digits[id & 31];
	out[DIGITS] = '\0';
}

/* 0 to 31, or -1. As Crockford has it, I and L read as 1, and O as 0. */
static int
digit_value(char c)
{
	const char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	const char *at;

	if (upper == '\0')
		return -1;
	if (upper == 'I' || upper == 'L')
		return 1;
	if (upper == 'O')
		return 0;
	at = strchr(digits, upper);
	return at == NULL ? -1 : (int)(at - digits);
}

int
queueid_parse(struct slice text, uint64_t *id_r)
{
	uint64_t id = 0;

	if (text.length != DIGITS || digit_value(text.data[0]) > 15)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		int value = digit_value(text.data[i]);

		if (value < 0)
			return -EINVAL;
		id = id << 5 | (uint64_t)value;
	}
	*id_r = id;
	return 0;
}
