/*
 * A relay worker's way to the resolver (proto_resolve.h): questions are asked, answers come later as one block of memory each.
 *
 * The resolver is not trusted beyond its role: an answer that is malformed, or beyond the limits of proto_resolve.h, closes the channel, and
 * everything asked is answered with RESOLVE_TEMPORARY.
 */
#ifndef ANGARIUM_RELAYD_RESOLVE_H
#define ANGARIUM_RELAYD_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/ipc/wire.h"
#include "relayd/proto_resolve.h"

struct process;
struct resolve;

struct resolve_question {
	enum resolve_how how;
	const char *name; /* a domain, or a host: at most RESOLVE_TEXT_MAX - 1 bytes; borrowed for the call */
	uint16_t port;    /* for TLSA */
	bool dane;        /* TLSA is wanted */
	bool backup;      /* only hosts better than ourselves */
};

struct resolve_address {
	size_t length;           /* 4 (IPv4) or 16 (IPv6) */
	unsigned char bytes[16]; /* in network order */
};

/* RFC 6698 2.1. Only those that mean something to SMTP: usage 2 (DANE-TA) or 3 (DANE-EE) (RFC 7672 3.1). */
struct resolve_tlsa_record {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching_type;
	struct slice data; /* lives as long as the answer */
};

struct resolve_host {
	char name[RESOLVE_TEXT_MAX]; /* in lower case, no dot at the end */
	uint16_t preference;         /* 0 when it comes from no MX record */
	bool secure;                 /* its addresses are DNSSEC-validated */
	const struct resolve_address *addresses; /* at least one; in the order in which they are tried */
	size_t address_count;
	enum resolve_tlsa tlsa;
	char tlsa_base[RESOLVE_TEXT_MAX]; /* the name that the records were found under (RFC 7672 2.2.3): NAME, or what its CNAME leads to; "" without */
	const struct resolve_tlsa_record *records; /* when RESOLVE_TLSA_USABLE: at least one */
	size_t record_count;
};

struct resolve_answer {
	enum resolve_result result;
	char text[RESOLVE_TEXT_MAX]; /* for people: what was wrong; "" when RESOLVE_OK */
	bool secure;                 /* the MX records (or that there are none) are DNSSEC-validated */
	char canonical[RESOLVE_TEXT_MAX]; /* the name asked for after its CNAMEs (RFC 7672 3.2.2 wants it), else the same */
	const struct resolve_host *hosts; /* in the order in which they are tried; at least one when RESOLVE_OK, else none */
	size_t host_count;
};

/* Called exactly once, never inside resolve_ask. ANSWER is the callee's, to be freed by resolve_answer_free; NULL only when out of memory. */
typedef void resolve_answered(void *context, struct resolve_answer *answer);

/* NULL when out of memory. */
struct resolve *resolve_new(struct process *process);
/* Answers what is under way with RESOLVE_TEMPORARY. Sets *resolve to NULL. */
void resolve_free(struct resolve **resolve);

/*
 * Asks. 0: ANSWERED will be called, and *ticket_r (when TICKET_R is not NULL; never 0) may be given to resolve_cancel. Negative: it will not be; -ENOTCONN
 * (the resolver is not there), -ENOBUFS (too many questions under way), -EINVAL (the name is too long), -ENOMEM: a temporary failure.
 */
int resolve_ask(struct resolve *resolve, const struct resolve_question *question, resolve_answered *answered, void *context, uint32_t *ticket_r);
/* ANSWERED will not be called. Unknown tickets are ignored. */
void resolve_cancel(struct resolve *resolve, uint32_t ticket);

/* Frees; sets *answer to NULL. */
void resolve_answer_free(struct resolve_answer **answer);

/* A pure function: parses the fields of RESOLVE_ANSWER into a new answer. 0, -EPROTO or -ENOMEM. */
int resolve_answer_parse(struct wire_reader *body, struct resolve_answer **answer_r);

#endif
