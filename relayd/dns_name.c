/*
 * Names from text: to lower case, and labels of other scripts to A-labels, which are "xn--" and Punycode (RFC 5890 2.3.2.1, RFC 3492).
 *
 * What is written in a domain is taken for U-labels as they are: nothing is mapped (RFC 5891 5), since a name that its owner
 * writes otherwise than DNS has it does not exist.
 */
#include <errno.h>
#include <string.h>

#include "common/base/utf8.h"
#include "relayd/dns.h"

enum {
	LABEL_MAX = 63, /* bytes (RFC 1035 2.3.4) */
	/* The parameters of Punycode (RFC 3492 5) */
	BASE = 36, LEAST = 1, MOST = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_CODE = 128,
};

/* The code points of a label: their count, or -EINVAL. */
static int
label_codes(struct slice label, uint32_t *codes)
{
	int count = 0;

	while (label.length > 0) {
		size_t length = utf8_character(label);
		uint32_t code = (unsigned char)label.data[0];

		if (length == 0 || count == LABEL_MAX)
			return -EINVAL;
		if (length == 1)
			code = (unsigned char)dns_name_byte((unsigned char)code);
		else
			code &= 0xffU >> (length + 1);
		if (code == 0)
			return -EINVAL;
		for (size_t i = 1; i < length; i++)
			code = code << 6 | ((unsigned char)label.data[i] & 0x3f);
		codes[count++] = code;
		label = slice_from(label, length);
	}
	return count;
}

/* RFC 3492 6.1 */
static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - LEAST) * MOST / 2; k += BASE)
		delta /= BASE - LEAST;
	return k + (BASE - LEAST + 1) * delta / (delta + SKEW);
}

/* DELTA as a generalized variable-length integer (RFC 3492 3.3). False when it does not fit. */
static bool
put_delta(uint32_t delta, uint32_t bias, char *out, size_t *used)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (uint32_t k = BASE;; k += BASE) {
		uint32_t threshold = k <= bias + LEAST ? LEAST : k >= bias + MOST ? MOST : k - bias;
		uint32_t digit = delta < threshold ? delta : threshold + (delta - threshold) % (BASE - threshold);

		if (*used == LABEL_MAX)
			return false;
		out[(*used)++] = digits[digit];
		if (delta < threshold)
			return true;
		delta = (delta - threshold) / (BASE - threshold);
	}
}

/* Encodes (RFC 3492 6.3) behind "xn--" into OUT (LABEL_MAX bytes): its length, or -EINVAL when it is too long. */
static int
label_encode(const uint32_t *codes, uint32_t count, char *out)
{
	uint32_t code = FIRST_CODE, delta = 0, bias = FIRST_BIAS, basic = 0, handled;
	size_t used = 4;

	memcpy(out, "xn--", used);
	for (uint32_t i = 0; i < count; i++)
		if (codes[i] < FIRST_CODE) {
			if (used == LABEL_MAX)
				return -EINVAL;
			out[used++] = (char)codes[i];
			basic++;
		}
	if (basic > 0 && used < LABEL_MAX)
		out[used++] = '-';
	for (handled = basic; handled < count; code++, delta++) {
		uint32_t next = UINT32_MAX;

		for (uint32_t i = 0; i < count; i++)
			if (codes[i] >= code && codes[i] < next)
				next = codes[i];
		delta += (next - code) * (handled + 1); /* at most 0x10ffff times 64: no overflow */
		code = next;
		for (uint32_t i = 0; i < count; i++) {
			delta += codes[i] < code;
			if (codes[i] != code)
				continue;
			if (!put_delta(delta, bias, out, &used))
				return -EINVAL;
			bias = adapt(delta, handled + 1, handled == basic);
			delta = 0;
			handled++;
		}
	}
	return (int)used;
}

/* One label into OUT (LABEL_MAX bytes): its length or -EINVAL. */
static int
label_from_text(struct slice label, char *out)
{
	uint32_t codes[LABEL_MAX];
	int count = label_codes(label, codes);

	if (count <= 0)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		if (codes[i] >= FIRST_CODE)
			return label_encode(codes, (uint32_t)count, out);
	for (int i = 0; i < count; i++)
		out[i] = (char)codes[i];
	return count;
}

int
dns_name_from_text(struct slice text, char *out)
{
	size_t used = 0;

	out[0] = '\0';
	if (text.length > 0 && text.data[text.length - 1] == '.')
		text.length--;
	while (text.length > 0) {
		size_t dot = slice_find(text, '.');
		char label[LABEL_MAX];
		int length = label_from_text(slice_first(text, dot), label);

		if (length < 0 || dot + 1 == text.length || used + (size_t)length + 1 >= DNS_NAME_SIZE - 2) {
			out[0] = '\0';
			return -EINVAL;
		}
		if (used > 0)
			out[used++] = '.';
		memcpy(out + used, label, (size_t)length);
		used += (size_t)length;
		text = slice_from(text, dot + 1);
	}
	out[used] = '\0';
	return used == 0 ? -EINVAL : 0;
}
