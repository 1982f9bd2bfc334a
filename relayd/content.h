/*
 * The message of a transaction, piece by piece: from memory, or from a file that is never read as a whole; as it is, or converted
 * to 7 bits.
 */
#ifndef ANGARIUM_RELAYD_CONTENT_H
#define ANGARIUM_RELAYD_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/slice.h"
#include "common/io/body_file.h"

enum {
	CONTENT_PIECE_MAX = 64 * 1024,   /* bytes that are read at once */
	CONTENT_HEADER_MAX = 128 * 1024, /* bytes of a header section that is looked at */
};

struct mime;

/* All zero: nothing is open. */
struct content {
	struct slice memory;
	struct body_file file;  /* its descriptor is -1: in memory */
	uint64_t size;          /* bytes of what is there */
	uint64_t offset;        /* of what was given out */
	struct mime *mime;      /* NULL: as it is */
	bool scanning;
	bool eightbit;          /* a byte above 127 was seen while scanning */
	int scan_error;
	bool finished;          /* the conversion */
	struct buffer converted;
};

/* BODY, or, when it is not -1, SIZE bytes of FD from its offset 0 on, with that checksum. Both stay the caller's. */
void content_open(struct content *content, struct slice body, int fd, uint64_t size, uint32_t checksum);
/* Gives back what it holds. Nothing is open then. */
void content_close(struct content *content);
/*
 * It shall come in a form that has no byte above 127 (common/mail/mime.h). Nothing has been given out yet, and nothing is until
 * content_scan has seen all
 * of it: 0 or -ENOMEM.
 */
int content_convert(struct content *content);
/*
 * Looks at the next piece: 1 when there is more to look at; 0 when all is seen; -EBADMSG: it has such bytes, and cannot be
 * converted; -EUCLEAN: the file is damaged; -ENOMEM, or what reading it says.
 */
int content_scan(struct content *content);
/*
 * The next piece, of MOST bytes at most (converted: whatever comes of as many); empty at the end. It is valid until the next call
 * for any content. 0; -EUCLEAN: the file is
 * damaged, as body_file_read says before it gives out the last piece; -EBADMSG: it is not what was scanned; -ENOMEM, or what reading it says.
 */
int content_next(struct content *content, size_t most, struct slice *piece_r);
/* After -EBADMSG: why. */
const char *content_problem(const struct content *content);

/* Has the header section a byte above 127? 1 or 0; 1 for one over CONTENT_HEADER_MAX; or a negative errno value. Nothing is given out by that. */
int content_header_8bit(const struct content *content);
/* Has it any byte above 127? What is in a file is said to have, without a look. */
bool content_may_be_8bit(const struct content *content);

#endif
