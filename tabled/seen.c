/*
 * A set of short strings, as a hash table with open addressing. Each string is kept as kind, length (two
 * bytes) and its bytes.
 */
#include "tabled/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEEN_FIRST_SIZE = 64,               /* slots; a power of two */
	SEEN_TEXT_LIMIT = 32 * 1024 * 1024, /* bytes of strings */
	SEEN_HEAD = 3,                      /* bytes before each string */
};

void
seen_init(struct seen *seen)
{
	*seen = (struct seen){ 0 };
	buffer_init(&seen->text, SEEN_TEXT_LIMIT);
}

void
seen_free(struct seen *seen)
{
	buffer_free(&seen->text);
	free(seen->slots);
	seen_init(seen);
}

static struct slice
seen_entry(const struct seen *seen, uint32_t slot)
{
	struct slice text = slice_from(buffer_slice(&seen->text), slot - 1);
	size_t length = (size_t)(unsigned char)text.data[1] << 8 | (unsigned char)text.data[2];

	return slice_first(text, SEEN_HEAD + length);
}

/* FNV-1a over an entry; what is met here is the administrator's, and bounded by alias_targets. */
static uint32_t
seen_hash(struct slice entry)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < entry.length; i++)
		hash = (hash ^ (unsigned char)entry.data[i]) * 16777619U;
	return hash ^ (hash >> 15);
}

/* The slot that holds ENTRY, or the free one where it belongs. */
static uint32_t *
seen_slot(const struct seen *seen, struct slice entry)
{
	uint32_t at = seen_hash(entry) & (seen->size - 1);

	while (seen->slots[at] != 0 && !slice_equal(seen_entry(seen, seen->slots[at]), entry))
		at = (at + 1) & (seen->size - 1);
	return &seen->slots[at];
}

static int
seen_grow(struct seen *seen)
{
	struct seen larger = *seen;

	if (seen->count + 1 <= seen->size / 2)
		return 0;
	larger.size = seen->size == 0 ? SEEN_FIRST_SIZE : seen->size * 2;
	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < seen->size; i++)
		if (seen->slots[i] != 0)
			*seen_slot(&larger, seen_entry(seen, seen->slots[i])) = seen->slots[i];
	free(seen->slots);
	*seen = larger;
	return 0;
}

int
seen_add(struct seen *seen, char kind, struct slice s)
{
	size_t begin = buffer_length(&seen->text);
	unsigned char head[SEEN_HEAD] = { (unsigned char)kind, (unsigned char)(s.length >> 8),
		                          (unsigned char)s.length };
	uint32_t *slot;
	int error;

	if (s.length > UINT16_MAX)
		return -ENOBUFS;
	error = seen_grow(seen);
	if (error == 0)
		error = buffer_append(&seen->text, head, sizeof(head));
	if (error == 0)
		error = buffer_append_slice(&seen->text, s);
	if (error != 0) {
		buffer_truncate(&seen->text, begin);
		return error;
	}
	slot = seen_slot(seen, slice_from(buffer_slice(&seen->text), begin));
	if (*slot != 0) {
		buffer_truncate(&seen->text, begin);
		return 0;
	}
	*slot = (uint32_t)begin + 1;
	seen->count++;
	return 1;
}
