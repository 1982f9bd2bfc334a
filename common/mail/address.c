/*
 * Addresses in SMTP commands: path and mailbox (RFC 5321 4.1.2), with UTF-8 (RFC 6531 3.3). A parser by descent:
 * each function takes what it understands from the front of the rest. Domains are checked in address_domain.c.
 */
#include "common/mail/address.h"

#include <stdio.h>
#include <string.h>

#include "common/mail/address_parts.h"

/* atext (RFC 5322 3.2.3); bytes above 127 are checked apart. */
static bool
is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_above_ascii(char c)
{
	return (unsigned char)c > 127;
}

static bool
begins_with(struct slice rest, char byte)
{
	return rest.length > 0 && rest.data[0] == byte;
}

static bool
take_byte(struct slice *rest, char byte)
{
	if (!begins_with(*rest, byte))
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

/* Moves one character, of one to four bytes, from REST to the end of the local-part. */
static enum address_result
take_character(struct slice *rest, unsigned options, struct address *address, size_t *local_length)
{
	size_t length;
	enum address_result result = address_check_character(*rest, (options & ADDRESS_UTF8) != 0, &length);

	if (result != ADDRESS_OK)
		return result;
	if (length > ADDRESS_LOCAL_MAX - *local_length)
		return ADDRESS_TOO_LONG;
	memcpy(address->local + *local_length, rest->data, length);
	*local_length += length;
	*rest = slice_from(*rest, length);
	return ADDRESS_OK;
}

/* Dot-string = Atom *("." Atom) */
static enum address_result
take_dot_string(struct slice *rest, unsigned options, struct address *address, size_t *local_length)
{
	bool after_dot = true;

	while (rest->length > 0 &&
	       (is_atext(rest->data[0]) || is_above_ascii(rest->data[0]) || rest->data[0] == '.')) {
		bool dot = rest->data[0] == '.';
		enum address_result result;

		if (dot && after_dot)
			return ADDRESS_SYNTAX;
		result = take_character(rest, options, address, local_length);
		if (result != ADDRESS_OK)
			return result;
		after_dot = dot;
	}
	return after_dot ? ADDRESS_SYNTAX : ADDRESS_OK;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE; only ASCII may follow a backslash. */
static enum address_result
take_quoted_string(struct slice *rest, unsigned options, struct address *address, size_t *local_length)
{
	take_byte(rest, '"');
	while (!take_byte(rest, '"')) {
		enum address_result result;

		if (take_byte(rest, '\\') && rest->length > 0 && is_above_ascii(rest->data[0]))
			return ADDRESS_SYNTAX;
		result = take_character(rest, options, address, local_length);
		if (result != ADDRESS_OK)
			return result;
	}
	return ADDRESS_OK;
}

/* Whatever can be a domain or an address literal, unchecked. */
static struct slice
take_domain_text(struct slice *rest)
{
	struct slice domain = *rest;
	size_t length = 0;

	if (begins_with(domain, '[')) {
		length = slice_find(domain, ']');
		length += length < domain.length;
	} else {
		while (length < domain.length && domain.data[length] != '\0' &&
		       strchr(">,: @\"", domain.data[length]) == NULL)
			length++;
	}
	*rest = slice_from(domain, length);
	return slice_first(domain, length);
}

static void
copy_lower(struct slice s, char *out)
{
	for (size_t i = 0; i < s.length; i++)
		out[i] = s.data[i] >= 'A' && s.data[i] <= 'Z' ? (char)(s.data[i] - 'A' + 'a') : s.data[i];
	out[s.length] = '\0';
}

static enum address_result
take_domain(struct slice *rest, unsigned options, struct address *address)
{
	struct slice domain = take_domain_text(rest);
	enum address_result result = address_check_domain(domain, true, (options & ADDRESS_UTF8) != 0);

	if (result != ADDRESS_OK)
		return result;
	address->literal = begins_with(domain, '[');
	if (address->literal)
		return address_literal_parse(domain, address->domain, sizeof(address->domain));
	copy_lower(domain, address->domain);
	return ADDRESS_OK;
}

static bool
has_above_ascii(const char *string)
{
	while (*string != '\0')
		if (is_above_ascii(*string++))
			return true;
	return false;
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static enum address_result
take_mailbox(struct slice *rest, unsigned options, struct address *address)
{
	size_t local_length = 0;
	enum address_result result;

	if (begins_with(*rest, '"'))
		result = take_quoted_string(rest, options, address, &local_length);
	else
		result = take_dot_string(rest, options, address, &local_length);
	if (result != ADDRESS_OK)
		return result;
	address->local[local_length] = '\0';
	if (!take_byte(rest, '@'))
		return ADDRESS_SYNTAX;
	result = take_domain(rest, options, address);
	if (result != ADDRESS_OK)
		return result;
	address->utf8 = has_above_ascii(address->local) || has_above_ascii(address->domain);
	return ADDRESS_OK;
}

/* A-d-l ":", with A-d-l = At-domain *( "," At-domain ): accepted and ignored (RFC 5321 appendix C). */
static enum address_result
take_source_route(struct slice *rest, unsigned options)
{
	do {
		enum address_result result;

		if (!take_byte(rest, '@'))
			return ADDRESS_SYNTAX;
		result = address_check_domain(take_domain_text(rest), false, (options & ADDRESS_UTF8) != 0);
		if (result != ADDRESS_OK)
			return result;
	} while (take_byte(rest, ','));
	return take_byte(rest, ':') ? ADDRESS_OK : ADDRESS_SYNTAX;
}

/* "Postmaster" without a domain (RFC 5321 4.1.1.3), which END must follow; without END, nothing may. */
static bool
take_postmaster(struct slice *rest, struct slice end, struct address *address)
{
	const struct slice name = SLICE("postmaster");
	struct slice after = slice_from(*rest, name.length);

	if (!slice_starts_nocase(*rest, name) || !slice_starts_nocase(after, end) ||
	    (end.length == 0 && after.length > 0))
		return false;
	memcpy(address->local, name.data, name.length);
	*rest = after;
	return true;
}

static enum address_result
take_path(struct slice *rest, unsigned options, struct address *address)
{
	enum address_result result = ADDRESS_OK;

	if (!take_byte(rest, '<'))
		return ADDRESS_SYNTAX;
	if ((options & ADDRESS_NULL) != 0 && take_byte(rest, '>'))
		return ADDRESS_OK;
	if ((options & ADDRESS_POSTMASTER) == 0 || !take_postmaster(rest, SLICE(">"), address)) {
		if (begins_with(*rest, '@'))
			result = take_source_route(rest, options);
		if (result == ADDRESS_OK)
			result = take_mailbox(rest, options, address);
	}
	if (result != ADDRESS_OK)
		return result;
	return take_byte(rest, '>') ? ADDRESS_OK : ADDRESS_SYNTAX;
}

enum address_result
address_parse_path(struct slice input, unsigned options, struct address *address_r, size_t *used_r)
{
	struct slice rest = slice_first(input, ADDRESS_PATH_MAX);
	const size_t seen = rest.length;
	enum address_result result;

	*address_r = (struct address){ 0 };
	result = take_path(&rest, options, address_r);
	if (result == ADDRESS_OK) {
		*used_r = seen - rest.length;
		return ADDRESS_OK;
	}
	*address_r = (struct address){ 0 };
	/* The parser ran into the end of what is looked at, and not of what is there. */
	return result == ADDRESS_SYNTAX && rest.length == 0 && input.length > seen ? ADDRESS_TOO_LONG : result;
}

enum address_result
address_parse_mailbox(struct slice input, unsigned options, struct address *address_r)
{
	enum address_result result;

	*address_r = (struct address){ 0 };
	if (input.length == 0 && (options & ADDRESS_NULL) != 0)
		return ADDRESS_OK;
	if ((options & ADDRESS_POSTMASTER) != 0 && take_postmaster(&input, SLICE(""), address_r))
		return ADDRESS_OK;
	result = take_mailbox(&input, options, address_r);
	if (result == ADDRESS_OK && input.length > 0)
		result = ADDRESS_SYNTAX;
	if (result != ADDRESS_OK)
		*address_r = (struct address){ 0 };
	return result;
}

void
address_format(const struct address *address, char *out)
{
	snprintf(out, ADDRESS_MAX + 1, "%s%s%s", address->local, address->domain[0] == '\0' ? "" : "@",
	         address->domain);
}

bool
address_split(struct slice address, struct slice *local_r, struct slice *domain_r)
{
	size_t at = slice_find_last(address, '@');

	if (at == address.length)
		return false;
	*local_r = slice_first(address, at);
	*domain_r = slice_from(address, at + 1);
	return true;
}

/* True when the local-part is a Dot-string and so needs no quotes. */
static bool
is_dot_string(struct slice local)
{
	bool after_dot = true;

	for (size_t i = 0; i < local.length; i++) {
		bool dot = local.data[i] == '.';

		if (dot ? after_dot : !is_atext(local.data[i]) && !is_above_ascii(local.data[i]))
			return false;
		after_dot = dot;
	}
	return !after_dot;
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.length; i++)
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 127)
			return true;
	return false;
}

void
address_format_quoted(struct slice unquoted, char *out, size_t size)
{
	struct slice local = unquoted;
	struct slice domain = SLICE("");
	bool split = address_split(unquoted, &local, &domain);
	bool quote = unquoted.length > 0 && !is_dot_string(local);
	size_t used = 0;

	out[0] = '\0';
	/* Worst case: each byte with a backslash, two quotes, "@" and NUL. */
	if (has_control(unquoted) || local.length * 2 + domain.length + 4 > size)
		return;
	if (quote)
		out[used++] = '"';
	for (size_t i = 0; i < local.length; i++) {
		if (quote && (local.data[i] == '"' || local.data[i] == '\\'))
			out[used++] = '\\';
		out[used++] = local.data[i];
	}
	if (quote)
		out[used++] = '"';
	if (split)
		out[used++] = '@';
	if (domain.length > 0)
		memcpy(out + used, domain.data, domain.length);
	out[used + domain.length] = '\0';
}
