/*
 * One file of the queue's log. Written from front to back, never changed behind its end. See doc/queue.md.
 */
#ifndef ANGARIUM_QUEUED_SEGMENT_H
#define ANGARIUM_QUEUED_SEGMENT_H

#include <sys/uio.h>

#include "queued/message.h"

enum {
	SEGMENT_NAME_SIZE = 17,                 /* bytes of a file name with its NUL */
	SEGMENT_SIZE_MIN = 64 * 1024,           /* bytes */
	SEGMENT_SIZE_MAX = 1024 * 1024 * 1024,  /* bytes; offsets are 32 bits */
};

struct segment {
	TAILQ_ENTRY(segment) link;    /* oldest first */
	uint64_t number;
	uint64_t salt;
	int fd;
	uint32_t size;                /* bytes of the file */
	uint32_t used;                /* where the next record goes */
	uint64_t live_bytes;          /* of MESSAGE records of live messages */
	struct message_list messages; /* live ones whose MESSAGE is here */
	uint64_t ended;               /* the store's turn in which the last of its messages was over */
	bool named;                   /* its directory entry is durable */
	bool makeshift;               /* was begun before a filled file was there, which is to take its place */
	bool dirty;                   /* something was written since the last sync was asked for */
};

TAILQ_HEAD(segment_list, segment);

void segment_name(uint64_t number, char *out);
/* 0 or -EINVAL. */
int segment_parse_name(const char *name, uint64_t *number_r);
/* Creates and preallocates the file, writes its header. 0 or a negative errno value, and the file is then not there. */
int segment_create(int directory, uint64_t number, uint32_t size, uint64_t first_id, struct segment **segment_r);
/*
 * As segment_create, of a file that is there already, is called NAME and has SIZE bytes, all of them zero: FD is taken over.
 */
int segment_adopt(int directory, const char *name, int fd, uint64_t number, uint32_t size, uint64_t first_id, struct segment **segment_r);
/* Opens an old one; salt and use are for recovery to set. 0, -EINVAL (it can be no segment), or another negative errno value. */
int segment_open(int directory, uint64_t number, struct segment **segment_r);
/* Closes the file. Sets *segment to NULL. It must hold no live message. */
void segment_free(struct segment **segment);
/* Writes at OFFSET. Changes VECTOR. 0 or a negative errno value. */
int segment_write(const struct segment *segment, struct iovec *vector, int count, uint32_t offset);
/* Gives back what is preallocated behind the last record. */
void segment_seal(struct segment *segment);
/* A record of the segment, read and checked. 0, -EBADMSG (damaged), -ENOMEM, or another negative errno value. */
int segment_read(const struct place *place, struct record **record_r);

/* Enters a message whose MESSAGE is at PLACE, and takes it out of where it was. */
void segment_add_message(const struct place *place, struct message *message);
void segment_remove_message(struct message *message);

#endif
