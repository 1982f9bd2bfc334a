/*
 * The owner's side of the hash processes: a bounded queue of passwords to check, and one of them at a time in
 * each process.
 */
#ifndef ANGARIUM_TABLED_HASH_POOL_H
#define ANGARIUM_TABLED_HASH_POOL_H

#include <stdbool.h>

#include "common/base/slice.h"

struct hash_pool;
struct process;

/* COUNT hash processes. NULL when out of memory. */
struct hash_pool *hash_pool_new(struct process *process, unsigned count);
/* Questions that are not answered yet get -ECONNRESET. Sets *pool to NULL. */
void hash_pool_free(struct hash_pool **pool);

/*
 * Asks whether PASSWORD belongs to HASH (both are copied). 0: ANSWERED will be called exactly once, later,
 * with 1 (right), 0 (wrong) or a negative errno value (not known). -EAGAIN when the queue is full or no hash
 * process is there, -EMSGSIZE, -ENOMEM: it is not called.
 */
int hash_pool_check(struct hash_pool *pool, struct slice hash, struct slice password,
                    void (*answered)(void *context, int result), void *context);

#endif
