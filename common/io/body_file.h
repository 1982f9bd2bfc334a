/*
 * The body of a message in a spool file of its own: smtpd writes it once, and whoever is handed its descriptor reads it from front to back. Its
 * checksum is computed while it is written and again while it is read, so that bits that flipped on the disk are found before the message
 * has gone on.
 */
#ifndef ANGARIUM_IO_BODY_FILE_H
#define ANGARIUM_IO_BODY_FILE_H

#include <stdint.h>

#include "common/base/slice.h"

enum {
	/* Bytes that also have a checksum of their own, so that a report can return a header section without reading the whole file. */
	BODY_FILE_BEGINNING = 64 * 1024,
};

/* CRC-32C. All zero: of nothing. */
struct body_sums {
	uint32_t whole;
	uint32_t beginning; /* of the first BODY_FILE_BEGINNING bytes, or of all when there are fewer */
};

/* PIECE stands at OFFSET in the body, right behind all that was added before. */
void body_sums_add(struct body_sums *sums, uint64_t offset, struct slice piece);

struct body_file {
	int fd;            /* the caller's */
	uint64_t size;     /* bytes of the body; what may stand behind them in the file is no part of it */
	uint32_t checksum; /* what it must have */
	uint64_t offset;   /* of what was read */
	uint32_t sum;      /* of what was read */
};

/* Begins at the front. */
void body_file_begin(struct body_file *file, int fd, uint64_t size, uint32_t checksum);
/* Begins at the front again. */
void body_file_rewind(struct body_file *file);
/*
 * The next MOST bytes, or what is left, into OUT; empty at the end. The last piece is given out only when the checksum is right. 0; -EUCLEAN: the
 * body is damaged, which is to say too short or with a wrong checksum; or another negative errno value: it cannot be read.
 */
int body_file_read(struct body_file *file, char *out, size_t most, struct slice *piece_r);

#endif
