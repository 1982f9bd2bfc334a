/*
 * What stands inside a DEFERRAL: when the message is tried next, and what was said at its last attempts. Format: doc/queue.md.
 */
#ifndef ANGARIUM_QUEUED_PAYLOAD_DEFERRAL_H
#define ANGARIUM_QUEUED_PAYLOAD_DEFERRAL_H

#include "queued/payload.h"

enum deferral_limits {
	DEFERRAL_ATTEMPTS_MAX = 10,          /* that are told of, with the latest */
	DEFERRAL_HISTORY_MAX = 16 * 1024,    /* bytes that attempts before the latest take */
};

/* What some recipients were deferred for at one attempt. */
struct deferral_reason {
	int64_t when;         /* of the attempt, seconds since 1970 */
	struct slice status;  /* enhanced status code */
	struct slice remote;  /* the host that said so, or empty */
	struct slice text;    /* its words, or ours */
	uint32_t range_count;
	struct wire_reader ranges; /* for deferral_range */
};

/*
 * Writing, into an empty buffer: begin with the latest attempt, at WHEN; add its reasons; then what is still worth telling of the attempts in an
 * earlier DEFERRAL's payload (one that is malformed counts as far as it goes). Each 0, -ENOBUFS or -ENOMEM.
 */
int deferral_begin(struct buffer *out, uint32_t attempts, int64_t next, int64_t when);
int deferral_add(struct buffer *out, const char *status, struct slice remote, struct slice text, const struct payload_range *ranges,
                 size_t count);
int deferral_add_history(struct buffer *out, struct slice earlier);

struct deferral {
	uint32_t attempts;    /* made so far */
	int64_t next;         /* when the next one is due, seconds since 1970 */
	struct wire_reader reader;
	uint32_t told;        /* attempts that are not begun */
	uint32_t reasons;     /* of the present attempt that are not read */
	int64_t when;         /* of the present attempt */
};

/* Slices point into PAYLOAD. 0 or -EINVAL. */
int deferral_parse(struct slice payload, struct deferral *deferral_r);
/* The next reason, from the latest attempt to older ones. 1, 0 at the end, -EINVAL. */
int deferral_next(struct deferral *deferral, struct deferral_reason *reason_r);
/* The next of a reason's RANGE_COUNT ranges. False at the end. */
bool deferral_range(struct deferral_reason *reason, struct payload_range *range_r);

#endif
