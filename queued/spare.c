/*
 * The file of the next segment: made here, filled by the syncer, taken by the store when the current segment is full.
 */
#include "queued/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"

int
spare_init(struct spare *spare, int directory, struct disk *disk)
{
	*spare = (struct spare){ .disk = disk, .directory = directory, .fd = -1 };
	return unlinkat(directory, SPARE_NAME, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

void
spare_close(struct spare *spare)
{
	if (spare->fd >= 0)
		close(spare->fd);
	spare->fd = -1;
	spare->state = SPARE_NONE;
}

static void
spare_drop(struct spare *spare, int error)
{
	if (error != -ENOSPC && error != -EDQUOT)
		log_event(LOG_WARNING, "queue.no_spare", LOG_ERROR(error));
	spare_close(spare);
	unlinkat(spare->directory, SPARE_NAME, 0);
}

static void
spare_filled(void *context, int error)
{
	struct spare *spare = context;

	if (error != 0)
		spare_drop(spare, error);
	else
		spare->state = SPARE_READY;
}

static bool
has_space(int directory, uint32_t size)
{
	struct statvfs status;

	return fstatvfs(directory, &status) == 0 && status.f_frsize != 0 &&
	       status.f_bavail / SPARE_SPACE >= size / status.f_frsize;
}

static int
spare_make(struct spare *spare, uint32_t size)
{
	int error;

	spare->fd = openat(spare->directory, SPARE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spare->fd < 0)
		return -errno;
	error = durable_reserve(spare->fd, size);
	if (error == 0)
		error = disk_fill(spare->disk, spare->fd, spare_filled, spare);
	return error;
}

void
spare_prepare(struct spare *spare, uint32_t size)
{
	int error;

	if (spare->state != SPARE_NONE || !disk_can_fill(spare->disk) || !has_space(spare->directory, size))
		return;
	error = spare_make(spare, size);
	if (error != 0) {
		spare_drop(spare, error);
		return;
	}
	spare->size = size;
	spare->state = SPARE_FILLING;
}

bool
spare_is_ready(const struct spare *spare, uint32_t size)
{
	return spare->state == SPARE_READY && spare->size >= size;
}

int
spare_take(struct spare *spare, uint32_t *size_r)
{
	int fd = spare->fd;

	*size_r = spare->size;
	spare->fd = -1;
	spare->state = SPARE_NONE;
	return fd;
}
