/*
 * Questions to tabled: what is this address?
 */
#ifndef ANGARIUM_SMTPD_LOOKUP_H
#define ANGARIUM_SMTPD_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/ipc/proto_table.h"

struct link;
struct process;

/* One question; lives in what asks, which fills in ANSWERED. */
struct lookup {
	void (*answered)(struct lookup *lookup, enum table_class class);
	uint32_t request;
	bool waiting; /* ANSWERED will be called */
};

/* The worker's link to tabled; NULL when out of memory. Free with link_free. */
struct link *lookup_link(struct process *process);
/*
 * Asks about ADDRESS (unquoted). 0: ANSWERED will be called once, later; with TABLE_TEMPORARY when tabled is
 * lost meanwhile. Negative: tabled cannot be asked now.
 */
int lookup_ask(struct link *link, struct slice address, struct lookup *lookup);
/* The answer is not wanted any more. */
void lookup_cancel(struct link *link, struct lookup *lookup);

#endif
