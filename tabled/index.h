/*
 * The index: all of the table in memory, for lookups. The owner's loop reads nothing else, so that no lookup
 * waits for a disk, for a lock, or for somebody else's transaction.
 *
 * The writer makes index entries while it changes the table, and the loop puts them here after the commit
 * (writer.h).
 */
#ifndef ANGARIUM_TABLED_INDEX_H
#define ANGARIUM_TABLED_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/slice.h"
#include "tabled/table.h"

/* One key and its value in one allocation. */
struct index_entry {
	union {
		struct index_entry *next;          /* in the index: of the same bucket */
		STAILQ_ENTRY(index_entry) queued; /* in a list of changes */
	};
	uint32_t hash;
	uint32_t value_length;
	uint16_t key_length;
	uint8_t space; /* enum table_space */
	bool deleted;  /* in a list of changes: the key is to go */
	char data[];   /* key, then value */
};

STAILQ_HEAD(index_changes, index_entry);

/* VALUE is ignored for a deletion. NULL when out of memory or too long. */
struct index_entry *index_entry_new(enum table_space space, struct slice key, struct slice value,
                                    bool deleted);
void index_changes_free(struct index_changes *changes);

struct index;

/* NULL when out of memory. */
struct index *index_new(void);
void index_free(struct index **index);
/* Reads all of TABLE. 0 or a negative errno value. */
int index_load(struct index *index, struct table *table);
/* Takes ENTRY and does what it says. */
void index_apply(struct index *index, struct index_entry *entry);
/* The value of KEY, or false. *value_r lives until the next index_apply. */
bool index_find(const struct index *index, enum table_space space, struct slice key, struct slice *value_r);
size_t index_count(const struct index *index);

#endif
