/*
 * The table: ordered keys with values in a few spaces, changed in durable transactions. This is all that the
 * rest of tabled and dbtool know of the storage; another backend is another file beside table_bdb.c
 * (doc/table.md).
 *
 * A table is used by one thread at a time and by one process at a time, and has at most one transaction open.
 */
#ifndef ANGARIUM_TABLED_TABLE_H
#define ANGARIUM_TABLED_TABLE_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"

enum table_space {
	TABLE_SPACE_META = 0, /* about the table itself */
	TABLE_SPACE_DOMAIN = 1,
	TABLE_SPACE_USER = 2,
	TABLE_SPACE_ALIAS = 3,
	TABLE_SPACE_ROUTE = 4,
};

enum {
	TABLE_SPACE_COUNT = 5,
	TABLE_ERROR_SIZE = 512,        /* bytes of a message, with its NUL */
	TABLE_VALUE_MAX = 2 * 1024 * 1024, /* bytes of a value */
};

struct table;

/*
 * Opens the table in DIRECTORY (which must exist), makes it when it is new, and recovers it from whatever a
 * crash left. CACHE is in bytes. 0; -EBUSY when another process has it open; or another negative errno value.
 * ERROR (TABLE_ERROR_SIZE bytes) then says what failed.
 */
int table_open(const char *directory, uint64_t cache, struct table **table_r, char *error);
/* Aborts an open transaction. Sets *table to NULL. */
void table_close(struct table **table);

/* 0; -ENOSPC when the disk is nearly full; or another negative errno value. */
int table_begin(struct table *table);
/* After a 0 all changes are durable; after an error none was made. */
int table_commit(struct table *table);
void table_abort(struct table *table);

/*
 * In a transaction or outside of one. Replaces what is in VALUE by the value of KEY. 0, -ENOENT, or another
 * negative errno value.
 */
int table_get(struct table *table, enum table_space space, struct slice key, struct buffer *value);

/* Only in a transaction. Put replaces; delete gives -ENOENT when there is no such key. */
int table_put(struct table *table, enum table_space space, struct slice key, struct slice value);
int table_delete(struct table *table, enum table_space space, struct slice key);

/*
 * Calls EACH for every key that begins with PREFIX, in the order of their bytes, until it returns other than
 * 0, which is then returned. KEY and VALUE live until EACH returns; EACH must not change the table.
 */
int table_scan(struct table *table, enum table_space space, struct slice prefix,
               int (*each)(void *context, struct slice key, struct slice value), void *context);

/*
 * Bounds the time of the next recovery and frees log space. Costs disk writes; call it after changes and
 * before closing.
 */
int table_checkpoint(struct table *table);

/* True after damage or a disk error that only closing and opening (recovery) can mend. */
bool table_is_broken(const struct table *table);
/* What the storage said about the last failure. */
const char *table_message(const struct table *table);

#endif
