/*
 * A worker's side of the channel over which queued gives jobs (proto_jobs.h): says how many it takes and that it goes on, takes them, reports what
 * came of each, and waits at a stop until the last results have left.
 *
 * When queued goes away, its jobs are forgotten and results of those under way are dropped: it does not know of them any more, and gives them
 * to somebody again.
 */
#ifndef ANGARIUM_IPC_JOBS_H
#define ANGARIUM_IPC_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc/wire.h"

struct job; /* the worker's own */
struct jobs;
struct process;

/* Which job a result belongs to. */
struct jobs_ticket {
	uint32_t request;    /* its id on the channel */
	uint32_t connection; /* counts the channels: of the one that it came from */
};

struct jobs_protocol {
	const char *channel;
	size_t input_limit;  /* as in struct link_protocol */
	size_t output_limit;
	bool secret;         /* jobs hold passwords; likewise */
	/* 0 or a negative errno value. FD (or -1) is the job's when it is 0. */
	int (*decode)(struct wire_reader *body, int fd, struct job **job_r);
	/* Puts the fields of JOB's reply. */
	void (*put)(const struct job *job, struct wire_writer *writer);
	void (*free)(struct job **job);
	/* JOB is the worker's, until it is finished or forgotten. */
	void (*take)(void *context, struct job *job, const struct jobs_ticket *ticket);
	/* Optional. JOB is reported, and freed next. */
	void (*finished)(void *context, const struct job *job);
	/* The channel is gone: the jobs that can be given up are. How many. */
	size_t (*forget)(void *context);
	/* Optional; called at each interval: false when the worker is stuck with what it has in hand. */
	bool (*goes_on)(void *context);
	/* After jobs_stop: true while something is under way whose result is worth waiting for. */
	bool (*is_busy)(void *context);
};

/* Connects, and takes up to CREDIT jobs at once. PROTOCOL must outlive it. NULL when out of memory. */
struct jobs *jobs_new(struct process *process, const struct jobs_protocol *protocol, uint32_t credit, void *context);
/* Sets *jobs to NULL. */
void jobs_free(struct jobs **jobs);
/* Reports what came of JOB, and frees it. */
void jobs_finish(struct jobs *jobs, const struct jobs_ticket *ticket, struct job *job);
/* No more jobs are read for now (back-pressure); and again. Nothing while there is no channel: a new one is read from. */
void jobs_pause(struct jobs *jobs);
void jobs_resume(struct jobs *jobs);
/* Takes no more jobs, and ends the process (process_stop) when it is not busy and the results have left, at the latest just before its parent would. */
void jobs_stop(struct jobs *jobs);

#endif
