/*
 * Names of users and aliases as keys of the table.
 *
 * The key of "Local@Domain" is "domain@local": so the names of one domain lie together. Both parts are in
 * lower case (ASCII). The local-part could be told apart by case (RFC 5321 2.4), but no host that users know
 * does that.
 *   "example.org@"  is the catch-all "@example.org" (a domain holds no "@": the first one always ends it)
 *   "@postmaster"   is "postmaster" without a domain
 */
#ifndef ANGARIUM_TABLED_NAME_H
#define ANGARIUM_TABLED_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"
#include "common/ipc/proto_table.h"

struct name {
	size_t domain; /* bytes of the domain */
	size_t length; /* bytes of the key */
	char key[TABLE_ADDRESS_MAX + 1];
};

enum {
	NAME_ROUTE_SIZE = 1 + 255 + 1, /* bytes of the key of a route, with its NUL */
};

/* What name_check allows besides local-part@domain. */
enum name_form {
	NAME_CATCH_ALL = 1,  /* "@domain" */
	NAME_POSTMASTER = 2, /* "postmaster" */
};

/*
 * Makes the key of ADDRESS, which is split at its last "@", without checking its syntax: whatever is in no
 * table is not found. False when it is longer than TABLE_ADDRESS_MAX or its domain holds an "@".
 */
bool name_make(struct slice local, struct slice domain, struct name *name_r);
bool name_parse(struct slice address, struct name *name_r);
/* Takes a key of the table apart. False when it is none. */
bool name_from_key(struct slice key, struct name *name_r);

/*
 * For what is put into the table: ADDRESS (the local-part unquoted) has the syntax of an address (RFC 5321,
 * 6531) or one of FORMS.
 */
bool name_check(struct slice address, unsigned forms, struct name *name_r);
/* DOMAIN in lower case into OUT (ADDRESS_DOMAIN_MAX + 1 bytes). False when it is no domain name. */
bool name_check_domain(struct slice domain, char *out);
/*
 * The key of a route in lower case and A-labels into OUT (NAME_ROUTE_SIZE bytes): a domain, ".domain" for all below it, or "*". False when it
 * is none of them.
 */
bool name_check_route(struct slice key, char *out);

static inline struct slice
name_key(const struct name *name)
{
	return slice_of(name->key, name->length);
}

static inline struct slice
name_domain(const struct name *name)
{
	return slice_of(name->key, name->domain);
}

static inline struct slice
name_local(const struct name *name)
{
	return slice_of(name->key + name->domain + 1, name->length - name->domain - 1);
}

/* "local@domain", "@domain" or "local" into OUT (TABLE_ADDRESS_MAX + 2 bytes). */
void name_address(const struct name *name, char *out);

#endif
