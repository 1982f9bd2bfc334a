/*
 * The mail store, as the one thread that writes to it sees it.
 */
#ifndef ANGARIUM_DELIVERD_STORE_H
#define ANGARIUM_DELIVERD_STORE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/mail/maildir.h"
#include "deliverd/mailbox.h"

enum {
	STORE_CHUNK = 256 * 1024, /* bytes of a large body that are in memory at once */
};

struct store {
	int root; /* the mail root; kept open, so that syncfs on it tells of every write error since */
	dev_t device;
	struct mailboxes *mailboxes;
	char host[MAILDIR_HOST_SIZE];
	pid_t process;
	uint64_t deliveries; /* so far: makes names unique */
	char *chunk;         /* STORE_CHUNK + 1 bytes */
	atomic_uint steps;   /* of file operations, so far: the loop sees by them that the thread gets on */
};

/* Opens the mail root DIRECTORY and keeps at most MAILBOX_LIMIT mailboxes open. 0 or a negative errno value. */
int store_open(struct store *store, const char *directory, const char *hostname, size_t mailbox_limit);
void store_close(struct store *store);

/* Something that may take long is done. */
static inline void
store_step(struct store *store)
{
	atomic_fetch_add_explicit(&store->steps, 1, memory_order_relaxed);
}

#endif
