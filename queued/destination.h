/*
 * Where messages go: destinations, whose turn it is, and how much each of them takes.
 *
 * There are two sets of destinations, each with its own transport, so that neither holds up the other: the local one, which is one
 * destination, and the remote ones: one for each domain, or for each route that leads elsewhere (a smarthost is one destination).
 * A remote destination is learnt about from its results (destination_learn): how many jobs it takes at once, and whether it is there at all.
 *
 * Messages that a destination does not take now wait for it, outside of any round, in a list of the destination: parked ones
 * because it has enough in rounds already, deferred ones because it is down, or because the service that would take them is not running. They
 * are called into a round when there is room.
 */
#ifndef ANGARIUM_QUEUED_DESTINATION_H
#define ANGARIUM_QUEUED_DESTINATION_H

#include "common/base/bucket.h"
#include "common/base/heap.h"
#include "common/ipc/proto_relay.h"
#include "common/mail/route.h"
#include "queued/consignment.h"
#include "queued/message.h"

struct destinations;
struct schedule;

struct transport {
	uint32_t capacity; /* jobs that all workers together hold at once */
	/* A job could be sent now. */
	bool (*ready)(struct transport *transport);
	/*
	 * Takes JOB. 0: job_result for each target in order and job_end follow later, or job_lost. Negative: JOB was not taken; -EAGAIN: not now; else its
	 * message cannot be read.
	 */
	int (*send)(struct transport *transport, struct job *job);
};

enum destination_state {
	DESTINATION_OPEN = 0,
	DESTINATION_DOWN = 1,      /* nothing is tried until the timer fires */
	DESTINATION_PROBE_DUE = 2, /* the next message that comes is the probe */
	DESTINATION_PROBING = 3,   /* nothing but the probe is tried */
};

struct destination {
	RB_ENTRY(destination) entry;
	TAILQ_ENTRY(destination) ready_link;   /* among those that can hand out something, in turn */
	TAILQ_ENTRY(destination) calling_link; /* among those that can call messages that wait */
	struct heap_node timer;                /* milliseconds of the schedule's ticks */
	struct destinations *set;
	enum destination_state state;
	bool ready;                            /* in that list */
	bool calling;                          /* in that list */
	bool calls_probe;                      /* it is time to call one that waits to be the probe */
	struct consignment_list turn;          /* those that have something to send, in turn */
	struct message_queue waiters;          /* messages that wait for it outside of a round, in their order */
	struct consignment *probe;
	uint64_t waiting;                      /* of WAITERS */
	uint32_t users;                        /* that need it to stay: consignments and rounds */
	uint32_t consignments;
	uint32_t called;                       /* WAITERS that were taken into rounds and have not come yet */
	uint32_t jobs;                         /* under way */
	uint32_t window;                       /* jobs at once */
	uint32_t progress;                     /* successes on the way to a larger window */
	uint32_t patience;                     /* full windows of successes before it grows */
	uint32_t successes;
	uint32_t failures;                     /* times that it was found down, one after the other */
	struct bucket rate;
	struct route route;                    /* as it was last heard */
	char *route_text;                      /* what ROUTE points to, or NULL */
	char *reason;                          /* why it was down last, or NULL */
	char status[PAYLOAD_STATUS_MAX];       /* the same as an enhanced status code */
	uint64_t results[JOB_PERMANENT + 1];   /* targets, by enum job_result */
	char key[];                            /* its name, also for people */
};

TAILQ_HEAD(destination_list, destination);
RB_HEAD(destination_tree, destination);
int destination_compare(const struct destination *a, const struct destination *b);
RB_PROTOTYPE(destination_tree, destination, entry, destination_compare)

enum { NEVER_ALONE = -1 };

struct destinations {
	struct schedule *schedule;
	struct transport *transport;
	bool remote;
	struct destination_tree tree;
	struct destination_list ready;
	struct destination_list calling;
	struct heap timers;
	struct consignment_list held_retries; /* those that wait until fewer retries are under way */
	uint32_t retries;                     /* jobs under way of messages that were deferred before */
	int64_t alone_since;                  /* milliseconds of the ticks since when there has been no worker; NEVER_ALONE */
	bool absent;                          /* so long that nothing waits in rounds for one: all is refused */
	size_t count;
};

/* ---- the set: destinations.c ---- */

void destinations_init(struct destinations *set, struct schedule *schedule, struct transport *transport, bool remote);
void destinations_free(struct destinations *set);
/* Does what is due: timers, calls, and jobs as long as the transport takes them. */
void destinations_run(struct destinations *set);
/* Workers came or went, and the next turn has to know. */
bool destinations_changed(const struct destinations *set);
/* Milliseconds of the ticks at which a timer fires; INT64_MAX: never. */
int64_t destinations_due(const struct destinations *set);
/* The destination of that name, made when it is not there, and held: destination_release it. NULL when out of memory. */
struct destination *destinations_get_local(struct destinations *set);
struct destination *destinations_get_remote(struct destinations *set, struct slice domain, const struct route *route, bool backup);
/* The one behind that name in their order, which need not be there any more; of "" the first. NULL at the end. */
struct destination *destinations_next(struct destinations *set, const char *after);
struct destination *destination_hold(struct destination *destination);
/* It is freed when there is nothing in it and nothing to remember. */
void destination_release(struct destination *destination);

/* ---- one of them: destination.c ---- */

enum admission {
	ADMISSION_GRANTED,
	ADMISSION_PARKED,  /* it has enough to do: wait for it */
	ADMISSION_REFUSED, /* it is down, or its workers are not there: destination_refuse; wait for it */
};

/* Whether ACTIVE may have a consignment for it. */
enum admission destination_admit(struct destination *destination, const struct active *active);
/* What is said of a recipient that is refused. */
struct verdict destination_reason(const struct destination *destination);
/* Says it of recipient INDEX. That our own service is not there is no attempt; the recipient only becomes older by it. */
void destination_refuse(const struct destination *destination, struct active *active, uint32_t index, struct slice address);
/* Hands out one job, or refuses one consignment. False when the transport takes nothing now. It must be ready. */
bool destination_run(struct destination *destination);
/* Jobs of messages that were deferred before, of all destinations in SET, that may be under way. */
uint32_t destinations_retries(const struct destinations *set);
/* Something changed: brings lists and timer up to date. */
void destination_refresh(struct destination *destination);
void destination_on_timer(struct destination *destination);
/* Fires the timer in that time from now. */
void destination_wait_until(struct destination *destination, int64_t milliseconds);
/* Takes the first message that waits into a round, when there is room. */
void destination_call(struct destination *destination);
/* Nothing in it, and nothing to remember. */
bool destination_is_idle(const struct destination *destination);

/* When it is down, it is time for a probe: the next message that comes. */
void destination_probe(struct destination *destination);

/* Messages that wait. A message is in one list at most, also while it waits in the timetable. */
void destination_wait(struct destination *destination, struct message *message);
void destination_forget(struct message *message);
/* Messages that wait for it, or are in a round and wait for their turn. */
uint64_t destination_waiting(const struct destination *destination);
/* A message that it called has come, or will not. */
void destination_called(struct destination *destination);

/* For consignments and jobs. */
void destination_enter(struct destination *destination, struct consignment *consignment);
void destination_leave(struct destination *destination, struct consignment *consignment);
void destination_job_begins(struct destination *destination, struct job *job);
void destination_job_ends(struct destination *destination, const struct job *job);
void destination_count(struct destination *destination, enum job_result result);

/* ---- what is learnt: destination_window.c ---- */

/* Jobs that it takes at once. */
uint32_t destination_window(const struct destination *destination);
void destination_reset_window(struct destination *destination);
/* Something would be lost when it was forgotten. */
bool destination_has_learnt(const struct destination *destination);
void destination_unlearn(struct destination *destination);
/* One of the messages that wait is to be called as the probe. */
bool destination_calls_probe(const struct destination *destination);
/* How JOB found its destination; VERDICT is what was said. Before job_end. */
void destination_learn(struct job *job, enum relay_destination found, const struct verdict *verdict);

#endif
