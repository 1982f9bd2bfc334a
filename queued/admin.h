/*
 * Answering queuetool (common/ipc/proto_queue.h): showing the queue, and steering it.
 *
 * However much a call is about, it is done in steps of some milliseconds, each in a turn of the loop of its own, and with little memory: what is
 * shown goes to the call's file.
 */
#ifndef ANGARIUM_QUEUED_ADMIN_H
#define ANGARIUM_QUEUED_ADMIN_H

#include <event2/event.h>

#include "queued/history.h"
#include "queued/schedule.h"
#include "queued/store.h"

struct admin;

struct admin_hooks {
	struct event_base *base;
	struct store *store;
	struct schedule *schedule;
	struct history *history;
	int64_t (*now)(void *context); /* seconds since 1970 */
	void *context;
};

/* NULL when out of memory. */
struct admin *admin_new(const struct admin_hooks *hooks);
/* Breaks off what is under way. Sets *admin to NULL. */
void admin_free(struct admin **admin);
/* A tool has connected. Takes FD. */
void admin_accept(struct admin *admin, int fd);

#endif
