/*
 * The file of the next segment, filled with zeros before it is needed. To write over blocks that were written before changes nothing but
 * them, so a sync is one write to the disk; blocks that are only reserved (fallocate) have to be marked as written by the first
 * sync after it, which takes more than twice as long. See doc/queue.md, "Writing".
 */
#ifndef ANGARIUM_QUEUED_SPARE_H
#define ANGARIUM_QUEUED_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "queued/disk.h"

#define SPARE_NAME "spare" /* in the directory of segments; no segment is called so */

enum {
	SPARE_SPACE = 8, /* times the size of a segment must be free before one is set aside */
};

enum spare_state {
	SPARE_NONE,
	SPARE_FILLING,
	SPARE_READY,
};

struct spare {
	enum spare_state state;
	struct disk *disk; /* borrowed */
	int directory;     /* borrowed */
	int fd;            /* -1: none */
	uint32_t size;     /* bytes */
};

/* Removes the file that an earlier process may have left. 0 or a negative errno value. */
int spare_init(struct spare *spare, int directory, struct disk *disk);
/* Has one of SIZE bytes made, unless there is one, it is under way, space is short, or DISK cannot fill. The lack of one is no error. */
void spare_prepare(struct spare *spare, uint32_t size);
/* True when one of at least SIZE bytes is filled. */
bool spare_is_ready(const struct spare *spare, uint32_t size);
/* The ready one's descriptor, which is the caller's then; its file, of *size_r bytes, is still called SPARE_NAME. */
int spare_take(struct spare *spare, uint32_t *size_r);
/* Closes it. The file stays, for spare_init to remove. */
void spare_close(struct spare *spare);

#endif
