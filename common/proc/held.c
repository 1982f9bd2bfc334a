/*
 * What a role's parent opened for it: listening sockets and files, each by its name.
 */
#include "common/proc/held.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int
held_add_listener(struct held *held, const char *name, uid_t peer, int fd)
{
	struct held_listener *listener;

	if (held->listener_count == HELD_LISTENERS_MAX)
		return -E2BIG;
	listener = &held->listeners[held->listener_count++];
	strlcpy(listener->name, name, sizeof(listener->name));
	listener->peer = peer;
	listener->fd = fd;
	listener->going = false;
	return 0;
}

void
held_drop_listeners(struct held *held, const char *name)
{
	for (size_t i = 0; i < held->listener_count; i++)
		if (strcmp(held->listeners[i].name, name) == 0)
			held->listeners[i].going = true;
}

void
held_close_dropped(struct held *held)
{
	size_t kept = 0;

	for (size_t i = 0; i < held->listener_count; i++)
		if (held->listeners[i].going)
			close(held->listeners[i].fd);
		else
			held->listeners[kept++] = held->listeners[i];
	held->listener_count = kept;
}

const struct held_listener *
held_listener(const struct held *held, const char *name, size_t index)
{
	for (size_t i = 0; i < held->listener_count; i++)
		if (!held->listeners[i].going && strcmp(held->listeners[i].name, name) == 0 && index-- == 0)
			return &held->listeners[i];
	return NULL;
}

int
held_put_file(struct held *held, const char *name, int fd)
{
	size_t i;

	for (i = 0; i < held->file_count && strcmp(held->files[i].name, name) != 0; i++)
		continue;
	if (i == SERVICE_NAMES_MAX)
		return -E2BIG;
	if (i < held->file_count)
		close(held->files[i].fd);
	else
		held->file_count++;
	strlcpy(held->files[i].name, name, sizeof(held->files[i].name));
	held->files[i].fd = fd;
	return 0;
}

int
held_file(const struct held *held, const char *name)
{
	for (size_t i = 0; i < held->file_count; i++)
		if (strcmp(held->files[i].name, name) == 0)
			return held->files[i].fd;
	return -1;
}
