/*
 * What became of one target: the result, the enhanced status code (RFC 3463) and a text for people.
 */
#ifndef ANGARIUM_DELIVERD_OUTCOME_H
#define ANGARIUM_DELIVERD_OUTCOME_H

#include <stddef.h>

#include "common/ipc/proto_deliver.h"

struct outcome {
	enum deliver_result result;
	const char *status; /* static: "2.1.5" */
	const char *text;   /* static */
	int error;          /* negative errno value that the text is completed with, or 0 */
};

extern const struct outcome outcome_delivered;     /* 2.1.5 */
extern const struct outcome outcome_loop;          /* 5.4.6: the message was in this mailbox before */
extern const struct outcome outcome_bad_path;      /* 5.3.5: the table holds a path that cannot be one */
extern const struct outcome outcome_bad_address;   /* 5.3.5: likewise an address */
extern const struct outcome outcome_full_defer;    /* 4.2.2: over quota */
extern const struct outcome outcome_full_reject;   /* 5.2.2: likewise */
extern const struct outcome outcome_queue_failed;  /* 4.3.0: the queue's copy cannot be read */
extern const struct outcome outcome_queue_damaged; /* 4.3.0: it is not what it was */

/* The temporary failure that a failed file operation means; ERROR is a negative errno value. */
struct outcome outcome_from_error(int error);
/* The text with its error, cut to SIZE bytes. */
void outcome_text(const struct outcome *outcome, char *out, size_t size);

#endif
