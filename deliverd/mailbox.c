/*
 * Open mailboxes, by path and folder in a hash table, by last use in a list. A mailbox that is held is
 * never closed.
 */
#include "deliverd/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/mail/maildir.h"
#include "deliverd/leftover.h"

enum {
	/*
	 * Seconds for which a new directory counts as not yet durable when it is opened: whoever made it
	 * (another worker, say) syncs it well within that time, or is dead.
	 */
	YOUNG = 60,
	BUCKETS = 1024, /* a power of two */
};

struct entry {
	struct mailbox mailbox; /* first */
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) by_use;
	unsigned holders;
	bool cached; /* in the table and the list; else freed by its last holder */
	ino_t inode; /* of new/ */
	int64_t looked; /* clock_monotonic_ms */
	uint64_t key; /* hash of PATH and DIRECTORY */
	const char *path;
	const char *directory;
	char strings[]; /* both of them */
};

LIST_HEAD(entry_bucket, entry);
TAILQ_HEAD(entry_list, entry);

struct mailboxes {
	int root;
	size_t limit;
	size_t count; /* cached */
	struct entry_bucket buckets[BUCKETS];
	struct entry_list by_use; /* the last used comes last */
	struct leftovers *leftovers;
};

/* FNV-1a. */
static uint64_t
key_of(const char *path, const char *directory)
{
	uint64_t key = 14695981039346656037U;

	for (const char *c = path; *c != '\0'; c++)
		key = (key ^ (unsigned char)*c) * 1099511628211U;
	key *= 1099511628211U; /* as if by a NUL between the two */
	for (const char *c = directory; *c != '\0'; c++)
		key = (key ^ (unsigned char)*c) * 1099511628211U;
	return key ^ key >> 32;
}

static struct entry *
entry_new(const char *path, const char *directory, uint64_t key)
{
	size_t path_size = strlen(path) + 1;
	size_t directory_size = strlen(directory) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + path_size + directory_size);

	if (entry == NULL)
		return NULL;
	entry->key = key;
	entry->path = memcpy(entry->strings, path, path_size);
	entry->directory = memcpy(entry->strings + path_size, directory, directory_size);
	entry->mailbox.top = entry->mailbox.tmp = entry->mailbox.new = -1;
	return entry;
}

static void
entry_close(struct entry *entry)
{
	const int descriptors[] = { entry->mailbox.top, entry->mailbox.tmp, entry->mailbox.new };

	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	entry->mailbox.top = entry->mailbox.tmp = entry->mailbox.new = -1;
}

static void
entry_free(struct entry *entry)
{
	entry_close(entry);
	free(entry);
}

/* "DIRECTORY/NAME" below the mailbox, or "NAME" for the inbox. */
static int
open_inside(const struct entry *entry, const char *name, int flags)
{
	char path[MAILDIR_FOLDER_SIZE + 8];

	if (entry->directory[0] == '\0')
		return maildir_open_directory(entry->mailbox.top, name, flags);
	snprintf(path, sizeof(path), "%s/%s", entry->directory, name);
	return maildir_open_directory(entry->mailbox.top, path, flags);
}

static int
entry_open(struct mailboxes *mailboxes, struct entry *entry)
{
	struct mailbox *mailbox = &entry->mailbox;
	int error;

	mailbox->top = error = maildir_open_directory(mailboxes->root, entry->path, O_PATH);
	if (error >= 0)
		mailbox->tmp = error = open_inside(entry, "tmp", O_PATH);
	if (error >= 0)
		mailbox->new = error = open_inside(entry, "new", O_RDONLY);
	if (error >= 0)
		return 0;
	entry_close(entry);
	return error;
}

/* What is to be known of the open directories. */
static int
entry_inspect(struct entry *entry)
{
	struct statx status;
	struct stat plain;

	if (fstat(entry->mailbox.new, &plain) != 0)
		return -errno;
	entry->mailbox.device = plain.st_dev;
	entry->inode = plain.st_ino;
	/* A file system that keeps no time of birth may have got the directory just now. */
	if (statx(entry->mailbox.new, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0 ||
	    (status.stx_mask & STATX_BTIME) == 0 || clock_wall() - status.stx_btime.tv_sec < YOUNG)
		entry->mailbox.made = true;
	return 0;
}

static void
entry_look(struct mailboxes *mailboxes, struct entry *entry, int64_t now)
{
	struct stat status;

	entry->looked = now;
	/* One that cannot be looked at now may be there. */
	entry->mailbox.has_maildirsize =
		fstatat(entry->mailbox.top, "maildirsize", &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
	leftovers_remove(mailboxes->leftovers, entry->key, entry->mailbox.tmp, clock_wall());
}

/* Opens, or makes and opens. */
static int
entry_make(struct mailboxes *mailboxes, struct entry *entry)
{
	bool made;
	int error = entry_open(mailboxes, entry);

	if (error == -ENOENT) {
		error = maildir_make(mailboxes->root, entry->path, entry->directory, &made);
		if (error == 0)
			error = entry_open(mailboxes, entry);
		entry->mailbox.made = true;
	}
	return error == 0 ? entry_inspect(entry) : error;
}

/* Whether the path still leads to the directory that is open. */
static bool
entry_is_there(struct mailboxes *mailboxes, struct entry *entry)
{
	char path[MAILDIR_PATH_SIZE + MAILDIR_FOLDER_SIZE + 8];
	const char *between = entry->directory[0] == '\0' ? "" : "/";
	struct stat status;

	snprintf(path, sizeof(path), "%s%s%s/new", entry->path, between, entry->directory);
	return fstatat(mailboxes->root, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == entry->inode &&
	       status.st_dev == entry->mailbox.device;
}

static void
uncache(struct mailboxes *mailboxes, struct entry *entry)
{
	if (!entry->cached)
		return;
	LIST_REMOVE(entry, bucket);
	TAILQ_REMOVE(&mailboxes->by_use, entry, by_use);
	entry->cached = false;
	mailboxes->count--;
	if (entry->holders == 0)
		entry_free(entry);
}

static void
make_room(struct mailboxes *mailboxes)
{
	struct entry *entry = TAILQ_FIRST(&mailboxes->by_use);

	while (entry != NULL && mailboxes->count >= mailboxes->limit) {
		struct entry *following = TAILQ_NEXT(entry, by_use);

		if (entry->holders == 0)
			uncache(mailboxes, entry);
		entry = following;
	}
}

static struct entry *
find(struct mailboxes *mailboxes, const char *path, const char *directory, uint64_t key)
{
	struct entry *entry;

	LIST_FOREACH(entry, &mailboxes->buckets[key % BUCKETS], bucket)
		if (entry->key == key && strcmp(entry->path, path) == 0 && strcmp(entry->directory, directory) == 0)
			return entry;
	return NULL;
}

/*
 * Looks at a cached mailbox again when that is due. False: its path leads elsewhere by now, and it is not
 * cached any more.
 */
static bool
recheck(struct mailboxes *mailboxes, struct entry *entry, int64_t now)
{
	if (now - entry->looked < MAILBOX_RECHECK_MS)
		return true;
	if (!entry_is_there(mailboxes, entry)) {
		uncache(mailboxes, entry);
		return false;
	}
	entry_look(mailboxes, entry, now);
	return true;
}

/* Opens the mailbox ENTRY, or frees it; caches it. */
static int
add(struct mailboxes *mailboxes, struct entry *entry, int64_t now)
{
	int error;

	if (entry == NULL)
		return -ENOMEM;
	make_room(mailboxes);
	error = entry_make(mailboxes, entry);
	if (error != 0) {
		entry_free(entry);
		return error;
	}
	entry_look(mailboxes, entry, now);
	LIST_INSERT_HEAD(&mailboxes->buckets[entry->key % BUCKETS], entry, bucket);
	TAILQ_INSERT_TAIL(&mailboxes->by_use, entry, by_use);
	entry->cached = true;
	mailboxes->count++;
	return 0;
}

int
mailbox_hold(struct mailboxes *mailboxes, const char *path, const char *directory, int64_t now,
             struct mailbox **mailbox_r)
{
	uint64_t key = key_of(path, directory);
	struct entry *entry = find(mailboxes, path, directory, key);

	if (entry == NULL || !recheck(mailboxes, entry, now)) {
		int error;

		entry = entry_new(path, directory, key);
		error = add(mailboxes, entry, now);
		if (error != 0)
			return error;
	} else {
		TAILQ_REMOVE(&mailboxes->by_use, entry, by_use);
		TAILQ_INSERT_TAIL(&mailboxes->by_use, entry, by_use);
	}
	entry->holders++;
	*mailbox_r = &entry->mailbox;
	return 0;
}

void
mailbox_release(struct mailbox **mailbox)
{
	struct entry *entry = (struct entry *)(void *)*mailbox;

	*mailbox = NULL;
	if (entry != NULL && --entry->holders == 0 && !entry->cached)
		entry_free(entry);
}

void
mailbox_forget(struct mailboxes *mailboxes, struct mailbox *mailbox)
{
	uncache(mailboxes, (struct entry *)(void *)mailbox);
}

struct mailboxes *
mailboxes_new(int root, size_t limit)
{
	struct mailboxes *mailboxes = calloc(1, sizeof(*mailboxes));

	if (mailboxes == NULL)
		return NULL;
	mailboxes->root = root;
	mailboxes->limit = limit;
	TAILQ_INIT(&mailboxes->by_use);
	mailboxes->leftovers = leftovers_new();
	if (mailboxes->leftovers == NULL)
		mailboxes_free(&mailboxes);
	return mailboxes;
}

void
mailboxes_free(struct mailboxes **mailboxes_p)
{
	struct mailboxes *mailboxes = *mailboxes_p;
	struct entry *entry;

	*mailboxes_p = NULL;
	if (mailboxes == NULL)
		return;
	while ((entry = TAILQ_FIRST(&mailboxes->by_use)) != NULL)
		uncache(mailboxes, entry);
	leftovers_free(&mailboxes->leftovers);
	free(mailboxes);
}
