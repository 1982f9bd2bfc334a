/*
 * One file of the queue's log: creation, writing, reading one record, bookkeeping of what lives in it.
 */
#include "queued/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/durable.h"

void
segment_name(uint64_t number, char *out)
{
	snprintf(out, SEGMENT_NAME_SIZE, "%016" PRIx64, number);
}

int
segment_parse_name(const char *name, uint64_t *number_r)
{
	uint64_t number = 0;

	if (strlen(name) != SEGMENT_NAME_SIZE - 1)
		return -EINVAL;
	for (const char *at = name; *at != '\0'; at++) {
		if (*at >= '0' && *at <= '9')
			number = number << 4 | (uint64_t)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			number = number << 4 | (uint64_t)(*at - 'a' + 10);
		else
			return -EINVAL;
	}
	*number_r = number;
	return 0;
}

static struct segment *
segment_new(uint64_t number, int fd)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (segment == NULL) {
		close(fd);
		return NULL;
	}
	segment->number = number;
	segment->fd = fd;
	TAILQ_INIT(&segment->messages);
	return segment;
}

static int
segment_write_header(struct segment *segment, uint32_t size, uint64_t first_id)
{
	char header[SEGMENT_HEADER_SIZE];

	segment->size = size;
	segment->used = SEGMENT_HEADER_SIZE;
	arc4random_buf(&segment->salt, sizeof(segment->salt));
	segment_header_encode(&(struct segment_header){
		.number = segment->number,
		.salt = segment->salt,
		.id = first_id,
		.created = clock_wall(),
	}, header);
	return durable_pwrite(segment->fd, header, sizeof(header), 0);
}

int
segment_create(int directory, uint64_t number, uint32_t size, uint64_t first_id, struct segment **segment_r)
{
	struct segment *segment;
	char name[SEGMENT_NAME_SIZE];
	int fd, error;

	segment_name(number, name);
	fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	segment = segment_new(number, fd);
	error = segment == NULL ? -ENOMEM : durable_reserve(fd, size);
	if (error == 0)
		error = segment_write_header(segment, size, first_id);
	if (error != 0) {
		segment_free(&segment);
		unlinkat(directory, name, 0);
		return error;
	}
	*segment_r = segment;
	return 0;
}

int
segment_adopt(int directory, const char *name, int fd, uint64_t number, uint32_t size, uint64_t first_id, struct segment **segment_r)
{
	struct segment *segment = segment_new(number, fd);
	char own_name[SEGMENT_NAME_SIZE];
	int error = segment == NULL ? -ENOMEM : segment_write_header(segment, size, first_id);

	segment_name(number, own_name);
	if (error == 0 && renameat(directory, name, directory, own_name) != 0)
		error = -errno;
	if (error != 0) {
		segment_free(&segment);
		unlinkat(directory, name, 0);
		return error;
	}
	*segment_r = segment;
	return 0;
}

int
segment_open(int directory, uint64_t number, struct segment **segment_r)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat status;
	int fd, error;

	segment_name(number, name);
	fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	error = fstat(fd, &status) != 0 ? -errno : !S_ISREG(status.st_mode) || status.st_size > UINT32_MAX ? -EINVAL : 0;
	if (error != 0) {
		close(fd);
		return error;
	}
	*segment_r = segment_new(number, fd);
	if (*segment_r == NULL)
		return -ENOMEM;
	(*segment_r)->size = (uint32_t)status.st_size;
	(*segment_r)->named = true;
	return 0;
}

void
segment_free(struct segment **segment)
{
	struct segment *old = *segment;

	*segment = NULL;
	if (old == NULL)
		return;
	close(old->fd);
	free(old);
}

int
segment_write(const struct segment *segment, struct iovec *vector, int count, uint32_t offset)
{
	off_t at = (off_t)offset;

	while (count > 0) {
		ssize_t written = pwritev(segment->fd, vector, count, at);
		size_t left;

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		at += written;
		left = (size_t)written;
		while (count > 0 && left >= vector->iov_len) {
			left -= vector->iov_len;
			vector++;
			count--;
		}
		if (count > 0) {
			vector->iov_base = (char *)vector->iov_base + left;
			vector->iov_len -= left;
		}
	}
	return 0;
}

void
segment_seal(struct segment *segment)
{
	if (segment->used < segment->size && ftruncate(segment->fd, (off_t)segment->used) == 0)
		segment->size = segment->used;
}

int
segment_read(const struct place *place, struct record **record_r)
{
	struct record_header header;
	struct record *record;
	struct slice payload;
	int error;

	if (place->size < RECORD_HEADER_SIZE)
		return -EBADMSG;
	record = record_new(RECORD_MESSAGE, 0, place->size - RECORD_HEADER_SIZE);
	if (record == NULL)
		return -ENOMEM;
	error = durable_pread(place->segment->fd, record->image, place->size, (off_t)place->offset);
	if (error == 0 || error == -ENODATA)
		error = error != 0 ? -EBADMSG
		                   : record_parse(slice_of(record->image, place->size), &place->segment->salt, &header, &payload);
	if (error != 0) {
		record_release(&record);
		return error;
	}
	*record_r = record;
	return 0;
}

void
segment_remove_message(struct message *message)
{
	if (message->place.segment == NULL)
		return;
	TAILQ_REMOVE(&message->place.segment->messages, message, in_segment);
	message->place.segment->live_bytes -= message->place.size;
	message->place = (struct place){ 0 };
}

void
segment_add_message(const struct place *place, struct message *message)
{
	segment_remove_message(message);
	message->place = *place;
	TAILQ_INSERT_TAIL(&place->segment->messages, message, in_segment);
	place->segment->live_bytes += place->size;
}
