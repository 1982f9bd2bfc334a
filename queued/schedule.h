/*
 * The scheduler: which message is tried when, and where its recipients lead.
 *
 * A message waits in the timetable, becomes active when it is due and there is room, and goes through a round: addresses are
 * asked about (route.c), targets are handed out (destination.c), failures are returned to the sender (returns.c), and what was deferred
 * goes back to the timetable. Nothing happens by itself: the owner calls schedule_turn at the end of each turn of the loop
 * in which WAKE was called, and at schedule_due.
 */
#ifndef ANGARIUM_QUEUED_SCHEDULE_H
#define ANGARIUM_QUEUED_SCHEDULE_H

#include "common/mail/config.h"
#include "queued/destination.h"
#include "queued/expand.h"
#include "queued/store.h"

struct history;
struct schedule;

struct schedule_hooks {
	struct store *store;
	struct expander *expander;
	struct transport *local;                             /* delivery workers */
	struct transport *remote;                            /* relay workers */
	const struct config *(*config)(void *context);       /* the present one */
	int64_t (*now)(void *context);                       /* seconds since 1970 */
	int64_t (*ticks)(void *context);                     /* milliseconds of a clock that is never set */
	void (*wake)(void *context);                         /* call schedule_turn at the end of this turn */
	struct history *history;                             /* where what happens is kept; or NULL */
	void *context;
};

/* NULL when out of memory. */
struct schedule *schedule_new(const struct schedule_hooks *hooks);
/* Forgets all rounds; messages stay in the store. Sets *schedule to NULL. Nothing may be under way at expander and transport. */
void schedule_free(struct schedule **schedule);

/* A durable message, just arrived. RECORD may be kept (it is held). */
void schedule_add(struct schedule *schedule, struct message *message, struct record *record);
/* A message that recovery found. */
void schedule_recovered(struct schedule *schedule, struct message *message);

/* ---- for the administrator: schedule_admin.c. Each appends what must become durable (store_await). ---- */

/* No attempts any more; what is under way is finished. True when it was not held. */
bool schedule_hold(struct schedule *schedule, struct message *message);
/* It is tried again, now. True when it was held. */
bool schedule_release(struct schedule *schedule, struct message *message);
/* It is tried now. True when it was waiting, and is not held. */
bool schedule_retry(struct schedule *schedule, struct message *message);
/* What is left of its recipients fails, and its sender is told; what is under way is finished before. MESSAGE may be freed. */
void schedule_return(struct schedule *schedule, struct message *message);
/* What is left of its recipients ends as removed, and nobody is told. MESSAGE may be freed. */
void schedule_remove(struct schedule *schedule, struct message *message);

/* For the events before: it is told of what happens to messages. Or NULL. */
struct history *schedule_history(const struct schedule *schedule);

struct schedule_numbers {
	size_t active;  /* messages in rounds */
	size_t waiting; /* in the timetable */
};

struct schedule_numbers schedule_numbers(const struct schedule *schedule);
/* Now, by the clock of destinations' timers. */
int64_t schedule_ticks_now(const struct schedule *schedule);
/* All destinations in turn: that behind the one named AFTER, or of "" the first. NULL at the end. The local one is the last. */
const struct destination *schedule_next_destination(struct schedule *schedule, const char *after);

/* Does everything that can be done now. */
void schedule_turn(struct schedule *schedule);
/* tabled is there again. */
void schedule_expander_up(struct schedule *schedule);
/* A transport can take more. */
void schedule_transport_ready(struct schedule *schedule);
/* When schedule_turn has something to do, seconds since 1970; INT64_MAX: not by itself. */
int64_t schedule_due(const struct schedule *schedule);
/* The same, milliseconds of the ticks. */
int64_t schedule_due_ticks(const struct schedule *schedule);

#endif
