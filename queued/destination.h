/*
 * Where messages go: a destination with its consignments in turn, so that one message with many recipients does not hold up
 * another with a few. There is one destination in this version, the delivery workers; a relay service adds one for each
 * domain, with a transport of its own.
 */
#ifndef ANGARIUM_QUEUED_DESTINATION_H
#define ANGARIUM_QUEUED_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/slice.h"
#include "common/ipc/proto_deliver.h"

struct active;
struct destination;
struct verdict;

enum { TARGET_DEATHS_MAX = 2 }; /* workers that may die with a target in hand before it is deferred */

/* One mailbox that a recipient leads to. */
struct target {
	STAILQ_ENTRY(target) link;
	uint32_t index;    /* of the recipient or target in the message */
	uint8_t deaths;    /* of workers that had it in hand */
	uint64_t quota;    /* bytes; 0: none */
	struct slice address;
	struct slice path;
	struct slice folder;
	char text[];       /* what the slices point to */
};

STAILQ_HEAD(target_list, target);

/* A new target with copies of everything. NULL when out of memory. */
struct target *target_new(uint32_t index, struct slice address, struct slice path, struct slice folder, uint64_t quota);

/* What of one message goes to one destination. */
struct consignment {
	TAILQ_ENTRY(consignment) link;
	struct active *active;
	struct destination *destination;
	struct target_list waiting;
	uint32_t count;    /* of WAITING */
	uint32_t jobs;     /* under way */
	bool complete;     /* nothing more is being added now */
	bool queued;       /* in its destination's turn */
};

/* Some targets of a consignment, in the hands of a transport. */
struct job {
	TAILQ_ENTRY(job) link; /* for the transport */
	struct consignment *consignment;
	struct target_list targets;
	uint32_t count;
	uint32_t request;      /* for the transport */
};

struct transport {
	/* A job could be sent now. */
	bool (*ready)(struct transport *transport);
	/*
	 * Takes JOB. 0: job_result for each target in order and job_end follow later, or job_lost. Negative: JOB was not taken; -EAGAIN: not now; else its
	 * message cannot be read.
	 */
	int (*send)(struct transport *transport, struct job *job);
};

struct destination {
	struct transport *transport;
	TAILQ_HEAD(, consignment) turn;
};

void destination_init(struct destination *destination, struct transport *transport);
void consignment_init(struct consignment *consignment, struct active *active, struct destination *destination);
/* Adds TARGET, and takes the consignment into its destination's turn when there is a whole job. */
void consignment_add(struct consignment *consignment, struct target *target);
/* Moves what is not handed out to TARGETS. */
void consignment_withdraw(struct consignment *consignment, struct target_list *targets);
/* Nothing more comes for now: what there is may go. */
void consignment_complete(struct consignment *consignment);
/* Hands out jobs as long as the transport takes them. */
void destination_run(struct destination *destination);

/* As enum deliver_result and relay_result. */
enum job_result {
	JOB_DONE = 0,
	JOB_TEMPORARY = 1,
	JOB_PERMANENT = 2,
};

/* What transports report. */
void job_result(struct job *job, const struct target *target, enum job_result result, const struct verdict *verdict);
/* All results are in. Frees JOB. */
void job_end(struct job *job);
/* The one that had it is gone: the targets are given to another, or deferred when they have cost too many. Frees JOB. */
void job_lost(struct job *job);

#endif
