/*
 * The owner's side of the hash processes: a bounded queue of passwords to check, and one of them at a time in
 * each process.
 */
#ifndef ANGARIUM_TABLED_HASH_POOL_H
#define ANGARIUM_TABLED_HASH_POOL_H

#include <stdbool.h>

#include "common/base/slice.h"
#include "common/mail/scram.h"

struct hash_pool;
struct process;

/* COUNT hash processes. NULL when out of memory. */
struct hash_pool *hash_pool_new(struct process *process, unsigned count);
/* Questions that are not answered yet get -ECONNRESET. Sets *pool to NULL. */
void hash_pool_free(struct hash_pool **pool);

/* The password that is checked, and what it is checked against. All is copied. */
struct hash_question {
	struct slice hash;
	struct slice password;
	struct slice salt; /* for its SCRAM keys */
	uint32_t iterations;
};

/*
 * Asks whether a password belongs to a hash, and for its SCRAM keys. 0: ANSWERED will be called exactly once, later,
 * with 1 (right), 0 (wrong) or a negative errno value (not known; KEYS is then NULL). -EAGAIN when the queue is full or no hash
 * process is there, -EMSGSIZE, -ENOMEM: it is not called.
 */
int hash_pool_check(struct hash_pool *pool, const struct hash_question *question,
                    void (*answered)(void *context, int result, const struct scram_keys *keys), void *context);

#endif
