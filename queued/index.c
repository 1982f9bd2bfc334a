/*
 * All messages by queue id. Ids come in ranges of neighbours, so they are spread by a multiplication (Fibonacci hashing).
 */
#include "queued/index.h"

#include <errno.h>
#include <stdlib.h>

#include "queued/message.h"

enum { SMALLEST = 1024 };

int
index_init(struct index *index)
{
	*index = (struct index){ .size = SMALLEST };
	index->buckets = calloc(SMALLEST, sizeof(struct message *));
	return index->buckets == NULL ? -ENOMEM : 0;
}

void
index_free(struct index *index)
{
	free(index->buckets);
	*index = (struct index){ 0 };
}

static struct message **
index_bucket(const struct index *index, uint64_t id)
{
	return &index->buckets[(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (index->size - 1)];
}

struct message *
index_find(const struct index *index, uint64_t id)
{
	struct message *message;

	message = *index_bucket(index, id);
	while (message != NULL && message->id != id)
		message = message->hash_next;
	return message;
}

static void
index_link(struct index *index, struct message *message)
{
	struct message **bucket = index_bucket(index, message->id);

	message->hash_next = *bucket;
	*bucket = message;
}

static void
index_grow(struct index *index)
{
	struct index old = *index;
	size_t size = old.size * 2;

	index->buckets = calloc(size, sizeof(struct message *));
	if (index->buckets == NULL) {
		*index = old; /* a full table is slower, not wrong */
		return;
	}
	index->size = size;
	for (size_t i = 0; i < old.size; i++) {
		while (old.buckets[i] != NULL) {
			struct message *message = old.buckets[i];

			old.buckets[i] = message->hash_next;
			index_link(index, message);
		}
	}
	free(old.buckets);
}

void
index_insert(struct index *index, struct message *message)
{
	if (index->count >= index->size)
		index_grow(index);
	index_link(index, message);
	index->count++;
}

void
index_remove(struct index *index, struct message *message)
{
	struct message **at = index_bucket(index, message->id);

	while (*at != message)
		at = &(*at)->hash_next;
	*at = message->hash_next;
	message->hash_next = NULL;
	index->count--;
}

void
index_each(struct index *index, void (*visit)(void *context, struct message *message), void *context)
{
	for (size_t i = 0; i < index->size; i++) {
		struct message *next;

		for (struct message *message = index->buckets[i]; message != NULL; message = next) {
			next = message->hash_next;
			visit(context, message);
		}
	}
}

static uint64_t
reverse_bits(uint64_t number)
{
	uint64_t reversed = 0;

	for (int i = 0; i < 64; i++, number >>= 1)
		reversed = reversed << 1 | (number & 1);
	return reversed;
}

/*
 * The bucket's number is counted up from its highest bit: when the table doubles, bucket B becomes B and B + SIZE, which come one after the other
 * in this order, so that what was visited stays behind the cursor.
 */
bool
index_walk(const struct index *index, uint64_t *cursor, void (*visit)(void *context, struct message *message), void *context)
{
	uint64_t mask = index->size - 1;

	for (struct message *message = index->buckets[*cursor & mask]; message != NULL; message = message->hash_next)
		visit(context, message);
	*cursor = reverse_bits(reverse_bits(*cursor | ~mask) + 1);
	return *cursor != 0;
}
