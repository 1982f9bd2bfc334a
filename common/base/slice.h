/*
 * A slice is a piece of somebody else's memory: bytes with a length, not terminated, possibly
 * holding NUL. It owns nothing and lives as long as what it points into.
 */
#ifndef ANGARIUM_BASE_SLICE_H
#define ANGARIUM_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data; /* may be NULL only when length is 0 */
	size_t length;    /* bytes */
};

enum { SLICE_NUMBER_SIZE = 20 }; /* digits of UINT64_MAX */

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice
slice_of(const void *data, size_t length)
{
	return (struct slice){ data, length };
}

/* A NULL string makes the empty slice. */
static inline struct slice
slice_from_string(const char *string)
{
	return (struct slice){ string, string == NULL ? 0 : strlen(string) };
}

bool slice_equal(struct slice a, struct slice b);
/* ASCII letters compare without case; other bytes as they are. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends_nocase(struct slice s, struct slice suffix);

/* Position of the first BYTE, or s.length. */
size_t slice_find(struct slice s, char byte);
/* Position of the last BYTE, or s.length. */
size_t slice_find_last(struct slice s, char byte);
/* From FROM to the end; empty when FROM is past the end. */
struct slice slice_from(struct slice s, size_t from);
/* The first LENGTH bytes, or all when there are fewer. */
struct slice slice_first(struct slice s, size_t length);
/* Without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);
/* Removes from *rest, and returns, the next word between spaces or tabs; empty at the end. */
struct slice slice_word(struct slice *rest);

/* Copies S as a C string. 0, or -ENAMETOOLONG when it does not fit, or -EINVAL when S holds a NUL; OUT is then "". */
int slice_to_string(struct slice s, char *out, size_t size);
/* A new C string (free it), or NULL: out of memory, or S holds a NUL. */
char *slice_dup(struct slice s);

/*
 * Decimal digits only, the whole slice, at most MAX. 0, -EINVAL (empty or not digits) or -ERANGE.
 */
int slice_to_number(struct slice s, uint64_t max, uint64_t *number_r);

/* Writes NUMBER in decimal digits, without a NUL; OUT has SLICE_NUMBER_SIZE bytes. Returns how many. */
size_t slice_from_number(uint64_t number, char *out);

/* Writes LENGTH bytes as 2*LENGTH lower-case hexadecimal digits and a NUL. */
void slice_hex(const void *data, size_t length, char *out);

#endif
