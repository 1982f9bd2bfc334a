/*
 * The fields of a route in the text of records, and on dbtool's command line.
 */
#include <errno.h>

#include "tabled/line.h"

static const char *const tls_words[] = {
	[ROUTE_TLS_STANDARD] = "standard",
	[ROUTE_TLS_OFF] = "off",
	[ROUTE_TLS_REQUIRED] = "required",
	[ROUTE_TLS_VERIFIED] = "verify",
};

int
line_parse_route(struct slice words, struct buffer *memory, struct route *route_r)
{
	bool path = slice_starts_nocase(words, SLICE("lmtp:/")) && !slice_starts_nocase(words, SLICE("lmtp://"));
	char *copy;

	buffer_clear(memory);
	if (buffer_reserve(memory, words.length, &copy) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < words.length; i++) {
		char c = words.data[i];

		copy[i] = !path && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return route_parse(slice_of(copy, words.length), route_r);
}

int
line_parse_tls(struct slice word, enum route_tls *tls_r)
{
	for (size_t i = 0; i < sizeof(tls_words) / sizeof(tls_words[0]); i++)
		if (slice_equal(word, slice_from_string(tls_words[i]))) {
			*tls_r = (enum route_tls)i;
			return 0;
		}
	return -EINVAL;
}

const char *
line_tls_word(enum route_tls tls)
{
	return tls_words[tls];
}
