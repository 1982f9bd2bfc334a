/*
 * Jobs of delivery workers (common/ipc/proto_deliver.h).
 */
#ifndef ANGARIUM_QUEUED_DELIVER_H
#define ANGARIUM_QUEUED_DELIVER_H

#include "queued/workers.h"

extern const struct workers_protocol deliver_protocol;

/*
 * A DELIVER_REPLY for COUNT targets: checks all of it, without moving READER. 0 or -EPROTO.
 */
int deliver_check_reply(const struct wire_reader *reader, uint32_t count);

#endif
