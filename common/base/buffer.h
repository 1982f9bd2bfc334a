/*
 * A growing buffer with a limit: bytes are appended at its end and consumed at its beginning.
 */
#ifndef ANGARIUM_BASE_BUFFER_H
#define ANGARIUM_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/slice.h"

struct buffer {
	char *data;   /* allocated, or NULL */
	size_t start; /* of what is not consumed */
	size_t end;   /* of what was appended */
	size_t size;  /* allocated bytes */
	size_t limit; /* the most bytes that may be unconsumed at once */
	bool secret;  /* bytes are wiped wherever they are left behind: consumed, moved, freed; for passwords. Set by its owner */
};

void buffer_init(struct buffer *buffer, size_t limit);
/* Frees the memory; the buffer stays usable, empty, with its limit. */
void buffer_free(struct buffer *buffer);
/* Forgets the contents and keeps the memory. */
void buffer_clear(struct buffer *buffer);

static inline size_t
buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

/* The unconsumed bytes; valid until the next call that changes the buffer. */
static inline struct slice
buffer_slice(const struct buffer *buffer)
{
	return slice_of(buffer->data == NULL ? "" : buffer->data + buffer->start, buffer->end - buffer->start);
}

/*
 * Room for LENGTH more bytes: 0 with *room_r pointing to it, -ENOBUFS over the limit, or -ENOMEM. Follow with buffer_commit.
 */
int buffer_reserve(struct buffer *buffer, size_t length, char **room_r);
void buffer_commit(struct buffer *buffer, size_t length);

/* 0, -ENOBUFS over the limit (nothing was appended), or -ENOMEM. */
int buffer_append(struct buffer *buffer, const void *data, size_t length);
int buffer_append_slice(struct buffer *buffer, struct slice s);
int buffer_append_string(struct buffer *buffer, const char *string);
int buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Removes LENGTH bytes at the beginning, all when there are fewer. An emptied buffer larger than 64 KiB gives its memory back. */
void buffer_consume(struct buffer *buffer, size_t length);
/* Shortens what is unconsumed to its first LENGTH bytes. */
void buffer_truncate(struct buffer *buffer, size_t length);

/* Bytes that all buffers of this process have allocated. */
size_t buffer_memory(void);

#endif
