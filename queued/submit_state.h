/*
 * The inside of taking messages, for submit.c and submission.c.
 */
#ifndef ANGARIUM_QUEUED_SUBMIT_STATE_H
#define ANGARIUM_QUEUED_SUBMIT_STATE_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "common/ipc/channel.h"
#include "queued/ids.h"
#include "queued/submit.h"

/* A body file that a worker writes. */
struct body {
	RB_ENTRY(body) link;
	uint64_t id;
};

RB_HEAD(body_tree, body);
RB_PROTOTYPE(body_tree, body, link, body_compare)

struct worker {
	TAILQ_ENTRY(worker) link;
	struct submit *submit;
	struct channel *channel; /* NULL: gone, and only submissions under way are left */
	struct ids ids;
	struct body_tree bodies;
	unsigned body_count;
	unsigned submissions;    /* under way */
};

struct submit {
	struct submit_hooks hooks;
	TAILQ_HEAD(, worker) workers;
	uint64_t bytes; /* of records on their way to the disk; within queue_memory */
	uint64_t space; /* bytes that are free beyond spool_reserve, when that was last looked at */
	bool refuse;    /* less than spool_reserve is free */
	bool closed;
};

/* submit.c */
const struct config *worker_config(const struct worker *worker);
struct body *worker_find_body(struct worker *worker, uint64_t id);
void worker_forget_body(struct worker *worker, struct body *body);
/* 0, or a negative errno value; the channel is then to be broken. */
int worker_reply(struct worker *worker, uint16_t type, uint32_t request, int fd, enum submit_result result);
/* The channel is gone: what was not submitted is forgotten. */
void worker_gone(struct worker *worker);
/* Frees WORKER when its channel is gone and nothing of it is under way. */
void worker_leave(struct worker *worker);
enum submit_result submit_result_of(int error);

/* submission.c */
int submit_on_message(struct channel *channel, void *context, struct channel_frame *frame);

#endif
