/*
 * The way to the queue: queue ids, spool files, and messages handed to queued.
 */
#ifndef ANGARIUM_SMTPD_SUBMIT_H
#define ANGARIUM_SMTPD_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ipc/proto_submit.h"
#include "common/mail/envelope.h"
#include "smtpd/body.h"

struct process;
struct submit;

/* One message on its way; lives in what sends it, which fills in ANSWERED. */
struct submit_job {
	/*
	 * The answer to submit_open (FD is the spool file, then owned by the callee, or -1) or to
	 * submit_message (FD is -1). A queue that is lost meanwhile answers SUBMIT_TEMPORARY.
	 */
	void (*answered)(struct submit_job *job, enum submit_result result, int fd);
	void *owner;         /* for it */
	uint64_t id;         /* the queue id */
	uint64_t generation; /* of the channel that the id belongs to */
	uint32_t request;
	bool waiting;        /* ANSWERED will be called */
	bool opening;        /* the question was submit_open */
	bool file;           /* a spool file was asked for, and is not the queue's yet */
};

/* NULL when out of memory. */
struct submit *submit_new(struct process *process);
void submit_free(struct submit **submit);

/* Takes a queue id for a new message. 0, or -EAGAIN: the queue is not there. */
int submit_begin(struct submit *submit, struct submit_job *job);
/* False: the spool has no space for new mail now, as far as the queue has said. */
bool submit_has_space(const struct submit *submit);
/*
 * Each: 0: ANSWERED will be called once, later. Negative: the queue is not there, or not the one any more that
 * gave the id.
 */
int submit_open(struct submit *submit, struct submit_job *job, uint64_t announced_size);
/* BODY is all here, or all in the spool file. */
int submit_message(struct submit *submit, struct submit_job *job, const struct envelope *envelope, const struct body *body);
/* Gives the message up, at any time after submit_begin; not after submit_message was answered. */
void submit_abandon(struct submit *submit, struct submit_job *job);

#endif
