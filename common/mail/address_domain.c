/*
 * The right-hand side of an address: a domain name (RFC 5321 2.3.5 and 4.1.2; with UTF-8, RFC 6531 3.3) or an
 * address literal (RFC 5321 4.1.3).
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "common/base/utf8.h"
#include "common/mail/address_parts.h"

enum { LABEL_MAX = 63 }; /* bytes of a label (RFC 1035 2.3.4); characters, for one that is not ASCII (RFC 5890 2.3.2.1) */

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

enum address_result
address_check_character(struct slice text, bool utf8, size_t *length_r)
{
	const unsigned char *bytes = (const unsigned char *)text.data;

	*length_r = 1;
	if (text.length == 0 || bytes[0] < ' ' || bytes[0] == 127)
		return ADDRESS_SYNTAX;
	if (bytes[0] < 128)
		return ADDRESS_OK;
	*length_r = utf8_character(text);
	if (!utf8 || *length_r == 0)
		return ADDRESS_NOT_ASCII;
	/* U+0080 to U+009F are control characters as much as the ASCII ones. */
	if (bytes[0] == 0xc2 && bytes[1] < 0xa0)
		return ADDRESS_SYNTAX;
	return ADDRESS_OK;
}

/* Sub-domain = Let-dig [Ldh-str] (RFC 5321 4.1.2), or a U-label (RFC 6531 3.3). */
static enum address_result
check_label(struct slice label, bool utf8)
{
	size_t count = 0;

	if (label.length == 0 || label.data[0] == '-' || label.data[label.length - 1] == '-')
		return ADDRESS_SYNTAX;
	for (struct slice rest = label; rest.length > 0; count++) {
		size_t length;
		enum address_result result = address_check_character(rest, utf8, &length);

		if (result != ADDRESS_OK)
			return result;
		if (length == 1 && !is_letter_or_digit(rest.data[0]) && rest.data[0] != '-')
			return ADDRESS_SYNTAX;
		rest = slice_from(rest, length);
	}
	return count <= LABEL_MAX ? ADDRESS_OK : ADDRESS_TOO_LONG;
}

static enum address_result
check_name(struct slice domain, bool utf8)
{
	for (;;) {
		size_t dot = slice_find(domain, '.');
		enum address_result result = check_label(slice_first(domain, dot), utf8);

		if (result != ADDRESS_OK)
			return result;
		if (dot == domain.length)
			return ADDRESS_OK;
		domain = slice_from(domain, dot + 1);
	}
}

enum address_result
address_literal_parse(struct slice literal, char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[16];
	struct slice inside;
	int family = AF_INET;

	if (literal.length < 2 || literal.data[0] != '[' || literal.data[literal.length - 1] != ']')
		return ADDRESS_SYNTAX;
	inside = slice_first(slice_from(literal, 1), literal.length - 2);
	if (slice_starts_nocase(inside, SLICE("IPv6:"))) {
		family = AF_INET6;
		inside = slice_from(inside, 5);
	}
	/* Any other tag (General-address-literal) has no meaning to us and fails here, as no IPv4 address. */
	if (slice_to_string(inside, text, sizeof(text)) != 0 || inet_pton(family, text, binary) != 1)
		return ADDRESS_SYNTAX;
	inet_ntop(family, binary, text, sizeof(text));
	if (snprintf(out, size, family == AF_INET ? "[%s]" : "[IPv6:%s]", text) >= (int)size)
		return ADDRESS_TOO_LONG;
	return ADDRESS_OK;
}

enum address_result
address_check_domain(struct slice domain, bool literal, bool utf8)
{
	char canonical[ADDRESS_DOMAIN_MAX + 1];

	if (domain.length > ADDRESS_DOMAIN_MAX)
		return ADDRESS_TOO_LONG;
	if (domain.length > 0 && domain.data[0] == '[')
		return literal ? address_literal_parse(domain, canonical, sizeof(canonical)) : ADDRESS_SYNTAX;
	return check_name(domain, utf8);
}
