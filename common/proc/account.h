/*
 * The accounts that roles run as.
 */
#ifndef ANGARIUM_PROC_ACCOUNT_H
#define ANGARIUM_PROC_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

struct account {
	uid_t uid;
	gid_t gid;
};

/*
 * SPEC is a name, "UID" (the gid is the same), or "UID:GID". 0, -ENOENT (no such account), -EINVAL (it would be root), or the error of the look-up.
 */
int account_find(const char *spec, struct account *account_r);
/* True when this process may change its account (it runs as root). */
bool account_privileged(void);

#endif
