/*
 * The inside of the scheduler, for schedule.c, active.c, route.c and returns.c.
 */
#ifndef ANGARIUM_QUEUED_SCHEDULE_STATE_H
#define ANGARIUM_QUEUED_SCHEDULE_STATE_H

#include "queued/active.h"
#include "queued/destination.h"
#include "queued/history.h"
#include "queued/schedule.h"

struct schedule {
	struct schedule_hooks hooks;
	struct heap timetable;            /* of messages that wait, by time */
	struct destinations local;        /* the delivery workers */
	struct destinations remote;
	struct destination *mailboxes;    /* of LOCAL, the only one; held */
	TAILQ_HEAD(, active) asking;      /* those that have addresses to ask about, in turn */
	TAILQ_HEAD(, active) doubted;     /* those whose bodies are to be looked at, in turn */
	struct body_file doubt;           /* the body of the first of them, as far as it was looked at; no descriptor: not begun */
	uint32_t asked;                   /* questions under way */
	bool expander_down;               /* asking failed; schedule_expander_up ends it */
	uint32_t closings;                /* messages that were returned in this turn: each is read, and its report written, at once */
	TAILQ_HEAD(, active) rounds;      /* all that are under way, in the order in which they began */
	size_t actives;                   /* of ROUNDS */
	int64_t next_look;                /* for late ones among them, milliseconds of the ticks */
	uint64_t memory;                  /* bytes of the records of active messages */
	int64_t latest;                   /* the time at the last turn */
};

static inline const struct config *
schedule_config(const struct schedule *schedule)
{
	return schedule->hooks.config(schedule->hooks.context);
}

static inline int64_t
schedule_now(const struct schedule *schedule)
{
	return schedule->hooks.now(schedule->hooks.context);
}

/* Milliseconds of a clock that is never set. */
static inline int64_t
schedule_ticks(const struct schedule *schedule)
{
	return schedule->hooks.ticks(schedule->hooks.context);
}

static inline void
schedule_wake(const struct schedule *schedule)
{
	schedule->hooks.wake(schedule->hooks.context);
}

static inline void
schedule_tell(const struct schedule *schedule, const struct message *message, enum queue_event event, struct slice address,
              struct slice status, struct slice text)
{
	history_add(schedule->hooks.history, message->id, event, address, status, text);
}

static inline bool
schedule_is_over_memory(const struct schedule *schedule)
{
	return schedule->memory > schedule_config(schedule)->queue_memory;
}

/* schedule.c */
/* There can be one more round. */
bool schedule_has_room(const struct schedule *schedule);
/*
 * The consignments that one destination may have now. It is a part of the room that is left: so there is always some for others, however many
 * destinations are slow.
 */
uint32_t schedule_room(const struct schedule *schedule);
/* The sender is to be told that MESSAGE is late. */
bool schedule_is_late(const struct schedule *schedule, const struct message *message, int64_t now);
/* MESSAGE waits until WHEN, or, when it is held, for the administrator. */
void schedule_wait(struct schedule *schedule, struct message *message, int64_t when);
/* Takes MESSAGE, which waits for DESTINATION, into a round: destination_called follows. */
void schedule_call(struct schedule *schedule, struct message *message, struct destination *destination);

/* schedule_end.c */
/* The time of the next attempt for what failed through no fault of the recipient's. */
int64_t deferral_brief(const struct message *message, int64_t now);
/* MESSAGE is over: no recipient is left. */
void schedule_end(struct schedule *schedule, struct message *message);
/* The round is over, as far as recipients go: MESSAGE ends or goes back to the timetable. Frees *active. */
void schedule_end_round(struct active **active);
/* The message's record is damaged: what is left of it is removed, and nobody can be told. */
void schedule_remove_damaged(struct schedule *schedule, struct message *message);

/* schedule_admin.c */
/* Nothing more is to be begun in its round: it is held, returned or removed. */
bool active_is_stopped(const struct active *active);
/* What has not been handed out goes back. */
void active_withdraw(struct active *active);
/* The round of a message that is lost (message_is_lost): everything fails. */
void active_return(struct active *active);

/* doubt.c */
/*
 * Somebody finds ACTIVE's body damaged, which is in a file: it is looked at, before its round ends. If that is so, it is set aside and what is left of the
 * message fails.
 */
void active_doubt(struct active *active);
/* Nothing is looked at any more. */
void active_trust(struct active *active);
/* Looks at some more. */
void doubts_run(struct schedule *schedule);

/* route.c */
void route_begin(struct active *active);
void route_run(struct schedule *schedule);
/* ACTIVE has nothing to ask for now. */
void route_leave(struct active *active);

/* route_target.c */
/* Recipient or target INDEX of ACTIVE leads to TO. */
void route_target(struct active *active, uint32_t index, const struct expand_target *to);
/* TARGET is a mailbox. Takes it. */
void route_mailbox(struct active *active, struct target *target);

/* deferral.c */
/* Appends a DEFERRAL with ACTIVE's outcomes as its reasons. */
void deferral_record(const struct active *active, int64_t next);

/* returns.c */
/* True when something failed for good, is too old to be tried again, or is late and the sender does not know. */
bool returns_wanted(const struct active *active);
/*
 * Reports that to the sender. What failed is taken out of ACTIVE's outcomes. Calls active_check when it is durable.
 */
void returns_begin(struct active *active);
/* Warns the sender that ACTIVE, which has all of its targets in consignments, waits for its turn. It has not been warned. */
void returns_late(struct active *active);
/* Reports what was delivered to those who want to know. Calls active_check when it is durable. */
void returns_success(struct active *active);
/* Frees what waits for reports that will not be settled any more. */
void returns_forget(struct active *active);
/* RECIPIENT is about to become several targets: reports that, when it is wanted. In the turn of the EXPANSION, and before it. */
void returns_expanded(struct active *active, uint32_t recipient);

#endif
