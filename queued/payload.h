/*
 * What stands inside the queue's records. Formats: doc/queue.md. Parsing trusts nothing but the slice's length.
 */
#ifndef ANGARIUM_QUEUED_PAYLOAD_H
#define ANGARIUM_QUEUED_PAYLOAD_H

#include "common/base/buffer.h"
#include "common/io/body_file.h"
#include "common/ipc/wire.h"
#include "queued/record.h"

enum payload_limits {
	PAYLOAD_INDEXES_MAX = 1 << 20, /* recipients and targets of one message */
	PAYLOAD_STATUS_MAX = 16,       /* bytes of an enhanced status code, with its NUL */
	PAYLOAD_TEXT_MAX = 512,        /* bytes of a diagnostic text, with its NUL */
	PAYLOAD_MESSAGE_FIXED = 40,    /* bytes before a MESSAGE's ends */
};

/* MESSAGE */
struct message_payload {
	int64_t arrival; /* seconds since 1970 */
	uint64_t body_size;
	uint32_t recipients;
	bool body_in_file;
	struct body_sums sums; /* of a body in a file; else zero: the record has its checksum */
	struct slice ends; /* as a RESULT's payload, or empty */
	struct slice envelope;
	struct slice body; /* empty when it is in a file */
};

/* A new record with a copy of everything. NULL: out of memory, or too large. */
struct record *payload_message(uint64_t id, const struct message_payload *message);
/* Slices point into PAYLOAD. 0 or -EINVAL. */
int payload_message_parse(struct slice payload, struct message_payload *message_r);

/* Indexes from FIRST on. */
struct payload_range {
	uint32_t first;
	uint32_t count;
};

/*
 * What a RESULT may say about a message as a whole, in place of a recipient's state. They stand on disk. Of HELD and RELEASED the last one counts.
 */
enum message_mark {
	MARK_HELD = 32,     /* the administrator wants no attempts */
	MARK_RELEASED = 33, /* it is not held any more */
	MARK_WARNED = 34,   /* the sender knows of the delay, or is not to be told */
	MARK_RETURNED = 35, /* the administrator returns it: what is left of its recipients fails */
	MARK_MAX = 63,
};

enum { MARK_LEAST = 32 };

/*
 * RESULT: the writer begins with payload_results_begin on an empty buffer, adds, and takes the buffer as payload. The count of
 * entries is kept up to date at its beginning.
 */
int payload_results_begin(struct buffer *out);
int payload_results_add(struct buffer *out, uint64_t id, uint8_t state, const struct payload_range *ranges, size_t count);
int payload_results_mark(struct buffer *out, uint64_t id, enum message_mark mark);

struct payload_results {
	struct wire_reader reader;
	uint32_t entries;  /* left */
	uint32_t ranges;   /* left in this entry */
	uint64_t id;
	uint8_t state;     /* enum recipient_state or message_mark */
};

void payload_results_parse(struct slice payload, struct payload_results *results_r);
/*
 * The next range of the next entry, or the next mark (its range is empty): id and state are in RESULTS. 1, 0 at the end, -EINVAL (what came
 * before stays true).
 */
int payload_results_next(struct payload_results *results, struct payload_range *range_r);

/* EXPANSION */
struct expansion_target {
	uint8_t kind; /* enum table_target */
	struct slice address;
};

struct expansion_payload {
	uint32_t recipient;
	uint32_t first;
	uint32_t count;
	struct wire_reader targets;
};

/* A new record, or NULL. */
struct record *payload_expansion(uint64_t id, uint32_t recipient, uint32_t first, const struct expansion_target *targets,
                                 uint32_t count);
/* Checks everything. 0 or -EINVAL. payload_expansion_next then succeeds COUNT times. */
int payload_expansion_parse(struct slice payload, struct expansion_payload *expansion_r);
struct expansion_target payload_expansion_next(struct expansion_payload *expansion);

/* For the payloads of other files. */
void payload_put_ranges(struct wire_writer *writer, const struct payload_range *ranges, size_t count);
/* False when it is out of bounds. */
bool payload_get_range(struct wire_reader *reader, struct payload_range *range_r);

/*
 * Gathers indexes, given in any order but mostly ascending, as ranges.
 */
struct ranges {
	struct payload_range *list; /* owned */
	size_t count;
	size_t size;
};

void ranges_init(struct ranges *ranges);
void ranges_free(struct ranges *ranges);
/* 0 or -ENOMEM. */
int ranges_add(struct ranges *ranges, uint32_t index);

#endif
