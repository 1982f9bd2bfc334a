/*
 * What a role's parent opened for it: listening sockets and files, each by its name.
 */
#ifndef ANGARIUM_PROC_HELD_H
#define ANGARIUM_PROC_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/proc/control.h"
#include "common/proc/service.h"

enum { HELD_LISTENERS_MAX = 64 };

struct held_listener {
	char name[CONTROL_NAME_MAX];
	uid_t peer; /* that may connect to a UNIX socket, besides root and ourselves; or PROCESS_ANYBODY */
	int fd;
	bool going; /* to be closed after the next reload */
};

struct held_file {
	char name[CONTROL_NAME_MAX];
	int fd;
};

/* Begins with zeros. The descriptors are its own. */
struct held {
	struct held_listener listeners[HELD_LISTENERS_MAX];
	size_t listener_count;
	struct held_file files[SERVICE_NAMES_MAX];
	size_t file_count;
};

/* 0; or -E2BIG, and FD stays the caller's. */
int held_add_listener(struct held *held, const char *name, uid_t peer, int fd);
/* The listeners NAME are not found any more. */
void held_drop_listeners(struct held *held, const char *name);
/* Closes those that were dropped: the role has let go of them. */
void held_close_dropped(struct held *held);
/* The INDEXth listener NAME, or NULL past the last. */
const struct held_listener *held_listener(const struct held *held, const char *name, size_t index);

/* Takes the place of an older file NAME, which is closed. 0; or -E2BIG, and FD stays the caller's. */
int held_put_file(struct held *held, const char *name, int fd);
/* The descriptor of the file NAME, or -1. */
int held_file(const struct held *held, const char *name);

#endif
