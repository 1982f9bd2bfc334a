/*
 * Counting a mailbox: the sizes of all messages in all folders, from their names where these tell.
 */
#ifndef ANGARIUM_DELIVERD_QUOTA_COUNT_H
#define ANGARIUM_DELIVERD_QUOTA_COUNT_H

#include <time.h>

#include "deliverd/quota.h"

/* When a new/ or cur/ of the mailbox last changed. */
struct quota_change {
	struct timespec latest;
	unsigned directories;
};

/*
 * Counts the mailbox whose directory is TOP. 0 or a negative errno value. With USAGE_R NULL only *change_r
 * is found out, which tells whether a count that was made before still holds.
 */
int quota_count(int top, struct quota_usage *usage_r, struct quota_change *change_r);

#endif
