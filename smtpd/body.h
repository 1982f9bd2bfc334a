/*
 * The body of a message on its way to the queue: in memory, and from a certain size on in a spool file.
 */
#ifndef ANGARIUM_SMTPD_BODY_H
#define ANGARIUM_SMTPD_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/io/body_file.h"

struct body {
	struct buffer memory; /* what is not in the file: append here */
	size_t inline_limit;  /* bytes; more than that goes into a file */
	uint64_t written;     /* bytes in the file */
	struct body_sums sums; /* of them */
	int fd;               /* the spool file, or -1 */
};

enum {
	/*
	 * Bytes of the client that may be appended, as they are or converted (mime.h), before body_spill or
	 * body_wants_file is asked.
	 */
	BODY_STEP = 64 * 1024,
};

void body_begin(struct body *body, size_t inline_limit);
/* Frees the memory and closes the file. */
void body_end(struct body *body);

static inline uint64_t
body_size(const struct body *body)
{
	return body->written + buffer_length(&body->memory);
}

/* It is too large for a frame, and there is no file yet. */
static inline bool
body_wants_file(const struct body *body)
{
	return body->fd < 0 && buffer_length(&body->memory) > body->inline_limit;
}

/* Goes on in FD, which the body then owns. */
void body_set_file(struct body *body, int fd);
/*
 * Moves what is in memory into the file, when it has grown worth a system call, or in any case with ALL. Writes
 * go to the page cache: the queue's syncer makes them durable. 0 or a negative errno value. Does nothing
 * without a file.
 */
int body_spill(struct body *body, bool all);

#endif
