/*
 * A message in a round of delivery: from the time it is due until each recipient is delivered, failed or deferred again.
 */
#ifndef ANGARIUM_QUEUED_ACTIVE_H
#define ANGARIUM_QUEUED_ACTIVE_H

#include "common/mail/envelope.h"
#include "queued/consignment.h"
#include "queued/message.h"

struct schedule;

enum outcome_kind {
	OUTCOME_FAILED,   /* for good */
	OUTCOME_DEFERRED,
	OUTCOME_BRIEF,    /* deferred through no fault of the recipient's: for a short time, and it counts as no attempt */
	OUTCOME_UNTRIED,  /* the same, and it is not even known where the address leads: a reason to warn, and never to give the recipient up */
	/* Over, as soon as the report that the sender asked for is durable: */
	OUTCOME_DELIVERED,
	OUTCOME_RELAYED,
	OUTCOME_EXPANDED,
};

/* What is said about one recipient. It lives as long as the call that takes it. */
struct verdict {
	struct slice status; /* enhanced status code (RFC 3463) */
	struct slice text;   /* for people, not trusted */
	struct slice remote; /* the host that said so, "mx.example.org [192.0.2.1]:25"; empty: we say so ourselves */
	bool dsn;            /* that host has taken DSN's parameters upon itself (RFC 3461) */
};

#define VERDICT(code, words) (&(struct verdict){ .status = SLICE(code), .text = SLICE(words) })
/* Why something waits: RFC 3463 3.5, congestion; 3.4, the system takes nothing. */
#define VERDICT_CONGESTED VERDICT("4.4.5", "many messages to this destination are waiting")
#define VERDICT_ABSENT VERDICT("4.3.2", "the service that would take the message on is not running")
#define VERDICT_DAMAGED VERDICT("5.3.0", "the message was damaged on the disk of this host; please send it again")

/* What became of one recipient, unless it was delivered and nobody wants to know. */
struct outcome {
	STAILQ_ENTRY(outcome) link;
	enum outcome_kind kind;
	uint32_t index;
	char status[PAYLOAD_STATUS_MAX]; /* enhanced status code (RFC 3463) */
	struct slice address;
	struct slice text;
	struct slice remote;
	char bytes[];                    /* what the slices point to */
};

STAILQ_HEAD(outcome_list, outcome);

struct active {
	TAILQ_ENTRY(active) round_link;  /* among all */
	TAILQ_ENTRY(active) asking_link; /* among those that have addresses to ask about */
	TAILQ_ENTRY(active) doubt_link;  /* among those whose bodies are to be looked at */
	struct schedule *schedule;
	struct message *message;
	struct record *record;           /* envelope and body; NULL when they must be read back */
	struct message_payload payload;  /* what stands in RECORD, as long as that is there */
	struct envelope envelope;        /* points into RECORD; no recipients when that is NULL */
	struct consignment_tree consignments;
	struct consignment *latest;      /* of them, looked for or made last; or NULL */
	struct consignment_list held;    /* those of them that wait until fewer jobs are under way */
	struct destination *caller;      /* that called the message, as long as it has not come; held; or NULL */
	struct destination *waits_for;   /* that the message will wait for after this round; held; or NULL */
	uint32_t waits;                  /* recipients that wait for that one */
	uint32_t waiting;                /* targets in consignments, not in jobs */
	uint32_t jobs;                   /* under way */
	bool complete;                   /* nothing more comes into consignments for now */
	uint32_t next_index;             /* to be asked about */
	uint32_t asked;                  /* questions under way */
	uint32_t expanding;              /* EXPANSIONs that are not durable yet */
	uint32_t returning;              /* reports that are not durable yet */
	LIST_HEAD(, batch) batches;      /* what they are about (returns.h) */
	bool asking;                     /* in the list of those that have something to ask */
	bool doubted;                    /* in the list of those whose bodies are to be looked at */
	bool late;                       /* its sender was told in this round that it waits for its turn */
	bool closing;                    /* a round in which everything fails: the message is returned by the administrator, or damaged */
	struct outcome_list outcomes;
	uint32_t failed;                 /* of OUTCOMES */
	uint32_t deferred;               /* of OUTCOMES */
	uint32_t expiring;               /* of those, the ones that end when the message expires */
	uint32_t succeeded;              /* of OUTCOMES */
	bool success_wanted;             /* of some recipient a report of success is wanted (RFC 3461 4.1) */
};

/* RECORD is held; NULL: read it back when needed. NULL when out of memory. */
struct active *active_new(struct schedule *schedule, struct message *message, struct record *record);
/* It must have nothing under way. Sets *active to NULL. */
void active_free(struct active **active);

/* Makes sure that record and envelope are there. 0 or a negative errno value (-EBADMSG: damaged, for ever). */
int active_load(struct active *active);
/* Lets go of record and envelope: they can be read back. */
void active_unload(struct active *active);
/* A job was handed out: when nothing more is to be sent now, the record is not needed. */
void active_sent(struct active *active);
/* The address of recipient or target INDEX. ACTIVE is loaded. */
struct slice active_address(const struct active *active, uint32_t index);

/*
 * NOTIFY for recipient or target INDEX (enum envelope_notify), for reports and for the next hop. A member of an alias with several does not inherit
 * SUCCESS (RFC 3461 5.2.7.3 (c)). ACTIVE is loaded.
 */
uint8_t active_notify(const struct active *active, uint32_t index);
/* ORCPT for recipient or target INDEX: that of the envelope's recipient, never one of ours. Or empty. ACTIVE is loaded. */
struct slice active_original_recipient(const struct active *active, uint32_t index);
/* True when the sender wants to know of its success. */
bool active_wants_success(struct active *active, uint32_t index);

/* Outcomes. */
void active_deliver(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict);
void active_relay(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict);
void active_fail(struct active *active, uint32_t index, struct slice address, const struct verdict *verdict);
void active_defer(struct active *active, enum outcome_kind kind, uint32_t index, struct slice address, const struct verdict *verdict);
/* Forgets what was said. */
void active_drop_outcomes(struct active *active);
/* One that is in no list; free it. NULL when out of memory. */
struct outcome *outcome_new(enum outcome_kind kind, uint32_t index, struct slice address, const char *status,
                            const struct verdict *verdict);
/* The first of ACTIVE's outcomes, which is not ACTIVE's any more; NULL when there is none. */
struct outcome *active_take_outcome(struct active *active);
/* They become ACTIVE's again, in front of the others. LIST is empty then. */
void active_put_outcomes(struct active *active, struct outcome_list *list);
static inline bool
outcome_is_success(enum outcome_kind kind)
{
	return kind == OUTCOME_DELIVERED || kind == OUTCOME_RELAYED || kind == OUTCOME_EXPANDED;
}

/* True when an outcome of that kind ends with the message's lifetime. */
static inline bool
outcome_may_expire(enum outcome_kind kind)
{
	return kind == OUTCOME_DEFERRED || kind == OUTCOME_BRIEF;
}

/* True when the recipient is not over. */
static inline bool
outcome_is_deferral(enum outcome_kind kind)
{
	return outcome_may_expire(kind) || kind == OUTCOME_UNTRIED;
}

/* COUNT recipients are to wait for DESTINATION; after the round the message stands in its list. Of several destinations the first one counts. */
void active_wait_for(struct active *active, struct destination *destination, uint32_t count);

/* Something ended: goes on with what is next, at last with the end of the round. ACTIVE may be freed. */
void active_check(struct active *active);

#endif
