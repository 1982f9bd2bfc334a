/*
 * File operations that survive a crash, or say that they did not. Nothing is fatal; errors are negative errno values.
 */
#include "common/io/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILL_PIECE = 1024 * 1024 }; /* bytes that durable_fill has on the way to the disk at once */

/* Drops SENT bytes from the vector and returns how many of its elements are finished. */
static int
vector_advance(struct iovec *vector, int count, size_t sent)
{
	int done = 0;

	while (done < count && sent >= vector[done].iov_len)
		sent -= vector[done++].iov_len;
	if (done < count) {
		vector[done].iov_base = (char *)vector[done].iov_base + sent;
		vector[done].iov_len -= sent;
	}
	return done;
}

int
durable_writev(int fd, struct iovec *vector, int count)
{
	while (count > 0) {
		ssize_t sent = writev(fd, vector, count);
		int done;

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		done = vector_advance(vector, count, (size_t)sent);
		vector += done;
		count -= done;
	}
	return 0;
}

int
durable_write(int fd, const void *data, size_t length)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = length };

	return length == 0 ? 0 : durable_writev(fd, &vector, 1);
}

int
durable_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	const char *next = data;

	while (length > 0) {
		ssize_t sent = pwrite(fd, next, length, offset);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		next += sent;
		offset += sent;
		length -= (size_t)sent;
	}
	return 0;
}

int
durable_pread(int fd, void *data, size_t length, off_t offset)
{
	char *next = data;

	while (length > 0) {
		ssize_t got = pread(fd, next, length, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA;
		next += got;
		offset += got;
		length -= (size_t)got;
	}
	return 0;
}

int
durable_sync(int fd)
{
	return fsync(fd) == 0 ? 0 : -errno;
}

int
durable_sync_data(int fd)
{
	return fdatasync(fd) == 0 ? 0 : -errno;
}

/* Syncs a directory's entries. */
static int
durable_sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = durable_sync(fd);
	close(fd);
	return error;
}

int
durable_sync_above(const char *path)
{
	char above[PATH_MAX];
	size_t length = strlcpy(above, path, sizeof(above));
	char *slash;

	if (length >= sizeof(above))
		return -ENAMETOOLONG;
	while (length > 1 && above[length - 1] == '/')
		above[--length] = '\0';
	slash = strrchr(above, '/');
	if (slash == NULL)
		return durable_sync_directory(".");
	slash[slash == above ? 1 : 0] = '\0';
	return durable_sync_directory(above);
}

int
durable_make_directory(const char *path, mode_t mode)
{
	bool made = mkdir(path, mode) == 0;
	int error;

	if (!made && errno != EEXIST)
		return -errno;
	error = durable_sync_above(path);
	/* Who may not read the directory above has not made this one, and file systems that are on no disk have nothing to sync. */
	return !made && (error == -EACCES || error == -EINVAL) ? 0 : error;
}

int
durable_reserve(int fd, off_t size)
{
	if (fallocate(fd, 0, 0, size) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return ftruncate(fd, size) == 0 ? 0 : -errno;
}

int
durable_fill(int fd, off_t size)
{
	static const char zeros[64 * 1024];
	int error = 0;

	for (off_t at = 0; error == 0 && at < size;) {
		off_t left = size - at;
		size_t length = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);

		error = durable_pwrite(fd, zeros, length, at);
		at += (off_t)length;
		if (error == 0 && (at % FILL_PIECE == 0 || at == size) &&
		    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) != 0)
			error = -errno;
	}
	return error;
}
