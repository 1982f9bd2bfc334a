/*
 * What the store asks of the syncer. An interface, so that tests decide when a sync ends, and how.
 */
#ifndef ANGARIUM_QUEUED_DISK_H
#define ANGARIUM_QUEUED_DISK_H

#include <stdbool.h>
#include <stddef.h>

enum disk_what {
	DISK_SEGMENT,           /* data of a segment file */
	DISK_SEGMENT_DIRECTORY, /* entries of segment/ */
	DISK_BODY,              /* data of a body file */
	DISK_BODY_DIRECTORY,    /* entries of body/ */
	DISK_SPARE,             /* a file to fill with zeros */
};

/* ERROR: 0; -ECONNRESET: the syncer died and it is not known what it did; else the data counts as not written. */
typedef void disk_done(void *context, int error);

struct disk {
	/*
	 * Makes durable what was written to FD (borrowed for the call) until now. 0: DONE will be called exactly once, never before
	 * this returns. Negative (-ENOMEM): DONE is not called.
	 */
	int (*sync)(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context);
	/*
	 * Writes zeros over the whole of FD's file, at its size, and to the disk, without holding up syncs. As sync; but nothing of it is durable. NULL:
	 * this disk cannot.
	 */
	int (*fill)(struct disk *disk, int fd, disk_done *done, void *context);
};

static inline int
disk_sync(struct disk *disk, int fd, enum disk_what what, disk_done *done, void *context)
{
	return disk->sync(disk, fd, what, done, context);
}

static inline bool
disk_can_fill(const struct disk *disk)
{
	return disk->fill != NULL;
}

static inline int
disk_fill(struct disk *disk, int fd, disk_done *done, void *context)
{
	return disk->fill(disk, fd, done, context);
}

#endif
