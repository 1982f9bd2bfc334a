/*
 * A transport to workers that have connected over a channel: each says READY with its credit (the jobs that it will hold at once),
 * takes jobs, and gives one credit back with each reply. What jobs and replies look like is the protocol's (deliver.c, relay.c).
 */
#ifndef ANGARIUM_QUEUED_WORKERS_H
#define ANGARIUM_QUEUED_WORKERS_H

#include <event2/event.h>

#include "common/ipc/channel.h"
#include "queued/destination.h"

struct workers;

enum { WORKERS_STATE_NEW = 0, WORKERS_STATE_READY = 1 }; /* of a channel */
enum { WORKERS_CREDIT_MAX = 4096 };                      /* of one worker */

struct workers_protocol {
	/* Its handlers are workers_on_ready and workers_on_reply; closed and drained are workers_on_closed and workers_on_drained. */
	struct channel_protocol channel;
	uint16_t job;             /* frame type */
	uint16_t job_file;        /* the same, with a descriptor of the body */
	uint32_t credit_max;      /* at most WORKERS_CREDIT_MAX */
	bool sticky;              /* jobs of one destination go to the same worker, as long as it can take them */
	/* Encodes JOB, whose message is loaded. */
	void (*put)(struct wire_writer *writer, const struct job *job, struct slice body);
	/* 0 or -EPROTO; does not move READER. COUNT is the job's. */
	int (*check)(const struct wire_reader *reader, uint32_t count);
	/* Reports the results in a checked reply. */
	void (*take)(struct job *job, struct wire_reader *reader);
};

/* READY is called when a worker can take a job that could not before. NULL when out of memory. */
struct workers *workers_new(const struct workers_protocol *protocol, struct event_base *base, void (*ready)(void *context), void *context);
/* Closes all channels; jobs under way are reported lost. Sets *workers to NULL. */
void workers_free(struct workers **workers);
struct transport *workers_transport(struct workers *workers);
/* A worker has connected. Takes FD. */
void workers_accept(struct workers *workers, int fd);

int workers_on_ready(struct channel *channel, void *context, struct channel_frame *frame);
int workers_on_reply(struct channel *channel, void *context, struct channel_frame *frame);
void workers_on_closed(struct channel *channel, void *context, int error);
void workers_on_drained(struct channel *channel, void *context);

#endif
