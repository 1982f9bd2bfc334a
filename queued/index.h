/*
 * All messages by queue id: a chained hash table that grows.
 */
#ifndef ANGARIUM_QUEUED_INDEX_H
#define ANGARIUM_QUEUED_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message;

struct index {
	struct message **buckets; /* owned; the messages are not */
	size_t size;              /* a power of two, or 0 */
	size_t count;
};

/* 0 or -ENOMEM. */
int index_init(struct index *index);
/* Frees the table; the messages stay. */
void index_free(struct index *index);
/* The message of that id, or NULL. */
struct message *index_find(const struct index *index, uint64_t id);
/* No message of that id may be in it. When memory is short it becomes slower. */
void index_insert(struct index *index, struct message *message);
/* MESSAGE must be in it. */
void index_remove(struct index *index, struct message *message);
/* Calls VISIT for each; VISIT may remove the message that it is given. */
void index_each(struct index *index, void (*visit)(void *context, struct message *message), void *context);
/*
 * Goes through the table in small steps, between which it may change: visits the messages of one place of it and moves *CURSOR (0 at first).
 * False at the end. Each message that is there all the time is visited once; the table may grow meanwhile. VISIT changes nothing in the table.
 */
bool index_walk(const struct index *index, uint64_t *cursor, void (*visit)(void *context, struct message *message), void *context);

#endif
