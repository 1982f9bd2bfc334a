/*
 * What the jobs of a relay worker share: the resolver, the rules of TLS, and the connections that are kept.
 */
#ifndef ANGARIUM_RELAYD_RELAY_H
#define ANGARIUM_RELAYD_RELAY_H

#include <event2/event.h>
#include <stddef.h>
#include <sys/queue.h>

#include "common/base/slice.h"
#include "common/mail/config.h"
#include "relayd/destination.h"
#include "relayd/job.h"
#include "relayd/quirks.h"
#include "relayd/resolve.h"

struct process;
struct tls_client_context;

/* The authorities that certificates are checked by; counted, since a reload replaces them while connections are being made. */
struct trust {
	unsigned users;
	struct tls_client_context *context;
};

TAILQ_HEAD(transfer_list, transfer);

struct relay {
	struct process *process;     /* for channels to UNIX sockets */
	struct event_base *base;
	const struct config *config; /* the process's */
	struct resolve *resolve;
	struct trust *trust;
	struct quirks *quirks;
	struct destination_tree destinations;
	struct session_list idle;    /* of all destinations; idle for longest first */
	struct event *idle_timer;
	size_t idle_count;
	size_t idle_most;            /* set by its owner, as the last two */
	struct transfer_list transfers;
	size_t sending;              /* of them, those whose transaction is under way */
	bool closing;                /* no connection is kept any more */
	/* A job has all of its results. JOB is the callee's. */
	void (*finished)(void *context, struct job *job);
	void *context;
};

/* AUTHORITIES: in PEM, or empty. 0 or a negative errno value; what was made is freed by relay_close. */
int relay_open(struct relay *relay, struct process *process, struct event_base *base, const struct config *config,
               struct slice authorities);
/* Takes new authorities for the connections that are made from now on. When they are unusable, the old ones stay. */
int relay_trust(struct relay *relay, struct slice authorities);
/* Forgets all jobs and closes everything. */
void relay_close(struct relay *relay);

struct trust *trust_take(struct trust *trust);
void trust_drop(struct trust **trust);

/* Takes JOB, and calls FINISHED once, perhaps at once. */
void relay_job(struct relay *relay, struct job *job);
/* Forgets the jobs whose transaction is not under way yet, or all. Their number. FINISHED is not called for them. */
size_t relay_forget(struct relay *relay, bool sending_too);
/* From now on no connection is kept; those that are idle say QUIT. */
void relay_stop_keeping(struct relay *relay);

#endif
