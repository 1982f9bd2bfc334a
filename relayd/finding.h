/*
 * The way from a name to the hosts of an answer (proto_resolve.h): a state machine that asks DNS and is told. It does no input or output
 * of its own, so that it is tested on messages.
 *
 * First the MX records, then for each host, beside the others: its addresses, and with DANE what its TLSA records are
 * (finding_host.h). Whatever happens, there is an answer at any time: that of what is known by then.
 */
#ifndef ANGARIUM_RELAYD_FINDING_H
#define ANGARIUM_RELAYD_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ipc/wire.h"
#include "relayd/dns.h"
#include "relayd/mx.h"
#include "relayd/proto_resolve.h"

struct finding;

/* What DNS said to one question. */
struct finding_result {
	bool failed;          /* nothing, or what cannot be right (bogus: DNSSEC) */
	unsigned rcode;       /* enum dns_rcode, when not failed */
	bool secure;          /* DNSSEC-validated, CNAMEs on the way included */
	struct slice message; /* when not failed and rcode is DNS_NOERROR */
};

struct finding_question {
	enum resolve_how how;
	char name[RESOLVE_TEXT_MAX];
	uint16_t port;
	bool dane;
	bool backup;
};

struct finding_callbacks {
	/* Asks DNS; finding_result is to be called with SLOT later, never inside. 0, or negative: it will not be. */
	int (*lookup)(void *context, const char *name, enum dns_type type, unsigned slot);
	mx_random *random;
};

/* HOSTNAME is our own. CALLBACKS must outlive it. NULL when out of memory. */
struct finding *finding_new(const struct finding_question *question, const char *hostname, const struct finding_callbacks *callbacks, void *context);
/* Sets *finding to NULL. */
void finding_free(struct finding **finding);

/* Begins; asks. */
void finding_begin(struct finding *finding);
/* The result of the lookup with SLOT. Others are ignored. */
void finding_result(struct finding *finding, unsigned slot, const struct finding_result *result);
/* Nothing is under way any more. */
bool finding_is_done(const struct finding *finding);
/* A host is complete: the answer is of use, even though not all of it is there. */
bool finding_is_usable(const struct finding *finding);
/* Puts the fields of RESOLVE_ANSWER. What is still under way counts as failed. */
void finding_put_answer(struct finding *finding, struct wire_writer *writer);

#endif
