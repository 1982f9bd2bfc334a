/*
 * The transport to the delivery workers that have connected (common/ipc/proto_deliver.h).
 */
#ifndef ANGARIUM_QUEUED_DELIVER_H
#define ANGARIUM_QUEUED_DELIVER_H

#include <event2/event.h>

#include "common/ipc/wire.h"
#include "queued/destination.h"

struct deliver;

/* READY is called when a worker can take a job that could not before. NULL when out of memory. */
struct deliver *deliver_new(struct event_base *base, void (*ready)(void *context), void *context);
/* Closes all channels; jobs under way are reported lost. Sets *deliver to NULL. */
void deliver_free(struct deliver **deliver);
struct transport *deliver_transport(struct deliver *deliver);
/* A worker has connected. Takes FD. */
void deliver_accept(struct deliver *deliver, int fd);

/*
 * A DELIVER_REPLY for COUNT targets: checks all of it, without moving READER. 0 or -EPROTO.
 */
int deliver_check_reply(const struct wire_reader *reader, uint32_t count);

#endif
