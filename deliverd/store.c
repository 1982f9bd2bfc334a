/*
 * Opening and closing the mail store.
 */
#include "deliverd/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int
store_open(struct store *store, const char *directory, const char *hostname, size_t mailbox_limit)
{
	struct stat status;

	*store = (struct store){ .process = getpid() };
	store->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->root < 0 || fstat(store->root, &status) != 0)
		return -errno;
	store->device = status.st_dev;
	maildir_host(hostname, store->host);
	store->chunk = malloc(STORE_CHUNK + 1);
	store->mailboxes = mailboxes_new(store->root, mailbox_limit);
	if (store->chunk != NULL && store->mailboxes != NULL)
		return 0;
	store_close(store);
	return -ENOMEM;
}

void
store_close(struct store *store)
{
	mailboxes_free(&store->mailboxes);
	free(store->chunk);
	store->chunk = NULL;
	if (store->root >= 0)
		close(store->root);
	store->root = -1;
}
