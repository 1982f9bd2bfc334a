/*
 * A place among hosts and addresses.
 */
#include "relayd/hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

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

static bool
is_same(const struct connector_address *a, const struct config_endpoint *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->address, *b4 = (const struct sockaddr_in *)&b->address;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->address, *b6 = (const struct sockaddr_in6 *)&b->address;

	if (a->address.ss_family != b->address.ss_family)
		return false;
	if (a->address.ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

/* A message that we send to ourselves would come back for ever. */
static bool
is_ours(const struct connector_address *address, const struct config *config)
{
	const struct config_endpoints *const lists[] = { &config->smtp_listen, &config->submission_listen, &config->smtps_listen };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (is_same(address, &lists[i]->list[j]))
				return true;
	return false;
}

size_t
hosts_addresses(struct hosts *hosts, const struct config *config)
{
	const struct resolve_host *host = hosts_now(hosts);
	size_t count = 0;

	for (size_t i = hosts->address; i < host->address_count && count < RESOLVE_ADDRESSES_MAX; i++) {
		literal_connector_address(&host->addresses[i], hosts->port, &hosts->addresses[count]);
		if (is_ours(&hosts->addresses[count], config)) {
			/* As if our name had been among the MX hosts (RFC 5321 5.1): it and all that are not better are no way. */
			hosts->loop = true;
			hosts->count = hosts->at;
			return 0;
		}
		count++;
	}
	return count;
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
