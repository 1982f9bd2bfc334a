/*
 * Records of the queue's log and the headers of its segments, as bytes. Formats: doc/queue.md.
 */
#ifndef ANGARIUM_QUEUED_RECORD_H
#define ANGARIUM_QUEUED_RECORD_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/slice.h"

enum record_sizes { /* bytes */
	RECORD_HEADER_SIZE = 40,
	RECORD_ALIGN = 8,
	RECORD_PAYLOAD_MAX = 64 * 1024 * 1024,
	SEGMENT_HEADER_SIZE = 4096, /* where the first record begins */
	SEGMENT_HEADER_COPY = 2048, /* where the header stands a second time */
};

enum record_type {
	RECORD_MESSAGE = 1,
	RECORD_EXPANSION = 2,
	RECORD_RESULT = 3,
	RECORD_DEFERRAL = 4,
};

struct record_header {
	uint32_t length; /* of the payload, bytes */
	uint16_t type;   /* enum record_type, or one that is not known */
	uint64_t salt;
	uint64_t sequence;
	uint64_t id;
};

struct segment;

/* Where a record lies. */
struct place {
	struct segment *segment; /* NULL: nowhere */
	uint32_t offset;         /* bytes from the segment's beginning */
	uint32_t size;           /* bytes of the whole record with its filling */
};

struct message;
struct record;

/* The record is durable (ERROR 0) or counts as not written. */
typedef void record_settled(void *context, struct record *record, int error);

/*
 * A record in memory, as it stands or will stand on disk. Counted references; freed with the last.
 */
struct record {
	TAILQ_ENTRY(record) link; /* in the store's lists */
	struct place place;
	uint64_t turn;            /* the store's turn in which it was written */
	uint32_t references;
	bool again;               /* must become durable: written again after a failure, never given up */
	bool lazy;                /* nobody waits for its sync */
	record_settled *settled;  /* or NULL */
	void *context;
	struct message *message;  /* whose MESSAGE this is, or NULL */
	size_t size;              /* bytes of IMAGE */
	char image[] __attribute__((aligned(8)));
};

TAILQ_HEAD(record_list, record);

/* A record with room for a payload of LENGTH bytes (not set), with one reference. NULL when out of memory or too large. */
struct record *record_new(enum record_type type, uint64_t id, size_t length);
struct record *record_hold(struct record *record);
/* Sets *record to NULL. */
void record_release(struct record **record);

/* Bytes of a record with a payload of that length. */
size_t record_size(size_t length);
char *record_payload(struct record *record);
struct slice record_payload_slice(const struct record *record);
uint64_t record_id(const struct record *record);
uint16_t record_type(const struct record *record);
/* Puts in what is only known when it is written, and the checksum. */
void record_seal(struct record *record, uint64_t salt, uint64_t sequence);

/*
 * Reads the record at the beginning of BYTES. SALT NULL: any is right. 0, or -EBADMSG when there is no valid one.
 */
int record_parse(struct slice bytes, const uint64_t *salt, struct record_header *header_r, struct slice *payload_r);

struct segment_header {
	uint64_t number;
	uint64_t salt;
	uint64_t id;     /* above every id in older segments */
	int64_t created; /* seconds since 1970 */
};

/* OUT has SEGMENT_HEADER_SIZE bytes; all of them are set. */
void segment_header_encode(const struct segment_header *header, char *out);
/* 0; -EPROTONOSUPPORT: the segment is of another version; -EBADMSG: neither copy is right. */
int segment_header_parse(struct slice bytes, struct segment_header *header_r);

/* Little-endian numbers in memory. */
static inline uint32_t
little_get_u32(const void *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return le32toh(number);
}

static inline uint64_t
little_get_u64(const void *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return le64toh(number);
}

static inline void
little_put_u32(void *at, uint32_t number)
{
	number = htole32(number);
	memcpy(at, &number, sizeof(number));
}

static inline void
little_put_u64(void *at, uint64_t number)
{
	number = htole64(number);
	memcpy(at, &number, sizeof(number));
}

#endif
