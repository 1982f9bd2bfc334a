/*
 * Asking where an address leads: the answers of tabled (common/ipc/proto_table.h, EXPAND).
 */
#ifndef ANGARIUM_QUEUED_EXPAND_H
#define ANGARIUM_QUEUED_EXPAND_H

#include "common/ipc/proto_table.h"
#include "common/ipc/wire.h"
#include "common/mail/route.h"

struct expand_target {
	uint8_t kind;         /* enum table_target */
	struct slice address; /* the final one */
	struct slice path;    /* of a mailbox, relative to the mail root */
	struct slice folder;  /* of a mailbox; empty: the inbox */
	uint64_t quota;       /* of a mailbox, bytes; 0: none */
	struct route route;   /* of a remote one */
	bool backup;          /* of a remote one: we are a backup MX of its domain */
};

struct expand_answer {
	int status;           /* 0, or a negative errno value: there is no answer, and the rest is not set */
	uint8_t class;        /* enum table_class */
	uint32_t count;
	struct expand_target *targets;
};

/* Slices point into the frame. 0 (free targets with expand_answer_free), -EPROTO (malformed), -ENOMEM. */
int expand_parse(struct wire_reader *reader, struct expand_answer *answer_r);
void expand_answer_free(struct expand_answer *answer);

/* ANSWER lives until this returns. */
typedef void expand_answered(void *context, const struct expand_answer *answer);

/* An interface, so that tests can answer. */
struct expander {
	/* 0: ANSWERED will be called once, not before this returns. Negative (-ENOTCONN, -ENOBUFS): not now; it is not called. */
	int (*ask)(struct expander *expander, struct slice address, expand_answered *answered, void *context);
};

struct process;

/* tabled, over a link. UP is called when it is there (again). NULL when out of memory. */
struct expander *expand_link_new(struct process *process, void (*up)(void *context), void *context);

#endif
