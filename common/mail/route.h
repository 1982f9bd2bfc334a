/*
 * A route: how mail for a domain leaves, when not as DNS says. The table holds them (dbtool route), tabled names one with each remote
 * target, queued groups targets by them, and relayd follows them.
 *
 * In words, as dbtool takes and shows them:
 *   mx                    by DNS: MX, else A and AAAA (RFC 5321 5.1); the standard
 *   mx://DOMAIN           the same, but of another domain
 *   smtp://HOST[:PORT]    that host (its A and AAAA), or an address: 192.0.2.1, [2001:db8::1]; port 25
 *   smtps://HOST[:PORT]   the same with TLS from the start; port 465
 *   lmtp://HOST:PORT      by LMTP (RFC 2033)
 *   lmtp:/PATH            by LMTP, a UNIX socket that relay_sockets names
 *   reject                mail is returned: the null route
 *   discard               mail is taken and thrown away
 */
#ifndef ANGARIUM_MAIL_ROUTE_H
#define ANGARIUM_MAIL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/ipc/wire.h"

enum {
	ROUTE_HOST_MAX = 255,   /* bytes of a host name, domain or path */
	ROUTE_LOGIN_MAX = 255,  /* bytes */
	ROUTE_PASSWORD_MAX = 255, /* bytes */
	ROUTE_TEXT_MAX = ROUTE_HOST_MAX + 32, /* bytes of a route in words, with its NUL */
};

enum route_kind {
	ROUTE_MX = 0,
	ROUTE_SMTP = 1,
	ROUTE_LMTP = 2,
	ROUTE_LMTP_SOCKET = 3,
	ROUTE_REJECT = 4,
	ROUTE_DISCARD = 5,
};

enum route_tls {
	ROUTE_TLS_STANDARD = 0, /* as relay_tls says */
	ROUTE_TLS_OFF = 1,
	ROUTE_TLS_REQUIRED = 2, /* any certificate */
	ROUTE_TLS_VERIFIED = 3, /* a certificate for the host by an authority of relay_ca_file, or as TLSA says (RFC 7672) */
};

/* Slices point into memory that its holder keeps. */
struct route {
	enum route_kind kind;
	enum route_tls tls;
	bool tls_at_once;      /* smtps */
	uint16_t port;         /* 0: that of the configuration (MX) */
	struct slice host;     /* in lower case, ASCII, an IPv6 address in brackets; of ROUTE_MX: the other domain, or empty; of a socket: the path */
	struct slice login;    /* empty: no AUTH. Only with ROUTE_SMTP and ROUTE_LMTP, and TLS required or verified */
	struct slice password;
};

/*
 * Parses WORDS; host points into them. Sets kind, tls_at_once, port and host; the rest is 0. 0 or -EINVAL.
 */
int route_parse(struct slice words, struct route *route_r);
/* The same words (ROUTE_TEXT_MAX bytes). Without login and TLS. Returns OUT. */
const char *route_format(const struct route *route, char *out);

/*
 * On channels and in the table: u8 kind, u8 tls, u8 tls_at_once, u32 port, string host, string login, slice password.
 */
void route_put(struct wire_writer *writer, const struct route *route);
/* Slices point into the frame. False, and READER bad, when it is malformed or contradicts itself. */
bool route_get(struct wire_reader *reader, struct route *route_r);

/* What contradicts itself in ROUTE, in words for the administrator, or NULL. */
const char *route_problem(const struct route *route);

/* Wipes the password where it lies, in memory of the caller's own. */
void route_wipe(struct route *route);

bool route_equal(const struct route *a, const struct route *b);

#endif
