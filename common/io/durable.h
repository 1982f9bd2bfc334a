/*
 * File operations that survive a crash, or say that they did not.
 */
#ifndef ANGARIUM_IO_DURABLE_H
#define ANGARIUM_IO_DURABLE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Writes all bytes, going on after short writes and EINTR. 0 or a negative errno value; what was written before an error is unknown. */
int durable_write(int fd, const void *data, size_t length);
int durable_writev(int fd, struct iovec *vector, int count); /* changes VECTOR */
int durable_pwrite(int fd, const void *data, size_t length, off_t offset);
/* Reads exactly LENGTH bytes. 0, -ENODATA at an earlier end of file, or a negative errno value. */
int durable_pread(int fd, void *data, size_t length, off_t offset);
/* fsync or fdatasync. After an error the data counts as lost: do not sync again and believe it. 0 or a negative errno value. */
int durable_sync(int fd);
int durable_sync_data(int fd);
/* Syncs the directory that PATH is in: the name of what PATH leads to. */
int durable_sync_above(const char *path);
/*
 * Makes one directory, and its name durable: who keeps something durable in it knows nothing of what leads there. One that exists stays
 * as it is, and its name is synced all the same: who made it may have been killed before that. 0 or a negative errno value.
 */
int durable_make_directory(const char *path, mode_t mode);
/* Reserves space with zeros, so that later writes need no metadata. -ENOSPC is returned; unsupported file systems count as success. */
int durable_reserve(int fd, off_t size);
/*
 * Writes zeros over the first SIZE bytes, so that later writes need no metadata on file systems that mark reserved blocks as unwritten. A piece at a
 * time, each of which is on its way to the disk alone, so that syncs of other files have not all of it before them. Nothing is durable.
 * 0 or a negative errno value.
 */
int durable_fill(int fd, off_t size);

#endif
