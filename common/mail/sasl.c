/*
 * The mechanisms, and PLAIN (RFC 4616 2).
 */
#include "common/mail/sasl.h"

#include "common/base/utf8.h"

static const struct slice names[SASL_MECHANISMS] = {
	[SASL_NONE] = { "", 0 },
	[SASL_SCRAM_SHA_256_PLUS] = { "SCRAM-SHA-256-PLUS", 18 },
	[SASL_SCRAM_SHA_256] = { "SCRAM-SHA-256", 13 },
	[SASL_PLAIN] = { "PLAIN", 5 },
	[SASL_LOGIN] = { "LOGIN", 5 },
};

enum sasl_mechanism
sasl_find(struct slice name)
{
	for (int i = SASL_NONE + 1; i < SASL_MECHANISMS; i++)
		if (slice_equal_nocase(names[i], name))
			return (enum sasl_mechanism)i;
	return SASL_NONE;
}

bool
sasl_is_plaintext(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_PLAIN || mechanism == SASL_LOGIN;
}

bool
sasl_allowed(enum sasl_mechanism mechanism, const struct sasl_terms *terms)
{
	switch (mechanism) {
	case SASL_SCRAM_SHA_256_PLUS:
		return terms->binding;
	case SASL_SCRAM_SHA_256:
		return true;
	case SASL_PLAIN:
	case SASL_LOGIN:
		return terms->plaintext;
	case SASL_NONE:
	case SASL_MECHANISMS:
		break;
	}
	return false;
}

void
sasl_names(const struct sasl_terms *terms, char *out)
{
	size_t length = 0;

	for (int i = SASL_NONE + 1; i < SASL_MECHANISMS; i++) {
		if (!sasl_allowed((enum sasl_mechanism)i, terms))
			continue;
		if (length > 0)
			out[length++] = ' ';
		memcpy(out + length, names[i].data, names[i].length);
		length += names[i].length;
	}
	out[length] = '\0';
}

bool
sasl_plain(struct slice message, struct slice *login_r, struct slice *password_r)
{
	size_t first = slice_find(message, '\0');
	struct slice authzid = slice_first(message, first);
	struct slice rest = slice_from(message, first + 1);
	size_t second = slice_find(rest, '\0');

	if (first == message.length || second == rest.length)
		return false;
	*login_r = slice_first(rest, second);
	*password_r = slice_from(rest, second + 1);
	if (login_r->length == 0 || password_r->length == 0 || slice_find(*password_r, '\0') < password_r->length)
		return false;
	return utf8_valid(message) && (authzid.length == 0 || slice_equal_nocase(authzid, *login_r));
}
