/*
 * Writing the message of a job into tmp/ of each of its mailboxes.
 */
#ifndef ANGARIUM_DELIVERD_MESSAGE_H
#define ANGARIUM_DELIVERD_MESSAGE_H

#include "deliverd/job.h"
#include "deliverd/store.h"

/*
 * Every target, TARGET_WAITING before, is TARGET_WRITTEN or TARGET_FAILED afterwards. A body in a
 * descriptor is read once.
 */
void message_write(struct store *store, struct job *job);

#endif
