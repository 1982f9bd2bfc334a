/*
 * The PROXY protocol, version 2: the header.
 *
 *   bytes 0 to 11   a signature that is no command of any protocol
 *   byte 12         version (2) and command (0: LOCAL, 1: PROXY)
 *   byte 13         family (1: IPv4, 2: IPv6, 3: UNIX) and transport (1: stream, 2: datagram); 0: unspecified
 *   bytes 14, 15    length of what follows, most significant byte first
 *   addresses       source, destination, source port, destination port
 *   additions       each a type, a length and a value
 */
#include "common/io/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	VERSION_2 = 0x20,
	COMMAND_LOCAL = 0,
	COMMAND_PROXY = 1,
	UNSPECIFIED = 0x00,
	TCP_IPV4 = 0x11,
	TCP_IPV6 = 0x21,
	IPV4_SIZE = 12, /* two addresses and two ports */
	IPV6_SIZE = 36,
};

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
enum { SIGNATURE_SIZE = sizeof(signature) - 1 };

static int
parse_ipv4(struct slice addresses, struct proxy_header *header)
{
	struct sockaddr_in *client = (struct sockaddr_in *)&header->client;

	if (addresses.length < IPV4_SIZE)
		return -EPROTO;
	client->sin_family = AF_INET;
	memcpy(&client->sin_addr, addresses.data, 4);
	memcpy(&client->sin_port, addresses.data + 8, 2);
	header->length = sizeof(*client);
	return 0;
}

static int
parse_ipv6(struct slice addresses, struct proxy_header *header)
{
	struct sockaddr_in6 *client = (struct sockaddr_in6 *)&header->client;

	if (addresses.length < IPV6_SIZE)
		return -EPROTO;
	client->sin6_family = AF_INET6;
	memcpy(&client->sin6_addr, addresses.data, 16);
	memcpy(&client->sin6_port, addresses.data + 32, 2);
	header->length = sizeof(*client);
	return 0;
}

static int
parse_addresses(unsigned char command, unsigned char family, struct slice addresses, struct proxy_header *header)
{
	/* "The receiver must accept this connection as valid and must use the real connection endpoints." */
	header->local = command == COMMAND_LOCAL || family == UNSPECIFIED;
	if (header->local)
		return 0;
	if (family == TCP_IPV4)
		return parse_ipv4(addresses, header);
	return family == TCP_IPV6 ? parse_ipv6(addresses, header) : -EPROTO;
}

int
proxy_parse(struct slice input, struct proxy_header *header_r)
{
	const unsigned char *bytes = (const unsigned char *)input.data;
	size_t known = input.length < SIGNATURE_SIZE ? input.length : SIGNATURE_SIZE;
	size_t length;

	memset(header_r, 0, sizeof(*header_r));
	/* What cannot become a header is seen at the first wrong byte: nobody waits for the rest. */
	if (known > 0 && memcmp(bytes, signature, known) != 0)
		return -EPROTO;
	if (input.length > 12 && bytes[12] != (VERSION_2 | COMMAND_LOCAL) && bytes[12] != (VERSION_2 | COMMAND_PROXY))
		return -EPROTO;
	if (input.length < PROXY_HEADER_SIZE)
		return (int)(PROXY_HEADER_SIZE - input.length);
	length = (size_t)bytes[14] << 8 | bytes[15];
	header_r->size = PROXY_HEADER_SIZE + length;
	if (header_r->size > PROXY_MAX)
		return -EMSGSIZE;
	if (input.length < header_r->size)
		return (int)(header_r->size - input.length);
	return parse_addresses(bytes[12] & 0x0f, bytes[13], slice_of(input.data + PROXY_HEADER_SIZE, length), header_r);
}
