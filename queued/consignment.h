/*
 * What goes where: targets, the consignment of all targets that one message has at one destination, and the jobs in which a consignment is
 * given to a transport.
 */
#ifndef ANGARIUM_QUEUED_CONSIGNMENT_H
#define ANGARIUM_QUEUED_CONSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "common/base/slice.h"

struct active;
struct destination;
struct verdict;

enum {
	JOB_TARGETS_MAX = 100, /* DELIVER_TARGETS_MAX and RELAY_TARGETS_MAX */
	TARGET_DEATHS_MAX = 2, /* workers that may die with a target in hand before it is deferred */
};

/* One address that a recipient leads to. */
struct target {
	STAILQ_ENTRY(target) link;
	uint32_t index;    /* of the recipient or target in the message */
	uint8_t deaths;    /* of workers that had it in hand */
	bool backup;       /* remote: we are a backup MX of its domain */
	uint64_t quota;    /* mailbox: bytes; 0: none */
	struct slice address;
	struct slice path;   /* mailbox */
	struct slice folder; /* mailbox */
	char text[];       /* what the slices point to */
};

STAILQ_HEAD(target_list, target);

/* A new target with copies of everything. NULL when out of memory. */
struct target *target_new(uint32_t index, struct slice address, struct slice path, struct slice folder, uint64_t quota);
void target_list_free(struct target_list *targets);

enum consignment_place {
	CONSIGNMENT_NOWHERE = 0, /* nothing is to be sent now */
	CONSIGNMENT_IN_TURN = 1, /* at its destination */
	CONSIGNMENT_HELD = 2,    /* its message, or all retries together, have enough jobs under way */
};

struct consignment;
TAILQ_HEAD(consignment_list, consignment);

/* What of one message goes to one destination. */
struct consignment {
	RB_ENTRY(consignment) entry; /* among those of its message */
	TAILQ_ENTRY(consignment) link;
	struct active *active;
	struct destination *destination;
	struct target_list waiting;
	uint32_t count;              /* of WAITING */
	uint32_t jobs;               /* under way */
	enum consignment_place place;
	struct consignment_list *held_in; /* while it is held */
};

RB_HEAD(consignment_tree, consignment);
int consignment_compare(const struct consignment *a, const struct consignment *b);
RB_PROTOTYPE(consignment_tree, consignment, entry, consignment_compare)

/* ACTIVE's consignment for DESTINATION, or NULL. */
struct consignment *consignment_find(struct active *active, const struct destination *destination);
/* A new one. NULL when out of memory. */
struct consignment *consignment_new(struct active *active, struct destination *destination);
/* With its targets. It must have no jobs. */
void consignment_free(struct consignment *consignment);
/* Adds TARGET, and takes the consignment into its destination's turn when there is a whole job. */
void consignment_add(struct consignment *consignment, struct target *target);
/* Nothing more comes into it for now: what there is may go. It is freed when that is nothing. */
void consignment_complete(struct consignment *consignment);
/* It leaves the turn for LIST. */
void consignment_hold(struct consignment *consignment, struct consignment_list *list);
/* The first in LIST is back in its destination's turn. */
void consignment_resume(struct consignment_list *list);
/* What is not handed out is waiting again, as recipients of the message: no attempt was made. */
void consignment_withdraw(struct consignment *consignment);
/* The destination takes nothing now: the targets that wait are deferred, and ACTIVE's round may end. */
void consignment_refuse(struct consignment *consignment);

/* Some targets of a consignment, in the hands of a transport. */
struct job {
	struct consignment *consignment;
	struct target_list targets;
	uint32_t count;
	uint32_t deferred;  /* of them, in the results so far */
	bool retry;         /* of a message that was deferred before */
	uint32_t request;   /* for the transport */
	uint32_t successes; /* of the destination when the job was handed out */
};

/*
 * Gives the next job of the consignment, which is first in its destination's turn, to the transport, and puts it at the turn's end. 0, or -EAGAIN
 * (the transport takes nothing now).
 */
int consignment_send(struct consignment *consignment);

/* As enum deliver_result and relay_result. */
enum job_result {
	JOB_DONE = 0,
	JOB_TEMPORARY = 1,
	JOB_PERMANENT = 2,
	JOB_DAMAGED = 3, /* the worker finds its body damaged */
};

/* What transports report. */
void job_result(struct job *job, const struct target *target, enum job_result result, const struct verdict *verdict);
/* All results are in. Frees JOB. */
void job_end(struct job *job);
/* The one that had it is gone: the targets are given to another, or deferred when they have cost too many. Frees JOB. */
void job_lost(struct job *job);
/* The one that has it says nothing any more: the targets are deferred, since another could hang in its turn. Frees JOB. */
void job_unanswered(struct job *job);

#endif
