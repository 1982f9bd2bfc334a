/*
 * A set of short strings: what an expansion has already met.
 */
#ifndef ANGARIUM_TABLED_SEEN_H
#define ANGARIUM_TABLED_SEEN_H

#include <stdint.h>

#include "common/base/buffer.h"

struct seen {
	struct buffer text; /* the strings, one after the other */
	uint32_t *slots;    /* 1 + position of a string in "text", 0: free; open addressing */
	uint32_t size;      /* slots; 0 or a power of two */
	uint32_t count;
};

void seen_init(struct seen *seen);
void seen_free(struct seen *seen);
/* Adds (KIND, S). 1 when it is new, 0 when it was there, or -ENOMEM or -ENOBUFS. */
int seen_add(struct seen *seen, char kind, struct slice s);

#endif
