/*
 * Lookups in DNS: libunbound in our own event loop, with one cache for all (unbound-event.h). No thread, nothing that blocks.
 */
#ifndef ANGARIUM_RELAYD_LOOKUPS_H
#define ANGARIUM_RELAYD_LOOKUPS_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/mail/config.h"
#include "relayd/finding.h"

struct lookups;
LIST_HEAD(lookup_list, lookup);

struct lookups_setup {
	const struct config_endpoints *servers; /* asked in place of the root's; at least one */
	unsigned most;                          /* lookups that libunbound has at once: some 20 KiB and a socket each while they are on their way */
	struct slice anchor;                    /* records as in a zone file, each on one line; empty: no DNSSEC validation */
};

typedef void lookup_answered(void *context, unsigned slot, const struct finding_result *result);

/* 0, -EINVAL (no servers, or the anchor is not one), or -ENOMEM. Both of SETUP may go afterwards. */
int lookups_new(struct event_base *base, const struct lookups_setup *setup, struct lookups **lookups_r);
/* Asks nothing new; ends by itself with the last lookup. Sets *lookups to NULL. */
void lookups_retire(struct lookups **lookups);

/*
 * Asks. 0: ANSWERED is called, never inside; the lookup stands in LIST until then. Negative: it is not. What is more than MOST waits for its
 * turn.
 */
int lookups_ask(struct lookups *lookups, const char *name, enum dns_type type, unsigned slot, lookup_answered *answered, void *context,
                struct lookup_list *list);
/* None of LIST calls back any more. */
void lookups_forget(struct lookup_list *list);

#endif
