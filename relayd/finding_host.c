/*
 * One host: from lookups to addresses and TLSA records.
 */
#include "relayd/finding_host.h"

#include <stdio.h>
#include <string.h>

static const size_t address_lengths[HOST_FAMILIES] = { [HOST_IPV6] = 16, [HOST_IPV4] = 4 };
static const enum dns_type address_types[HOST_FAMILIES] = { [HOST_IPV6] = DNS_AAAA, [HOST_IPV4] = DNS_A };

bool
finding_host_has_address(const struct finding_host *host)
{
	return host->counts[HOST_IPV6] + host->counts[HOST_IPV4] > 0;
}

/* ---- TLSA ---- */

static void
host_done(struct finding_host *host, enum resolve_tlsa tlsa)
{
	host->tlsa.kind = tlsa;
	host->state = HOST_DONE;
}

/* Asks for the records of the port under BASE (RFC 6698 3). */
static void
host_ask_tlsa(struct finding_host *host, const struct host_asker *asker, const char *base)
{
	char name[DNS_NAME_SIZE + sizeof("_65535._tcp.")];

	snprintf(name, sizeof(name), "_%u._tcp.%s", asker->question->port, base);
	if (strlen(name) > DNS_NAME_MAX) {
		host_done(host, RESOLVE_TLSA_NONE); /* longer than any name that DNS can hold */
		return;
	}
	strlcpy(host->tlsa_base, base, sizeof(host->tlsa_base));
	host->state = HOST_TLSA;
	if (asker->callbacks->lookup(asker->context, name, DNS_TLSA, asker->first_slot + HOST_LOOKUP_TLSA) != 0)
		host_done(host, RESOLVE_TLSA_FAILED);
}

/* Only what is DNSSEC-validated counts; a lookup that fails may be an attacker's work (RFC 7672 2.1.2). */
static void
host_on_tlsa(struct finding_host *host, const struct host_asker *asker, const struct finding_result *result)
{
	char name[DNS_NAME_SIZE + sizeof("_65535._tcp.")];
	struct dns_answer answer = { .count = 0 };

	snprintf(name, sizeof(name), "_%u._tcp.%s", asker->question->port, host->tlsa_base);
	if (result->failed || (result->rcode == DNS_NOERROR && dns_answer_parse(result->message, name, DNS_TLSA, &answer) != 0)) {
		host_done(host, RESOLVE_TLSA_FAILED);
		return;
	}
	if (result->secure && answer.count > 0) {
		tlsa_fill(&answer, &host->tlsa);
		host->state = HOST_DONE;
		return;
	}
	if (strcmp(host->tlsa_base, host->name) != 0)
		host_ask_tlsa(host, asker, host->name);
	else
		host_done(host, RESOLVE_TLSA_NONE);
}

static void
host_on_alias(struct finding_host *host, const struct host_asker *asker, const struct finding_result *result)
{
	if (result->failed)
		host_done(host, RESOLVE_TLSA_FAILED);
	else if (result->secure && result->rcode == DNS_NOERROR)
		host_ask_tlsa(host, asker, host->name);
	else
		host_done(host, RESOLVE_TLSA_NONE);
}

/* ---- addresses ---- */

static void
host_after_addresses(struct finding_host *host, const struct host_asker *asker)
{
	bool alias = strcmp(host->canonical, host->name) != 0;

	if (!finding_host_has_address(host) || !asker->question->dane)
		host_done(host, RESOLVE_TLSA_NONE);
	else if (!host->insecure)
		host_ask_tlsa(host, asker, host->canonical);
	else if (!alias)
		host_done(host, RESOLVE_TLSA_NONE);
	else if (asker->callbacks->lookup(asker->context, host->name, DNS_CNAME, asker->first_slot + HOST_LOOKUP_ALIAS) == 0)
		host->state = HOST_ALIAS;
	else
		host_done(host, RESOLVE_TLSA_FAILED);
}

static void
host_take_addresses(struct finding_host *host, enum host_family family, const struct dns_answer *answer, bool secure)
{
	for (size_t i = 0; i < answer->count && host->counts[family] < RESOLVE_ADDRESSES_MAX; i++) {
		if (answer->data[i].length != address_lengths[family])
			continue;
		memcpy(host->addresses[family][host->counts[family]++], answer->data[i].data, answer->data[i].length);
		host->insecure |= !secure;
	}
	if (answer->alias)
		strlcpy(host->canonical, answer->name, sizeof(host->canonical));
}

static void
host_on_addresses(struct finding_host *host, const struct host_asker *asker, enum host_family family, const struct finding_result *result)
{
	struct dns_answer answer;

	if (result->failed)
		host->failed = true;
	else if (result->rcode == DNS_NOERROR) {
		if (dns_answer_parse(result->message, host->name, address_types[family], &answer) == 0)
			host_take_addresses(host, family, &answer, result->secure);
		else
			host->failed = true;
	}
	if (--host->waiting == 0)
		host_after_addresses(host, asker);
}

void
finding_host_begin(struct finding_host *host, const struct host_asker *asker)
{
	strlcpy(host->canonical, host->name, sizeof(host->canonical));
	host->state = HOST_ADDRESSES;
	for (int family = 0; family < HOST_FAMILIES; family++) {
		if (asker->callbacks->lookup(asker->context, host->name, address_types[family], asker->first_slot + (unsigned)family) == 0)
			host->waiting++;
		else
			host->failed = true;
	}
	if (host->waiting == 0)
		host_done(host, RESOLVE_TLSA_NONE);
}

void
finding_host_set_address(struct finding_host *host, const void *address, size_t length)
{
	enum host_family family = length == address_lengths[HOST_IPV6] ? HOST_IPV6 : HOST_IPV4;

	strlcpy(host->canonical, host->name, sizeof(host->canonical));
	memcpy(host->addresses[family][0], address, length);
	host->counts[family] = 1;
	host->insecure = true;
	host_done(host, RESOLVE_TLSA_NONE);
}

void
finding_host_result(struct finding_host *host, const struct host_asker *asker, enum host_lookup lookup, const struct finding_result *result)
{
	switch (lookup) {
	case HOST_LOOKUP_IPV6:
	case HOST_LOOKUP_IPV4:
		if (host->state == HOST_ADDRESSES)
			host_on_addresses(host, asker, lookup == HOST_LOOKUP_IPV6 ? HOST_IPV6 : HOST_IPV4, result);
		break;
	case HOST_LOOKUP_ALIAS:
		if (host->state == HOST_ALIAS)
			host_on_alias(host, asker, result);
		break;
	case HOST_LOOKUP_TLSA:
		if (host->state == HOST_TLSA)
			host_on_tlsa(host, asker, result);
		break;
	case HOST_LOOKUPS:
		break;
	}
}

void
finding_host_give_up(struct finding_host *host, bool dane)
{
	bool maybe_alias = host->state == HOST_ADDRESSES ? strcmp(host->canonical, host->name) != 0 : true;

	if (host->state == HOST_DONE)
		return;
	host->failed = true;
	host_done(host, dane && (!host->insecure || maybe_alias) ? RESOLVE_TLSA_FAILED : RESOLVE_TLSA_NONE);
}

/* ---- the answer ---- */

/* Both families alternate, so that a dead one costs one attempt at a time. */
static void
put_addresses(const struct finding_host *host, struct wire_writer *writer)
{
	size_t all = host->counts[HOST_IPV6] + host->counts[HOST_IPV4];
	size_t put = all < RESOLVE_ADDRESSES_MAX ? all : RESOLVE_ADDRESSES_MAX;

	wire_put_u32(writer, (uint32_t)put);
	for (size_t i = 0; put > 0; i++)
		for (int family = 0; family < HOST_FAMILIES && put > 0; family++)
			if (i < host->counts[family]) {
				wire_put_slice(writer, slice_of(host->addresses[family][i], address_lengths[family]));
				put--;
			}
}

void
finding_host_put(const struct finding_host *host, struct wire_writer *writer)
{
	bool found = host->tlsa.kind == RESOLVE_TLSA_USABLE || host->tlsa.kind == RESOLVE_TLSA_UNUSABLE;

	wire_put_string(writer, host->name);
	wire_put_u32(writer, host->preference);
	wire_put_u8(writer, !host->insecure);
	put_addresses(host, writer);
	wire_put_u8(writer, (uint8_t)host->tlsa.kind);
	wire_put_string(writer, found ? host->tlsa_base : "");
	tlsa_put(&host->tlsa, writer);
}

void
finding_host_free(struct finding_host *host)
{
	tlsa_free(&host->tlsa);
}
