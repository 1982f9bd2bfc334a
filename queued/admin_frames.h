/*
 * The fields of the frames between queuetool and queued (common/ipc/proto_queue.h). Slices of what was read point into the
 * payload. Reading returns false when it is malformed.
 */
#ifndef ANGARIUM_QUEUED_ADMIN_FRAMES_H
#define ANGARIUM_QUEUED_ADMIN_FRAMES_H

#include "common/ipc/proto_queue.h"
#include "common/ipc/wire.h"

struct queue_call {
	enum queue_verb verb;
	uint32_t flags; /* enum queue_flag */
	struct slice sender;
	struct slice recipient;
	struct slice domain;
	uint64_t older; /* seconds */
	uint64_t newer;
	uint32_t id_count;
	const unsigned char *ids; /* of which queue_call_id reads */
};

void queue_call_put(struct wire_writer *writer, const struct queue_call *call, const uint64_t *ids);
bool queue_call_get(struct wire_reader *reader, struct queue_call *call_r);
uint64_t queue_call_id(const struct queue_call *call, uint32_t index);

struct queue_reply {
	enum queue_status status;
	uint64_t count;
	char message[QUEUE_MESSAGE_SIZE];
};

void queue_reply_put(struct wire_writer *writer, const struct queue_reply *reply);
bool queue_reply_get(struct wire_reader *reader, struct queue_reply *reply_r);

struct queue_entry {
	uint64_t id;
	int64_t arrival;
	uint64_t size;
	enum queue_state state;
	uint32_t recipients;
	uint32_t left;
	uint32_t attempts;
	int64_t next;
	struct slice sender;
	struct slice status;
	struct slice text;
	struct slice remote;
	uint32_t count;             /* of ADDRESSES */
	struct wire_reader addresses; /* read: wire_get_slice COUNT times */
	const struct slice *list;   /* to put */
};

void queue_entry_put(struct wire_writer *writer, const struct queue_entry *entry);
bool queue_entry_get(struct wire_reader *reader, struct queue_entry *entry_r);

struct queue_envelope {
	uint8_t flags;
	struct slice envid;
	struct slice client;
	struct slice session;
};

void queue_envelope_put(struct wire_writer *writer, const struct queue_envelope *envelope);
bool queue_envelope_get(struct wire_reader *reader, struct queue_envelope *envelope_r);

struct queue_recipient {
	uint32_t index;
	uint32_t from;
	enum queue_recipient_state state;
	uint8_t notify;
	struct slice address;
	struct slice orcpt;
};

void queue_recipient_put(struct wire_writer *writer, const struct queue_recipient *recipient);
bool queue_recipient_get(struct wire_reader *reader, struct queue_recipient *recipient_r);

struct queue_attempt {
	int64_t when;
	uint32_t recipients;
	struct slice remote;
	struct slice status;
	struct slice text;
};

void queue_attempt_put(struct wire_writer *writer, const struct queue_attempt *attempt);
bool queue_attempt_get(struct wire_reader *reader, struct queue_attempt *attempt_r);

struct queue_totals {
	uint64_t messages, active, waiting, held;
	uint64_t segments, segment_bytes, live_bytes, free_bytes;
	uint64_t accepted, delivered, deferred, failed;
	int64_t start;
};

void queue_totals_put(struct wire_writer *writer, const struct queue_totals *totals);
bool queue_totals_get(struct wire_reader *reader, struct queue_totals *totals_r);

struct queue_destination {
	struct slice name;
	uint64_t waiting;
	uint32_t under_way;
	uint32_t window;
	int64_t down_until;
	struct slice text;
	uint64_t delivered, deferred, failed;
};

void queue_destination_put(struct wire_writer *writer, const struct queue_destination *destination);
bool queue_destination_get(struct wire_reader *reader, struct queue_destination *destination_r);

struct queue_happening {
	int64_t when; /* milliseconds since 1970 */
	enum queue_event event;
	struct slice address;
	struct slice status;
	struct slice text;
};

void queue_happening_put(struct wire_writer *writer, const struct queue_happening *happening);
bool queue_happening_get(struct wire_reader *reader, struct queue_happening *happening_r);

#endif
