/*
 * One host of an answer: its addresses, and with DANE the TLSA records of its port (RFC 7672 2.2).
 *
 *   ADDRESSES  A and AAAA are asked for
 *   ALIAS      the addresses are insecure and the name is an alias: is at least the alias secure? (RFC 7672 2.2.2)
 *   TLSA       the records under the name that the alias leads to are asked for, then those under the name itself (RFC 7671 7)
 *   DONE
 */
#ifndef ANGARIUM_RELAYD_FINDING_HOST_H
#define ANGARIUM_RELAYD_FINDING_HOST_H

#include "relayd/finding.h"
#include "relayd/tlsa.h"

enum host_state { HOST_ADDRESSES, HOST_ALIAS, HOST_TLSA, HOST_DONE };
enum host_family { HOST_IPV6, HOST_IPV4, HOST_FAMILIES }; /* in the order in which they are tried */

/* The lookup of a host, in its slot. */
enum host_lookup { HOST_LOOKUP_IPV6, HOST_LOOKUP_IPV4, HOST_LOOKUP_ALIAS, HOST_LOOKUP_TLSA, HOST_LOOKUPS };

struct finding_host {
	char name[DNS_NAME_SIZE];
	char canonical[DNS_NAME_SIZE]; /* what NAME is an alias of, else NAME */
	uint16_t preference;
	enum host_state state;
	unsigned waiting; /* lookups of addresses under way */
	bool failed;      /* a lookup of addresses did */
	bool insecure;    /* addresses that are not DNSSEC-validated are among them */
	size_t counts[HOST_FAMILIES];
	unsigned char addresses[HOST_FAMILIES][RESOLVE_ADDRESSES_MAX][16];
	char tlsa_base[DNS_NAME_SIZE];
	struct tlsa_set tlsa;
};

/* How a host asks: FINDING_CALLBACKS, and the slot of its first lookup. */
struct host_asker {
	const struct finding_question *question;
	const struct finding_callbacks *callbacks;
	void *context;
	unsigned first_slot;
};

/* Begins with a host whose name and preference are set, and nothing else. */
void finding_host_begin(struct finding_host *host, const struct host_asker *asker);
/* One that is an address: HOST_DONE at once. LENGTH is 4 or 16. */
void finding_host_set_address(struct finding_host *host, const void *address, size_t length);
void finding_host_result(struct finding_host *host, const struct host_asker *asker, enum host_lookup lookup, const struct finding_result *result);
/* Ends with what is known: TLSA records that may be there make the host unusable. */
void finding_host_give_up(struct finding_host *host, bool dane);
bool finding_host_has_address(const struct finding_host *host);
/* Puts the host's fields of RESOLVE_ANSWER. */
void finding_host_put(const struct finding_host *host, struct wire_writer *writer);
void finding_host_free(struct finding_host *host);

#endif
