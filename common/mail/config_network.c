/*
 * Questions to a configuration that are asked while a service runs: is this client in those networks, how is it
 * written, how many processors are there.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <string.h>

#include "common/mail/config.h"

/*
 * The bytes of ADDRESS with its family; an IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2) as the IPv4 address.
 * NULL: another family.
 */
static const unsigned char *
address_bytes(const struct sockaddr *address, int *family_r)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

	*family_r = AF_INET;
	if (address->sa_family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
	if (address->sa_family != AF_INET6)
		return NULL;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return in6->sin6_addr.s6_addr + 12;
	*family_r = AF_INET6;
	return in6->sin6_addr.s6_addr;
}

static bool
network_contains(const struct config_network *network, const unsigned char *bytes)
{
	size_t whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (memcmp(network->address, bytes, whole) != 0)
		return false;
	return rest == 0 || ((network->address[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool
config_networks_contain(const struct config_networks *networks, const struct sockaddr *address)
{
	int family;
	const unsigned char *bytes = address_bytes(address, &family);

	if (bytes == NULL)
		return false;
	for (size_t i = 0; i < networks->count; i++)
		if (networks->list[i].family == family && network_contains(&networks->list[i], bytes))
			return true;
	return false;
}

bool
config_is_loopback(const struct sockaddr *address)
{
	static const unsigned char one[16] = { [15] = 1 };
	int family;
	const unsigned char *bytes = address_bytes(address, &family);

	if (bytes == NULL)
		return address->sa_family == AF_UNIX;
	return family == AF_INET ? bytes[0] == 127 : memcmp(bytes, one, sizeof(one)) == 0;
}

void
config_address_text(const struct sockaddr *address, char *out, size_t size)
{
	int family;
	const unsigned char *bytes = address_bytes(address, &family);

	if (bytes == NULL || inet_ntop(family, bytes, out, (socklen_t)size) == NULL)
		strlcpy(out, "local", size);
}

unsigned
config_cores(void)
{
	cpu_set_t set;
	int count;

	/* Not sysconf(3), which reads a file: a confined role asks too. */
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	count = CPU_COUNT(&set);
	return count < 1 ? 1 : (unsigned)count;
}
