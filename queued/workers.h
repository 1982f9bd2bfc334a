/*
 * A transport to workers that have connected over a channel (common/ipc/proto_jobs.h): each says how many jobs it will hold at once,
 * takes them, and reports on each. What jobs and replies look like is the protocol's (deliver.c, relay.c).
 */
#ifndef ANGARIUM_QUEUED_WORKERS_H
#define ANGARIUM_QUEUED_WORKERS_H

#include <event2/event.h>

#include "common/ipc/channel.h"
#include "queued/destination.h"

struct workers;

enum { WORKERS_CREDIT_MAX = 4096 }; /* of one worker */

struct workers_protocol {
	const char *channel;
	uint32_t credit_max;      /* at most WORKERS_CREDIT_MAX */
	bool sticky;              /* jobs of one destination go to the same worker, as long as it can take them */
	bool secret;              /* jobs hold passwords, which are wiped from memory when they have left */
	/* Encodes JOB, whose message is loaded. */
	void (*put)(struct wire_writer *writer, const struct job *job, struct slice body);
	/* 0 or -EPROTO; does not move READER. COUNT is the job's. */
	int (*check)(const struct wire_reader *reader, uint32_t count);
	/* Reports the results in a checked reply. */
	void (*take)(struct job *job, struct wire_reader *reader);
};

/* For CHECK: what replies end with, a count and the results of so many targets (proto_jobs.h). 0 or -EPROTO. */
int workers_check_results(struct wire_reader *reader, uint32_t count);

/* READY is called when a worker can take a job that could not before. NULL when out of memory. */
struct workers *workers_new(const struct workers_protocol *protocol, struct event_base *base, void (*ready)(void *context), void *context);
/* Closes all channels; jobs under way are reported lost. Sets *workers to NULL. */
void workers_free(struct workers **workers);
struct transport *workers_transport(struct workers *workers);
/* A worker has connected. Takes FD. */
void workers_accept(struct workers *workers, int fd);
/*
 * To be called every JOBS_ALIVE_S seconds. A worker of which nothing has been heard for JOBS_SILENCE_LOOKS of them is hung: its channel is closed, and
 * its jobs are deferred.
 */
void workers_look(struct workers *workers);

#endif
