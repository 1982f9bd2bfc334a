/*
 * Confinement: what a role process gives up for good before it sees any input.
 */
#ifndef ANGARIUM_PROC_CONFINE_H
#define ANGARIUM_PROC_CONFINE_H

#include <stdbool.h>

#include "common/proc/account.h"

struct confinement {
	bool privileged;           /* started by root: change root and account */
	struct account account;    /* used when privileged */
	const char *root;          /* absolute path that becomes "/", when privileged */
	const char *directory;     /* as seen after the change of root: the only one that may be used; NULL: none */
	const char *role;          /* "smtpd/worker": names its system calls (confine_calls.c); stays valid */
	bool connects;             /* TCP connections out */
	unsigned descriptors;      /* RLIMIT_NOFILE; 0: the largest allowed */
};

/*
 * Does all steps and verifies them. 0, or a negative errno value with *step_r naming what failed; the process must then end.
 */
int confine(const struct confinement *confinement, const char **step_r);

#endif
