/*
 * A queued message in memory: small, because a million of them may wait. Envelope and body are on disk.
 */
#ifndef ANGARIUM_QUEUED_MESSAGE_H
#define ANGARIUM_QUEUED_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/heap.h"
#include "queued/payload.h"
#include "queued/record.h"

struct active;
struct destination;

/* Of a recipient, by its index. Numbers from 16 on are final and stand on disk. */
enum recipient_state {
	RECIPIENT_ABSENT = 0,   /* nothing is known of such an index */
	RECIPIENT_WAITING = 1,  /* for the next round */
	RECIPIENT_BUSY = 2,     /* in this round */
	RECIPIENT_SETTLING = 3, /* failed, or expanded; its record is not yet durable */

	RECIPIENT_DELIVERED = 16,
	RECIPIENT_RELAYED = 17,
	RECIPIENT_BOUNCED = 18, /* failed for good */
	RECIPIENT_EXPIRED = 19,
	RECIPIENT_REMOVED = 20, /* by us or the administrator */
	RECIPIENT_EXPANDED = 21, /* became the targets of its EXPANSION */
	RECIPIENT_STATE_MAX = 31,
};

enum { RECIPIENT_FINAL = 16 };

/* One EXPANSION: recipient RECIPIENT became COUNT targets with indexes from FIRST on. */
struct expansion {
	SLIST_ENTRY(expansion) link;
	uint32_t recipient;
	uint32_t first;
	uint32_t count;
	struct record *record; /* held: TARGETS point into it */
	struct expansion_target targets[];
};

struct message {
	uint64_t id;
	struct message *hash_next;
	TAILQ_ENTRY(message) in_segment; /* among those whose MESSAGE lies in the same segment */
	struct place place;              /* of its MESSAGE; no segment: not (yet) known or durable */
	struct place deferral;           /* of its last DEFERRAL */
	struct heap_node timer;          /* in the timetable: when it is due, seconds since 1970 */
	TAILQ_ENTRY(message) waiting_link; /* among those that wait for the same destination */
	struct destination *waits_for;   /* or NULL */
	int64_t arrival;                 /* seconds since 1970 */
	uint64_t body_size;              /* bytes */
	SLIST_HEAD(, expansion) expansions;
	struct active *active;           /* while a round is under way */
	union {
		uint8_t few[8];
		uint8_t *many;
	} states;                        /* enum recipient_state, by index */
	uint32_t index_count;            /* size of STATES in use */
	uint32_t index_size;             /* size of STATES allocated */
	uint32_t recipients;             /* of the envelope: indexes 0 to RECIPIENTS - 1; 0: MESSAGE not yet seen (in recovery) */
	uint32_t live;                   /* indexes that are neither absent nor final */
	uint32_t attempts;
	uint32_t settling;               /* records about it that are not yet durable, its first MESSAGE and RESULTs aside */
	bool body_in_file;
	bool held;                       /* by the administrator: no attempts (MARK_HELD) */
	bool warned;                     /* the sender is not to be told of the delay any more (MARK_WARNED) */
	bool returned;                   /* by the administrator: what is left fails, when that is possible (MARK_RETURNED) */
	bool waits_wholly;               /* for that destination, with all of its live recipients */
	bool damaged;                    /* its body, which is set aside: what is left fails, so that its sender knows */
	bool unreadable;                 /* its record could not be read back; found when it was to be copied */
	bool copying;                    /* is being copied forward */
	bool ended;                      /* is over, and waits only for the copy */
};

TAILQ_HEAD(message_list, message);
TAILQ_HEAD(message_queue, message);

/* A message with no recipients yet. NULL when out of memory. */
struct message *message_new(uint64_t id);
/* Sets *message to NULL. It must be in no list. */
void message_free(struct message **message);

enum recipient_state message_state(const struct message *message, uint32_t index);
/* Makes room for indexes below COUNT; new ones are absent. 0, -ENOMEM, or -EINVAL over PAYLOAD_INDEXES_MAX. */
int message_grow(struct message *message, uint32_t count);
/* INDEX must be within the room. A final state never changes. Keeps LIVE right. */
void message_set_state(struct message *message, uint32_t index, enum recipient_state state);
/* Makes absent indexes of the range waiting. 0, -ENOMEM, -EINVAL. */
int message_open(struct message *message, const struct payload_range *range);
/* Sets a state for a range, growing when needed. 0, -ENOMEM, -EINVAL. */
int message_set_range(struct message *message, const struct payload_range *range, enum recipient_state state);

/* What is left of its recipients fails in its next round. */
static inline bool
message_is_lost(const struct message *message)
{
	return message->returned || message->damaged;
}

/* Sets in memory what MARK says. False when it is not known. */
bool message_mark(struct message *message, enum message_mark mark);

/*
 * Takes an EXPANSION's RECORD (holds it) without changing any state. 0, -EINVAL (malformed), -EEXIST (that recipient has one already), -ENOMEM.
 */
int message_add_expansion(struct message *message, struct record *record, struct expansion **expansion_r);
/* The expansion that INDEX is a target of, or NULL. */
struct expansion *message_expansion_of(const struct message *message, uint32_t index);
/* The envelope's recipient that INDEX comes from. */
uint32_t message_root(const struct message *message, uint32_t index);

#endif
