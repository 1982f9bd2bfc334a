/*
 * Mailboxes that are open: their directories' descriptors, so that a delivery walks no path. Bounded; the
 * one that was used longest ago is closed first.
 */
#ifndef ANGARIUM_DELIVERD_MAILBOX_H
#define ANGARIUM_DELIVERD_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MAILBOX_RECHECK_MS = 1000, /* after which a cached mailbox is looked for by its path: it may have moved */
};

/* A folder of a mailbox, the inbox too. Read only outside of mailbox.c. */
struct mailbox {
	int top;        /* directory of the whole mailbox, where maildirsize is (O_PATH) */
	int tmp;        /* O_PATH */
	int new;        /* O_RDONLY, to be synced */
	dev_t device;   /* file system */
	bool has_maildirsize; /* as of the last look */
	bool made;      /* just now, or by somebody else a moment ago: its directories may not be durable */
	bool to_sync;   /* new/ has changed since it was last synced; kept by batch.c */
};

struct mailboxes;

/* ROOT is borrowed. At most LIMIT are kept open, besides those that are held. NULL when out of memory. */
struct mailboxes *mailboxes_new(int root, size_t limit);
/* None may be held. Sets *mailboxes to NULL. */
void mailboxes_free(struct mailboxes **mailboxes);

/*
 * Opens the folder DIRECTORY (from maildir_folder_directory) of the mailbox PATH (passed
 * maildir_path_check) and makes what is missing of it. NOW in clock_monotonic_ms. The mailbox is held until
 * mailbox_release. 0, or a negative errno value.
 */
int mailbox_hold(struct mailboxes *mailboxes, const char *path, const char *directory, int64_t now,
                 struct mailbox **mailbox_r);
/* Sets *mailbox to NULL. */
void mailbox_release(struct mailbox **mailbox);
/* Its directories were found to be gone: the next mailbox_hold opens it anew. */
void mailbox_forget(struct mailboxes *mailboxes, struct mailbox *mailbox);

#endif
