/*
 * Which segments there are, and what is in them, from a disk that may not be able to read everything.
 */
#include "queued/segment_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/durable.h"

enum {
	READ_BLOCK = 4096, /* bytes; what is given up at once when a disk cannot read */
	READ_AGAIN = 10,   /* times in one start: a disk that was away for a moment has lost nothing */
	READ_PAUSE_MS = 100,
};

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a;
	uint64_t second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

static int
add_number(uint64_t **list, size_t *count, uint64_t number)
{
	uint64_t *grown = reallocarray(*list, *count + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[(*count)++] = number;
	*list = grown;
	return 0;
}

int
segment_numbers(int segment_directory, uint64_t **list_r, size_t *count_r)
{
	int fd = openat(segment_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t number;
	int error = 0;

	*list_r = NULL;
	*count_r = 0;
	if (directory == NULL) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	for (errno = 0; error == 0 && (entry = readdir(directory)) != NULL; errno = 0) {
		if (entry->d_name[0] == '.')
			continue;
		if (segment_parse_name(entry->d_name, &number) == 0)
			error = add_number(list_r, count_r, number);
		else
			log_event(LOG_WARNING, "queue.foreign_file", LOG_STRING("directory", "segment"),
			          LOG_STRING("file", entry->d_name));
	}
	if (error == 0)
		error = -errno;
	closedir(directory);
	if (*count_r > 0)
		qsort(*list_r, *count_r, sizeof(**list_r), compare_numbers);
	return error;
}

static int
read_whole(const struct segment *segment, unsigned *again, char *bytes)
{
	int error;

	for (;;) {
		error = durable_pread(segment->fd, bytes, segment->size, 0);
		if (error == 0 || *again == READ_AGAIN)
			return error;
		(*again)++;
		nanosleep(&(struct timespec){ .tv_nsec = READ_PAUSE_MS * 1000000L }, NULL);
	}
}

/* Blocks that cannot be read are zeros. How many could, or a negative errno value when none. */
static int
read_blocks(const struct segment *segment, char *bytes)
{
	char name[SEGMENT_NAME_SIZE];
	int count = 0;
	int worst = 0;

	segment_name(segment->number, name);
	for (size_t at = 0; at < segment->size; at += READ_BLOCK) {
		size_t length = segment->size - at < READ_BLOCK ? segment->size - at : READ_BLOCK;
		int error = durable_pread(segment->fd, bytes + at, length, (off_t)at);

		if (error == 0) {
			count++;
			continue;
		}
		if (worst == 0)
			log_event(LOG_ERR, "queue.unreadable", LOG_STRING("segment", name), LOG_UINT("offset", at), LOG_ERROR(error));
		worst = error;
		memset(bytes + at, 0, length);
	}
	if (worst != 0)
		log_event(LOG_ERR, "queue.unreadable", LOG_STRING("segment", name), LOG_INT("blocks_read", count), LOG_ERROR(worst));
	return count > 0 ? count : worst;
}

/*
 * Reads all that can be read. 0 and *whole_r; or a negative errno value when nothing can: then it is not the segment that is
 * damaged, but the disk that is away, and to go on without would be to lose what is on it.
 */
static int
read_all(const struct segment *segment, unsigned *again, char *bytes, bool *whole_r)
{
	int read;

	*whole_r = read_whole(segment, again, bytes) == 0;
	if (*whole_r)
		return 0;
	read = read_blocks(segment, bytes);
	*whole_r = (uint32_t)read == (segment->size + READ_BLOCK - 1) / READ_BLOCK;
	return read < 0 ? read : 0;
}

/*
 * What is found must be durable: so far it may be in the kernel's memory only. And there it may be although an earlier sync of it
 * failed, which the kernel says once and never again. So it is synced, forgotten, and then read from the disk itself.
 */
static int
sync_segment(const struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];
	int error = durable_sync(segment->fd);

	if (error == 0) {
		(void)posix_fadvise(segment->fd, 0, 0, POSIX_FADV_DONTNEED);
		return 0;
	}
	segment_name(segment->number, name);
	log_event(LOG_ERR, "queue.segment_not_synced", LOG_STRING("segment", name), LOG_ERROR(error));
	return error;
}

int
segment_load(const struct segment *segment, unsigned *again, char **bytes_r, bool *whole_r)
{
	char *bytes;
	int error = sync_segment(segment);

	if (error != 0)
		return error;
	bytes = malloc(segment->size == 0 ? 1 : segment->size);
	if (bytes == NULL)
		return -ENOMEM;
	error = read_all(segment, again, bytes, whole_r);
	if (error == 0)
		*bytes_r = bytes;
	else
		free(bytes);
	return error;
}
