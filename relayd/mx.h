/*
 * MX records in the order in which their hosts are tried (RFC 5321 5.1). Pure functions.
 */
#ifndef ANGARIUM_RELAYD_MX_H
#define ANGARIUM_RELAYD_MX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayd/dns.h"

struct mx {
	uint16_t preference; /* lower is better */
	uint32_t shuffle;    /* orders those of equal preference */
	char name[DNS_NAME_SIZE];
};

struct mx_list {
	size_t count;
	bool null;      /* the domain takes no mail (RFC 7505): there is no other record then */
	struct mx *list; /* allocated; in order, each name once */
};

/* A random number. */
typedef uint32_t mx_random(void);

/*
 * Takes the hosts from ANSWER, whose records lie in MESSAGE. Records that name no host are left out: malformed ones, addresses (RFC 5321 5.1 wants
 * names), and "." beside others. 0 or -ENOMEM.
 */
int mx_list_fill(struct slice message, const struct dns_answer *answer, mx_random *random, struct mx_list *list_r);
/* The one host of a domain without MX records (RFC 5321 5.1): the domain itself. 0 or -ENOMEM. */
int mx_list_implicit(const char *name, struct mx_list *list_r);
void mx_list_free(struct mx_list *list);

/* The preference of the host NAME. False when it is not among them. */
bool mx_list_preference(const struct mx_list *list, const char *name, uint16_t *preference_r);
/* Keeps those that are better than PREFERENCE: from any other the message could come back to its host (RFC 5321 5.1). */
void mx_list_keep_better(struct mx_list *list, uint16_t preference);

#endif
