/*
 * The queue ids that one worker of smtpd was given: each may be used once.
 */
#ifndef ANGARIUM_QUEUED_IDS_H
#define ANGARIUM_QUEUED_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ipc/proto_submit.h"

/*
 * Ranges that a worker may hold; the oldest is then forgotten. A client may be slow: a million others may come and go between the beginning
 * and the end of its message.
 */
enum { IDS_RANGES_MAX = 256 };


struct ids {
	TAILQ_HEAD(id_range_list, id_range) ranges; /* oldest first */
	unsigned count;
	uint64_t forgotten; /* ids below this one may have been given once */
};

void ids_init(struct ids *ids);
void ids_free(struct ids *ids);
/* Adds SUBMIT_IDS_COUNT ids from FIRST on. 0 or -ENOMEM. */
int ids_grant(struct ids *ids, uint64_t first);
/* 0; -EPROTO: not given to this worker, or used before; -ESTALE: perhaps given, but so long ago that it is not known any more. */
int ids_use(struct ids *ids, uint64_t id);
/* True when ID was given to this worker, used or not, or may have been long ago. */
bool ids_contain(const struct ids *ids, uint64_t id);

#endif
