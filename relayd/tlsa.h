/*
 * The TLSA records of a host (RFC 6698 2.1), and what they mean to SMTP (RFC 7672). Pure functions.
 */
#ifndef ANGARIUM_RELAYD_TLSA_H
#define ANGARIUM_RELAYD_TLSA_H

#include "common/base/buffer.h"
#include "common/ipc/wire.h"
#include "relayd/dns.h"
#include "relayd/proto_resolve.h"

enum { TLSA_MEMORY_MAX = 48 * 1024 }; /* bytes of one host's: those of RESOLVE_HOSTS_MAX hosts fit into RESOLVE_FRAME_MAX */

struct tlsa_set {
	enum resolve_tlsa kind; /* RESOLVE_TLSA_FAILED when it could not be filled in */
	uint32_t count;         /* of what is usable */
	struct buffer data;     /* the records, one after the other */
	uint16_t lengths[RESOLVE_TLSA_MAX];
};

/*
 * Fills an empty set from DNSSEC-validated records. Usable are DANE-TA(2) and DANE-EE(3) (RFC 7672 3.1.3) with a selector and a matching type that
 * are known, and data of the length that these have. The first RESOLVE_TLSA_MAX are kept.
 */
void tlsa_fill(const struct dns_answer *answer, struct tlsa_set *set);
/* Puts the fields of RESOLVE_ANSWER: u32 count, and each record's. */
void tlsa_put(const struct tlsa_set *set, struct wire_writer *writer);
void tlsa_free(struct tlsa_set *set);

#endif
