/*
 * Sending bytes over a UNIX socket with a descriptor at their beginning (SCM_RIGHTS).
 */
#ifndef ANGARIUM_IPC_PASSING_H
#define ANGARIUM_IPC_PASSING_H

#include <sys/types.h>

#include "common/base/slice.h"

/* As send() without waiting. PASSED goes with the first byte and stays the caller's; -1: none. */
ssize_t passing_send(int fd, struct slice bytes, int passed);

#endif
