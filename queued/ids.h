/*
 * The queue ids that one worker of smtpd was given: each may be used once.
 */
#ifndef ANGARIUM_QUEUED_IDS_H
#define ANGARIUM_QUEUED_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ipc/proto_submit.h"

enum { IDS_RANGES_MAX = 4 }; /* that a worker may hold; the oldest is then forgotten */

struct id_range;

struct ids {
	STAILQ_HEAD(, id_range) ranges; /* oldest first */
	unsigned count;
};

void ids_init(struct ids *ids);
void ids_free(struct ids *ids);
/* Adds SUBMIT_IDS_COUNT ids from FIRST on. 0 or -ENOMEM. */
int ids_grant(struct ids *ids, uint64_t first);
/* 0, or -EPROTO: not given to this worker, or used before. */
int ids_use(struct ids *ids, uint64_t id);
/* True when ID was given to this worker, used or not. */
bool ids_contain(const struct ids *ids, uint64_t id);

#endif
