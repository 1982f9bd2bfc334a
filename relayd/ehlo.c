/*
 * What a server offers. Keywords are known in any case (RFC 5321 2.4).
 */
#include "relayd/ehlo.h"

#include <stddef.h>

#include "common/mail/sasl.h"

#define KEYWORD(name, member) { { (name), sizeof(name) - 1 }, offsetof(struct ehlo, member) }

static const struct {
	struct slice name;
	size_t offset; /* of a bool in struct ehlo */
} keywords[] = {
	KEYWORD("PIPELINING", pipelining),
	KEYWORD("CHUNKING", chunking),
	KEYWORD("8BITMIME", eightbitmime),
	KEYWORD("SMTPUTF8", smtputf8),
	KEYWORD("DSN", dsn),
	KEYWORD("STARTTLS", starttls),
	KEYWORD("SIZE", size),
};

/* "SIZE 10240000"; a number that is none is no limit. */
static void
take_size(struct ehlo *ehlo, struct slice parameters)
{
	if (slice_to_number(slice_word(&parameters), UINT64_MAX, &ehlo->size_limit) != 0)
		ehlo->size_limit = 0;
}

static void
take_mechanisms(struct ehlo *ehlo, struct slice names)
{
	while (names.length > 0) {
		enum sasl_mechanism mechanism = sasl_find(slice_word(&names));

		ehlo->auth_plain |= mechanism == SASL_PLAIN;
		ehlo->auth_login |= mechanism == SASL_LOGIN;
	}
}

void
ehlo_take(struct ehlo *ehlo, struct slice words)
{
	struct slice rest = words;
	struct slice name = slice_word(&rest);

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (slice_equal_nocase(name, keywords[i].name))
			*(bool *)((char *)ehlo + keywords[i].offset) = true;
	if (slice_equal_nocase(name, SLICE("SIZE")))
		take_size(ehlo, rest);
	else if (slice_equal_nocase(name, SLICE("AUTH")))
		take_mechanisms(ehlo, rest);
	/* "AUTH=PLAIN LOGIN": the form before RFC 2554, which some still send beside or instead of the right one. */
	else if (slice_starts_nocase(name, SLICE("AUTH=")))
		take_mechanisms(ehlo, slice_from(words, 5));
}
