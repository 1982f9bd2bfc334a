/*
 * The index: a hash table that grows by one bucket with each entry (linear hashing: W. Litwin, 1980), so that
 * no single insertion ever has to move everything.
 */
#include "tabled/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	INDEX_FIRST_BUCKETS = 1024, /* a power of two */
};

struct index {
	struct index_entry **buckets;
	size_t allocated; /* buckets that there is memory for */
	size_t base;      /* a power of two: bucket count at the beginning of this round of splits */
	size_t split;     /* buckets of this round that are already split; there are base + split buckets */
	size_t count;     /* entries */
};

/* FNV-1a. The keys are the administrator's: nobody can fill one bucket on purpose. */
static uint32_t
index_hash(enum table_space space, struct slice key)
{
	uint32_t hash = 2166136261U ^ (uint32_t)space;

	for (size_t i = 0; i < key.length; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619U;
	return hash ^ (hash >> 15);
}

struct index_entry *
index_entry_new(enum table_space space, struct slice key, struct slice value, bool deleted)
{
	struct index_entry *entry;
	size_t value_length = deleted ? 0 : value.length;

	if (key.length > UINT16_MAX || value_length > TABLE_VALUE_MAX)
		return NULL;
	entry = malloc(sizeof(*entry) + key.length + value_length);
	if (entry == NULL)
		return NULL;
	*entry = (struct index_entry){
		.hash = index_hash(space, key),
		.value_length = (uint32_t)value_length,
		.key_length = (uint16_t)key.length,
		.space = (uint8_t)space,
		.deleted = deleted,
	};
	if (key.length > 0)
		memcpy(entry->data, key.data, key.length);
	if (value_length > 0)
		memcpy(entry->data + key.length, value.data, value_length);
	return entry;
}

void
index_changes_free(struct index_changes *changes)
{
	struct index_entry *entry;

	while ((entry = STAILQ_FIRST(changes)) != NULL) {
		STAILQ_REMOVE_HEAD(changes, queued);
		free(entry);
	}
}

struct index *
index_new(void)
{
	struct index *index = calloc(1, sizeof(*index));

	if (index == NULL)
		return NULL;
	index->base = index->allocated = INDEX_FIRST_BUCKETS;
	index->buckets = calloc(index->allocated, sizeof(*index->buckets));
	if (index->buckets == NULL) {
		free(index);
		return NULL;
	}
	return index;
}

void
index_free(struct index **index_pointer)
{
	struct index *index = *index_pointer;

	if (index == NULL)
		return;
	*index_pointer = NULL;
	for (size_t i = 0; i < index->base + index->split; i++) {
		struct index_entry *next;

		for (struct index_entry *entry = index->buckets[i]; entry != NULL; entry = next) {
			next = entry->next;
			free(entry);
		}
	}
	free(index->buckets);
	free(index);
}

static size_t
index_bucket(const struct index *index, uint32_t hash)
{
	size_t bucket = hash & (index->base - 1);

	return bucket < index->split ? hash & (index->base * 2 - 1) : bucket;
}

/* Without memory for another bucket the chains get longer; nothing is lost. */
static bool
index_reserve(struct index *index)
{
	struct index_entry **buckets;

	if (index->base + index->split < index->allocated)
		return true;
	buckets = reallocarray(index->buckets, index->allocated, 2 * sizeof(*buckets));
	if (buckets == NULL)
		return false;
	index->buckets = buckets;
	index->allocated *= 2;
	return true;
}

static void
index_grow(struct index *index)
{
	struct index_entry **from, **low, **high;
	struct index_entry *entry;

	if (index->count < index->base + index->split || !index_reserve(index))
		return;
	from = &index->buckets[index->split];
	entry = *from;
	low = from;
	high = &index->buckets[index->base + index->split];
	for (; entry != NULL; entry = entry->next) {
		struct index_entry ***end = (entry->hash & index->base) != 0 ? &high : &low;

		**end = entry;
		*end = &entry->next;
	}
	*low = *high = NULL;
	if (++index->split == index->base) {
		index->base *= 2;
		index->split = 0;
	}
}

/* The link that points to the entry, or to NULL at the end of its bucket. */
static struct index_entry **
index_link(const struct index *index, uint32_t hash, enum table_space space, struct slice key)
{
	struct index_entry **link = &index->buckets[index_bucket(index, hash)];

	for (; *link != NULL; link = &(*link)->next) {
		const struct index_entry *entry = *link;

		if (entry->hash == hash && entry->space == space && entry->key_length == key.length &&
		    memcmp(entry->data, key.data, key.length) == 0)
			break;
	}
	return link;
}

void
index_apply(struct index *index, struct index_entry *entry)
{
	struct index_entry **link =
		index_link(index, entry->hash, entry->space, slice_of(entry->data, entry->key_length));
	struct index_entry *old = *link;

	if (old != NULL) {
		*link = old->next;
		free(old);
		index->count--;
	}
	if (entry->deleted) {
		free(entry);
		return;
	}
	entry->next = *link;
	*link = entry;
	index->count++;
	index_grow(index);
}

bool
index_find(const struct index *index, enum table_space space, struct slice key, struct slice *value_r)
{
	const struct index_entry *entry = *index_link(index, index_hash(space, key), space, key);

	if (entry == NULL)
		return false;
	*value_r = slice_of(entry->data + entry->key_length, entry->value_length);
	return true;
}

size_t
index_count(const struct index *index)
{
	return index->count;
}

struct index_loader {
	struct index *index;
	enum table_space space;
};

static int
index_load_one(void *context, struct slice key, struct slice value)
{
	struct index_loader *loader = context;
	struct index_entry *entry = index_entry_new(loader->space, key, value, false);

	if (entry == NULL)
		return -ENOMEM;
	index_apply(loader->index, entry);
	return 0;
}

int
index_load(struct index *index, struct table *table)
{
	struct index_loader loader = { .index = index };
	int error = 0;

	for (int space = TABLE_SPACE_DOMAIN; error == 0 && space < TABLE_SPACE_COUNT; space++) {
		loader.space = (enum table_space)space;
		error = table_scan(table, loader.space, SLICE(""), index_load_one, &loader);
	}
	return error;
}
