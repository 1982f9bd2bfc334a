/*
 * Questions to tabled: may this user send as that address?
 */
#ifndef ANGARIUM_SMTPD_MAY_SEND_H
#define ANGARIUM_SMTPD_MAY_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/ipc/proto_table.h"

struct link;

/* One question; lives in what asks, which fills in ANSWERED. */
struct may_send {
	void (*answered)(struct may_send *question, enum table_may_send answer);
	void *context; /* for ANSWERED */
	uint32_t request;
	bool waiting;  /* ANSWERED will be called */
};

/*
 * Asks about LOGIN, as tabled named it, and ADDRESS (unquoted). 0: ANSWERED will be called once, later; with LATER when tabled is lost meanwhile.
 * Negative: tabled cannot be asked now.
 */
int may_send_ask(struct link *link, const char *login, const char *address, struct may_send *question);
/* The answer is not wanted any more. */
void may_send_cancel(struct link *link, struct may_send *question);

#endif
