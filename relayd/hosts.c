/*
 * A place among hosts and addresses.
 */
#include "relayd/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "relayd/literal.h"

bool
hosts_from_literal(struct hosts *hosts, const struct job *job, uint16_t port)
{
	const struct route *route = &job->route;
	bool by_domain = route->kind == ROUTE_MX && route->host.length == 0;
	struct resolve_address address;
	int family;

	if (by_domain ? !literal_of_domain(slice_from_string(job->domain), &address) : !literal_of_host(route->host, &address))
		return false;
	family = address.length == 4 ? AF_INET : AF_INET6;
	hosts->single_address = address;
	hosts->single = (struct resolve_host){ .addresses = &hosts->single_address, .address_count = 1 };
	inet_ntop(family, address.bytes, hosts->single.name, sizeof(hosts->single.name));
	hosts->list = &hosts->single;
	hosts->count = 1;
	hosts->port = port;
	return true;
}

void
hosts_from_answer(struct hosts *hosts, struct resolve_answer *answer, uint16_t port)
{
	hosts->answer = answer;
	hosts->list = answer->hosts;
	hosts->count = answer->host_count;
	hosts->port = port;
}

void
hosts_clear(struct hosts *hosts)
{
	if (hosts->answer != NULL)
		resolve_answer_free(&hosts->answer);
	hosts->list = NULL;
	hosts->count = hosts->at = hosts->address = 0;
	hosts->loop = false;
}

const struct resolve_host *
hosts_now(const struct hosts *hosts)
{
	return hosts->at < hosts->count ? &hosts->list[hosts->at] : NULL;
}

void
hosts_skip(struct hosts *hosts)
{
	hosts->at++;
	hosts->address = 0;
}

/* What every host calls itself; a connection to the address of none goes there, too. */
static bool
is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET || four->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

static bool
is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

/* All addresses of this host. */
static bool
is_wildcard(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* Do we listen at PORT of ADDRESS? OWN: it is one of this host. A message that we send to ourselves would come back for ever. */
static bool
is_ours(const struct sockaddr_storage *address, uint16_t port, bool own, const struct config *config)
{
	const struct config_endpoints *const lists[] = { &config->smtp_listen, &config->submission_listen, &config->smtps_listen };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++) {
			const struct sockaddr_storage *ours = &lists[i]->list[j].address;
			/* The port stands at the same place in both families. */
			bool same_port = ((const struct sockaddr_in *)ours)->sin_port == htons(port);

			if (same_port && (is_same_address(address, ours) || (own && is_wildcard(ours))))
				return true;
		}
	return false;
}

/* As if our name had been among the MX hosts (RFC 5321 5.1): the host at the place and all that are not better are no way. */
static void
hosts_end_here(struct hosts *hosts)
{
	hosts->loop = true;
	hosts->count = hosts->at;
}

size_t
hosts_addresses(struct hosts *hosts, const struct config *config)
{
	const struct resolve_host *host = hosts_now(hosts);
	size_t count = 0;

	for (size_t i = hosts->address; i < host->address_count && count < RESOLVE_ADDRESSES_MAX; i++) {
		const struct sockaddr_storage *address;

		literal_connector_address(&host->addresses[i], hosts->port, &hosts->addresses[count]);
		address = &hosts->addresses[count].address;
		if (is_ours(address, hosts->port, is_loopback(address), config)) {
			hosts_end_here(hosts);
			return 0;
		}
		count++;
	}
	return count;
}

bool
hosts_is_this_one(struct hosts *hosts, int fd, const struct config *config)
{
	struct sockaddr_storage local, remote;
	socklen_t local_size = sizeof(local), remote_size = sizeof(remote);

	if (getsockname(fd, (struct sockaddr *)&local, &local_size) != 0 || getpeername(fd, (struct sockaddr *)&remote, &remote_size) != 0)
		return false;
	if (!is_same_address(&local, &remote) || !is_ours(&remote, hosts->port, true, config))
		return false;
	hosts_end_here(hosts);
	return true;
}

void
hosts_tried(struct hosts *hosts, size_t index)
{
	hosts->address += index + 1;
}

void
hosts_again(struct hosts *hosts)
{
	hosts->address--;
}

void
hosts_remote(const struct hosts *hosts, size_t index, char *out, size_t size)
{
	const struct sockaddr *address = (const struct sockaddr *)&hosts->addresses[index].address;
	char text[INET6_ADDRSTRLEN];

	config_address_text(address, text, sizeof(text));
	snprintf(out, size, "%s [%s]:%u", hosts_now(hosts)->name, text, (unsigned)hosts->port);
}
