/*
 * Addresses as text and as sockets take them.
 */
#include "relayd/literal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool
parse(int family, struct slice text, struct resolve_address *address_r)
{
	char string[INET6_ADDRSTRLEN];

	memset(address_r, 0, sizeof(*address_r));
	address_r->length = family == AF_INET ? 4 : 16;
	return slice_to_string(text, string, sizeof(string)) == 0 && inet_pton(family, string, address_r->bytes) == 1;
}

/* What stands between brackets; empty when there are none. */
static struct slice
unbracket(struct slice text)
{
	if (text.length < 3 || text.data[0] != '[' || text.data[text.length - 1] != ']')
		return SLICE("");
	return slice_of(text.data + 1, text.length - 2);
}

bool
literal_of_domain(struct slice domain, struct resolve_address *address_r)
{
	struct slice inner = unbracket(domain);

	if (slice_starts_nocase(inner, SLICE("IPv6:")))
		return parse(AF_INET6, slice_from(inner, 5), address_r);
	return parse(AF_INET, inner, address_r);
}

bool
literal_of_host(struct slice host, struct resolve_address *address_r)
{
	return parse(AF_INET, host, address_r) || parse(AF_INET6, unbracket(host), address_r);
}

void
literal_connector_address(const struct resolve_address *address, uint16_t port, struct connector_address *address_r)
{
	static const unsigned char mapped[] = { [10] = 0xff, [11] = 0xff }; /* an IPv4 address in IPv6's clothes (RFC 4291 2.5.5.2) */
	struct sockaddr_in *in = (struct sockaddr_in *)&address_r->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address_r->address;
	bool is_mapped = address->length == sizeof(in6->sin6_addr) && memcmp(address->bytes, mapped, sizeof(mapped)) == 0;

	memset(address_r, 0, sizeof(*address_r));
	if (is_mapped || address->length == sizeof(in->sin_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes + (is_mapped ? sizeof(mapped) : 0), sizeof(in->sin_addr));
		address_r->length = sizeof(*in);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, sizeof(in6->sin6_addr));
		address_r->length = sizeof(*in6);
	}
}
