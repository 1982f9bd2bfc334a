/*
 * A growing buffer with a limit. Errors are returned, none is fatal.
 */
#include "common/base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALLEST = 256,         /* bytes of the first allocation */
	KEEP_AT_MOST = 64 * 1024 /* bytes that an empty buffer may keep */
};

/* Of all buffers. Other threads have buffers too. */
static atomic_size_t allocated;

size_t
buffer_memory(void)
{
	return atomic_load_explicit(&allocated, memory_order_relaxed);
}

void
buffer_init(struct buffer *buffer, size_t limit)
{
	*buffer = (struct buffer){ .limit = limit };
}

/* LENGTH bytes at AT are not the buffer's contents any more. */
static void
buffer_leave(struct buffer *buffer, size_t at, size_t length)
{
	if (buffer->secret && length > 0)
		explicit_bzero(buffer->data + at, length);
}

void
buffer_free(struct buffer *buffer)
{
	atomic_fetch_sub_explicit(&allocated, buffer->size, memory_order_relaxed);
	buffer_leave(buffer, buffer->start, buffer_length(buffer));
	free(buffer->data);
	buffer->data = NULL;
	buffer->start = buffer->end = buffer->size = 0;
}

void
buffer_clear(struct buffer *buffer)
{
	buffer_leave(buffer, buffer->start, buffer_length(buffer));
	buffer->start = buffer->end = 0;
}

/* As realloc(3), which may leave a copy behind. */
static char *
buffer_reallocate(struct buffer *buffer, size_t size)
{
	char *data;

	if (!buffer->secret)
		return realloc(buffer->data, size);
	data = malloc(size);
	if (data == NULL)
		return NULL;
	if (buffer->data != NULL)
		memcpy(data, buffer->data, buffer->end);
	buffer_leave(buffer, 0, buffer->end);
	free(buffer->data);
	return data;
}

static int
buffer_grow(struct buffer *buffer, size_t needed)
{
	size_t size = buffer->size == 0 ? SMALLEST : buffer->size;
	char *data;

	while (size < needed)
		size *= 2;
	data = buffer_reallocate(buffer, size);
	if (data == NULL)
		return -ENOMEM;
	atomic_fetch_add_explicit(&allocated, size - buffer->size, memory_order_relaxed);
	buffer->data = data;
	buffer->size = size;
	return 0;
}

int
buffer_reserve(struct buffer *buffer, size_t length, char **room_r)
{
	size_t used = buffer_length(buffer);
	int error;

	if (used > buffer->limit || length > buffer->limit - used)
		return -ENOBUFS;
	if (length > buffer->size - buffer->end && buffer->start > 0) {
		memmove(buffer->data, buffer->data + buffer->start, used);
		buffer_leave(buffer, used, buffer->end - used);
		buffer->start = 0;
		buffer->end = used;
	}
	if (buffer->data == NULL || length > buffer->size - buffer->end) {
		error = buffer_grow(buffer, buffer->end + length);
		if (error != 0)
			return error;
	}
	*room_r = buffer->data + buffer->end;
	return 0;
}

void
buffer_commit(struct buffer *buffer, size_t length)
{
	buffer->end += length;
}

int
buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	char *room;
	int error;

	if (length == 0)
		return 0;
	error = buffer_reserve(buffer, length, &room);
	if (error != 0)
		return error;
	memcpy(room, data, length);
	buffer_commit(buffer, length);
	return 0;
}

int
buffer_append_slice(struct buffer *buffer, struct slice s)
{
	return buffer_append(buffer, s.data, s.length);
}

int
buffer_append_string(struct buffer *buffer, const char *string)
{
	return buffer_append(buffer, string, strlen(string));
}

int
buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	char *room;
	int length;
	int error;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return -EINVAL;
	error = buffer_reserve(buffer, (size_t)length + 1, &room);
	if (error != 0)
		return error;
	va_start(arguments, format);
	vsnprintf(room, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer_commit(buffer, (size_t)length);
	return 0;
}

void
buffer_consume(struct buffer *buffer, size_t length)
{
	if (length < buffer_length(buffer)) {
		buffer_leave(buffer, buffer->start, length);
		buffer->start += length;
		return;
	}
	buffer_clear(buffer);
	if (buffer->size > KEEP_AT_MOST)
		buffer_free(buffer);
}

void
buffer_truncate(struct buffer *buffer, size_t length)
{
	if (length < buffer_length(buffer)) {
		buffer_leave(buffer, buffer->start + length, buffer_length(buffer) - length);
		buffer->end = buffer->start + length;
	}
}
