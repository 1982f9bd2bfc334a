/*
 * Jobs of relay workers (common/ipc/proto_relay.h).
 */
#ifndef ANGARIUM_QUEUED_RELAY_H
#define ANGARIUM_QUEUED_RELAY_H

#include "queued/workers.h"

extern const struct workers_protocol relay_protocol;

/*
 * A RELAY_REPLY for COUNT targets: checks all of it, without moving READER. 0 or -EPROTO.
 */
int relay_check_reply(const struct wire_reader *reader, uint32_t count);

#endif
