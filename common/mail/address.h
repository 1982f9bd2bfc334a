/*
 * Addresses as they stand in SMTP commands: mailbox and path (RFC 5321 4.1.2), with UTF-8 (RFC 6531 3.3).
 */
#ifndef ANGARIUM_MAIL_ADDRESS_H
#define ANGARIUM_MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

enum address_limits { /* RFC 5321 4.5.3.1 */
	ADDRESS_LOCAL_MAX = 64,
	ADDRESS_DOMAIN_MAX = 255,
	ADDRESS_MAX = ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX, /* bytes, without NUL */
	ADDRESS_PATH_MAX = 256 + 256, /* bytes of a path with its source route that is parsed at all */
};

enum address_option {
	ADDRESS_UTF8 = 1,       /* bytes above 127 are allowed, when valid UTF-8 (RFC 6531) */
	ADDRESS_POSTMASTER = 2, /* "<postmaster>" without a domain is allowed (RFC 5321 4.1.1.3) */
	ADDRESS_NULL = 4,       /* "<>" is allowed (RFC 5321 4.1.1.2) */
};

/*
 * A mailbox taken apart. The local-part is kept without quotes and backslashes (RFC 5321 4.1.2: quoting does not
 * change the mailbox); the domain in lower case (ASCII), or as an address literal in its canonical form,
 * "[192.0.2.1]" or "[IPv6:2001:db8::1]". The null path has both empty.
 */
struct address {
	char local[ADDRESS_LOCAL_MAX + 1];
	char domain[ADDRESS_DOMAIN_MAX + 1];
	bool literal; /* the domain is an address literal (RFC 5321 4.1.3) */
	bool utf8;    /* a byte above 127 is in it */
};

enum address_result {
	ADDRESS_OK = 0,
	ADDRESS_SYNTAX = -1,
	ADDRESS_TOO_LONG = -2,   /* local-part, domain or path over its limit */
	ADDRESS_NOT_ASCII = -3,  /* bytes above 127 without ADDRESS_UTF8, or invalid UTF-8 */
};

/*
 * Parses "<[source-route:]mailbox>" at the beginning of INPUT; a source route is checked and ignored (RFC 5321
 * appendix C). *used_r is the length of the path with its brackets. After an error *address_r is the null path.
 */
enum address_result address_parse_path(struct slice input, unsigned options, struct address *address_r,
                                       size_t *used_r);
/* Parses all of INPUT as a mailbox, without brackets; "" and "postmaster" under the same options. */
enum address_result address_parse_mailbox(struct slice input, unsigned options, struct address *address_r);
/* Checks a domain name (RFC 5321 2.3.5; labels of at most 63) or, with LITERAL allowed, an address literal. */
enum address_result address_check_domain(struct slice domain, bool literal, bool utf8);

/* "local@domain" unquoted, as in envelopes and the table: OUT has ADDRESS_MAX + 1 bytes. "" for the null path. */
void address_format(const struct address *address, char *out);
/*
 * The same with the local-part quoted where RFC 5321 needs it, for SMTP and headers: SIZE is at least 2 *
 * ADDRESS_MAX + 4 bytes. "" when UNQUOTED holds a control byte, or is too long for SIZE: neither can come from this
 * parser.
 */
void address_format_quoted(struct slice unquoted, char *out, size_t size);
/* Splits "local@domain" at its last "@". False when there is none. */
bool address_split(struct slice address, struct slice *local_r, struct slice *domain_r);

#endif
