/*
 * Tickets: what a login process gets for a right password, and a session process gives back for the mailbox
 * (doc/design.md, "Trust").
 */
#ifndef ANGARIUM_TABLED_TICKETS_H
#define ANGARIUM_TABLED_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ipc/proto_table.h"
#include "tabled/name.h"

struct ticket {
	struct name name;              /* of the user */
	char folder[TABLE_FOLDER_MAX]; /* "" is the inbox */
};

struct tickets;

/* NULL when out of memory. */
struct tickets *tickets_new(void);
void tickets_free(struct tickets **tickets);
/*
 * Remembers a copy of TICKET under a new number. NOW is of clock_monotonic_ms. 0, or -EAGAIN when too many
 * are out, or -ENOMEM.
 */
int tickets_issue(struct tickets *tickets, const struct ticket *ticket, int64_t now,
                  unsigned char number[TABLE_TICKET_SIZE]);
/* Redeems a number: true once, and within TABLE_TICKET_SECONDS. */
bool tickets_redeem(struct tickets *tickets, struct slice number, int64_t now, struct ticket *ticket_r);

#endif
