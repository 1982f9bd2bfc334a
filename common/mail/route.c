/*
 * Routes: in words, and as fields. What is sound is said in one place, route_problem, for both.
 */
#include "common/mail/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/un.h>

#include "common/mail/address.h"

enum {
	PORT_SMTP = 25,   /* RFC 5321 4.5.4.2 */
	PORT_SMTPS = 465, /* as submissions, RFC 8314 3.3: providers take mail of their customers there */
	PORT_MAX = 65535,
	PATH_MAX_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
};

struct route_scheme {
	struct slice word; /* with the colon and slashes before the host */
	enum route_kind kind;
	bool tls_at_once;
	uint16_t port;     /* when the words have none; 0: they must */
};

static const struct route_scheme schemes[] = {
	{ { "smtp://", 7 }, ROUTE_SMTP, false, PORT_SMTP },
	{ { "smtps://", 8 }, ROUTE_SMTP, true, PORT_SMTPS },
	{ { "lmtp://", 7 }, ROUTE_LMTP, false, 0 },
};

static const struct {
	struct slice word;
	enum route_kind kind;
} single_words[] = {
	{ { "mx", 2 }, ROUTE_MX },
	{ { "reject", 6 }, ROUTE_REJECT },
	{ { "discard", 7 }, ROUTE_DISCARD },
};

static bool
route_has_prefix(struct slice words, struct slice prefix)
{
	return slice_equal(slice_first(words, prefix.length), prefix);
}

/* No byte of S is a control byte; with LOWER none is a capital either. */
static bool
route_text_ok(struct slice s, bool lower)
{
	for (size_t i = 0; i < s.length; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c < ' ' || c == 127 || (lower && c >= 'A' && c <= 'Z'))
			return false;
	}
	return true;
}

static bool
route_address_ok(int family, struct slice text)
{
	char string[INET6_ADDRSTRLEN];
	unsigned char binary[16];

	return slice_to_string(text, string, sizeof(string)) == 0 && inet_pton(family, string, binary) == 1;
}

/* A name whose last label is a number would be taken for an address by some (RFC 1123 2.1); it must then be one. */
static bool
route_name_ok(struct slice name)
{
	struct slice last = slice_from(name, slice_find_last(name, '.') + 1);
	uint64_t number;

	if (name.length == 0 || !route_text_ok(name, true) || address_check_domain(name, false, false) != ADDRESS_OK)
		return false;
	if (slice_find(name, '.') == name.length)
		last = name;
	return slice_to_number(last, UINT64_MAX, &number) == -EINVAL;
}

static bool
route_host_ok(struct slice host)
{
	if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
		return route_text_ok(host, true) && route_address_ok(AF_INET6, slice_first(slice_from(host, 1), host.length - 2));
	return route_address_ok(AF_INET, host) || route_name_ok(host);
}

static const char *
route_problem_host(const struct route *route)
{
	switch (route->kind) {
	case ROUTE_MX:
		if (route->port != 0 || (route->host.length > 0 && !route_name_ok(route->host)))
			return "mx:// is followed by a domain name in lower case, without a port";
		return NULL;
	case ROUTE_SMTP:
	case ROUTE_LMTP:
		if (route->port == 0 || !route_host_ok(route->host))
			return "the host is a name in lower case, an address like 192.0.2.1, or one like [2001:db8::1]; lmtp needs a port";
		return NULL;
	case ROUTE_LMTP_SOCKET:
		if (route->port != 0 || route->host.length < 2 || route->host.data[0] != '/' || route->host.data[1] == '/' ||
		    route->host.length > PATH_MAX_BYTES || !route_text_ok(route->host, false))
			return "the socket is an absolute path of at most 107 bytes";
		return NULL;
	case ROUTE_REJECT:
	case ROUTE_DISCARD:
		if (route->port != 0 || route->host.length > 0)
			return "this route leads to no host";
		return NULL;
	}
	return "there is no such kind of route";
}

static const char *
route_problem_tls(const struct route *route)
{
	bool network = route->kind == ROUTE_MX || route->kind == ROUTE_SMTP || route->kind == ROUTE_LMTP;

	if (route->tls > ROUTE_TLS_VERIFIED)
		return "tls is standard, off, required or verify";
	if (!network && route->tls != ROUTE_TLS_STANDARD)
		return "this route uses no network, so it has no TLS";
	if (route->tls_at_once && (route->kind != ROUTE_SMTP || route->tls == ROUTE_TLS_OFF))
		return "smtps is TLS from the start, and cannot go without";
	return NULL;
}

static const char *
route_problem_login(const struct route *route)
{
	bool private = route->tls == ROUTE_TLS_REQUIRED || route->tls == ROUTE_TLS_VERIFIED;

	if (route->login.length == 0 && route->password.length == 0)
		return NULL;
	if (route->login.length == 0 || route->password.length == 0)
		return "a login needs a password, and a password a login";
	if (route->kind != ROUTE_SMTP && route->kind != ROUTE_LMTP)
		return "a login goes with smtp, smtps and lmtp to one host only";
	if (!private)
		return "a login is sent over TLS only: add --tls=required or --tls=verify";
	if (route->login.length > ROUTE_LOGIN_MAX || route->password.length > ROUTE_PASSWORD_MAX ||
	    !route_text_ok(route->login, false) || !route_text_ok(route->password, false))
		return "a login or password is too long, or has control characters";
	return NULL;
}

const char *
route_problem(const struct route *route)
{
	const char *problem = route_problem_host(route);

	if (problem == NULL)
		problem = route_problem_tls(route);
	return problem != NULL ? problem : route_problem_login(route);
}

/* "HOST" or "HOST:PORT". */
static int
route_parse_host(struct slice text, const struct route_scheme *scheme, struct route *route)
{
	size_t colon = slice_find_last(text, ':');
	uint64_t port = scheme->port;

	route->host = text;
	/* The colons between brackets belong to an address. */
	if (colon < text.length && slice_find(slice_from(text, colon), ']') == text.length - colon) {
		route->host = slice_first(text, colon);
		if (slice_to_number(slice_from(text, colon + 1), PORT_MAX, &port) != 0)
			return -EINVAL;
	}
	route->kind = scheme->kind;
	route->tls_at_once = scheme->tls_at_once;
	route->port = (uint16_t)port;
	return 0;
}

static int
route_parse_words(struct slice words, struct route *route)
{
	for (size_t i = 0; i < sizeof(single_words) / sizeof(single_words[0]); i++)
		if (slice_equal(words, single_words[i].word)) {
			route->kind = single_words[i].kind;
			return 0;
		}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (route_has_prefix(words, schemes[i].word))
			return route_parse_host(slice_from(words, schemes[i].word.length), &schemes[i], route);
	if (route_has_prefix(words, SLICE("mx://")) && words.length > 5) {
		route->kind = ROUTE_MX;
		route->host = slice_from(words, 5);
		return 0;
	}
	if (route_has_prefix(words, SLICE("lmtp:/"))) {
		route->kind = ROUTE_LMTP_SOCKET;
		route->host = slice_from(words, 5);
		return 0;
	}
	return -EINVAL;
}

int
route_parse(struct slice words, struct route *route_r)
{
	*route_r = (struct route){ .kind = ROUTE_MX };
	if (route_parse_words(words, route_r) == 0 && route_problem(route_r) == NULL)
		return 0;
	*route_r = (struct route){ .kind = ROUTE_MX };
	return -EINVAL;
}

static const char *
route_format_host(const struct route *route, const char *scheme, uint16_t standard, char *out)
{
	int length = (int)slice_first(route->host, ROUTE_HOST_MAX).length;

	if (route->port == standard)
		snprintf(out, ROUTE_TEXT_MAX, "%s%.*s", scheme, length, route->host.data);
	else
		snprintf(out, ROUTE_TEXT_MAX, "%s%.*s:%u", scheme, length, route->host.data, route->port);
	return out;
}

const char *
route_format(const struct route *route, char *out)
{
	switch (route->kind) {
	case ROUTE_MX:
		return route_format_host(route, route->host.length == 0 ? "mx" : "mx://", 0, out);
	case ROUTE_SMTP:
		return route_format_host(route, route->tls_at_once ? "smtps://" : "smtp://",
		                         route->tls_at_once ? PORT_SMTPS : PORT_SMTP, out);
	case ROUTE_LMTP:
		return route_format_host(route, "lmtp://", 0, out);
	case ROUTE_LMTP_SOCKET:
		return route_format_host(route, "lmtp:", 0, out);
	case ROUTE_REJECT:
	case ROUTE_DISCARD:
		break;
	}
	return route_format_host(route, route->kind == ROUTE_REJECT ? "reject" : "discard", 0, out);
}

void
route_put(struct wire_writer *writer, const struct route *route)
{
	wire_put_u8(writer, (uint8_t)route->kind);
	wire_put_u8(writer, (uint8_t)route->tls);
	wire_put_u8(writer, route->tls_at_once);
	wire_put_u32(writer, route->port);
	wire_put_slice(writer, route->host);
	wire_put_slice(writer, route->login);
	wire_put_slice(writer, route->password);
}

bool
route_get(struct wire_reader *reader, struct route *route_r)
{
	uint8_t at_once;
	uint32_t port;

	route_r->kind = wire_get_u8(reader);
	route_r->tls = wire_get_u8(reader);
	at_once = wire_get_u8(reader);
	port = wire_get_u32(reader);
	route_r->host = wire_get_slice(reader);
	route_r->login = wire_get_slice(reader);
	route_r->password = wire_get_slice(reader);
	route_r->tls_at_once = at_once != 0;
	route_r->port = (uint16_t)port;
	if (!reader->bad && at_once <= 1 && port <= PORT_MAX && route_problem(route_r) == NULL)
		return true;
	reader->bad = true;
	*route_r = (struct route){ .kind = ROUTE_MX };
	return false;
}

void
route_wipe(struct route *route)
{
	if (route->password.length > 0)
		explicit_bzero((char *)(uintptr_t)route->password.data, route->password.length);
	route->password = SLICE("");
}

bool
route_equal(const struct route *a, const struct route *b)
{
	return a->kind == b->kind && a->tls == b->tls && a->tls_at_once == b->tls_at_once && a->port == b->port &&
	       slice_equal(a->host, b->host) && slice_equal(a->login, b->login) && slice_equal(a->password, b->password);
}
