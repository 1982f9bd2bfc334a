/*
 * Names of users and aliases as keys of the table.
 */
#include "tabled/name.h"

#include <stdio.h>
#include <string.h>

#include "common/mail/address.h"
#include "common/mail/idna.h"

static void
name_copy_lower(char *out, struct slice in)
{
	for (size_t i = 0; i < in.length; i++) {
		char c = in.data[i];

		out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
}

bool
name_make(struct slice local, struct slice domain, struct name *name_r)
{
	/* Compared one by one: the sum of two lengths from outside could wrap around. */
	if (local.length > TABLE_ADDRESS_MAX || domain.length > TABLE_ADDRESS_MAX ||
	    local.length + domain.length + 1 > TABLE_ADDRESS_MAX || slice_find(domain, '@') != domain.length)
		return false;
	name_copy_lower(name_r->key, domain);
	name_r->key[domain.length] = '@';
	name_copy_lower(name_r->key + domain.length + 1, local);
	name_r->domain = domain.length;
	name_r->length = domain.length + 1 + local.length;
	name_r->key[name_r->length] = '\0';
	return true;
}

bool
name_parse(struct slice address, struct name *name_r)
{
	size_t at = slice_find_last(address, '@');

	return name_make(slice_first(address, at), slice_from(address, at + 1), name_r);
}

bool
name_from_key(struct slice key, struct name *name_r)
{
	size_t at = slice_find(key, '@');

	if (at == key.length)
		return false;
	return name_make(slice_from(key, at + 1), slice_first(key, at), name_r);
}

bool
name_check_domain(struct slice domain, char *out)
{
	if (address_check_domain(domain, false, true) != ADDRESS_OK || domain.length > ADDRESS_DOMAIN_MAX)
		return false;
	name_copy_lower(out, domain);
	out[domain.length] = '\0';
	return true;
}

bool
name_check_route(struct slice key, char *out)
{
	bool below = key.length > 0 && key.data[0] == '.';
	char domain[ADDRESS_DOMAIN_MAX + 1];

	if (slice_equal(key, SLICE("*"))) {
		memcpy(out, "*", sizeof("*"));
		return true;
	}
	out[0] = '.';
	return name_check_domain(slice_from(key, below), domain) && idna_to_ascii(slice_from_string(domain), out + below) == 0;
}

/*
 * An unquoted local-part: what may stand between quotes (RFC 5321 4.1.2 qtextSMTP and quoted-pairSMTP) is any
 * printable byte.
 */
static bool
name_check_local(struct slice local)
{
	if (local.length == 0 || local.length > ADDRESS_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.length; i++)
		if ((unsigned char)local.data[i] < ' ' || local.data[i] == 127)
			return false;
	return true;
}

bool
name_check(struct slice address, unsigned forms, struct name *name_r)
{
	char domain[ADDRESS_DOMAIN_MAX + 1];
	size_t at = slice_find_last(address, '@');
	struct slice local = slice_first(address, at);

	if (!name_parse(address, name_r))
		return false;
	if (at == address.length)
		return (forms & NAME_POSTMASTER) != 0 && slice_equal_nocase(address, SLICE("postmaster"));
	if (!name_check_domain(slice_from(address, at + 1), domain))
		return false;
	return local.length == 0 ? (forms & NAME_CATCH_ALL) != 0 : name_check_local(local);
}

void
name_address(const struct name *name, char *out)
{
	struct slice local = name_local(name);
	struct slice domain = name_domain(name);

	memcpy(out, local.data, local.length);
	out += local.length;
	if (domain.length > 0) {
		*out++ = '@';
		memcpy(out, domain.data, domain.length);
		out += domain.length;
	}
	*out = '\0';
}
