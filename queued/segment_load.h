/*
 * Which segments there are, and what is in them, from a disk that may not be able to read everything: for recovery.
 */
#ifndef ANGARIUM_QUEUED_SEGMENT_LOAD_H
#define ANGARIUM_QUEUED_SEGMENT_LOAD_H

#include "queued/segment.h"

/* The numbers of the segments in the directory, in order; free *list_r, also after an error. Other files are logged. 0 or a negative errno value. */
int segment_numbers(int segment_directory, uint64_t **list_r, size_t *count_r);

/*
 * Makes a segment durable and reads it, all its SIZE bytes, from the disk itself. Free *bytes_r. Blocks that cannot be read are zeros, and *whole_r is
 * then false. *AGAIN counts how often a disk that could not read was asked again, with a pause: in all calls of one start together. 0, or a
 * negative errno value when the segment cannot be synced or nothing of it can be read.
 */
int segment_load(const struct segment *segment, unsigned *again, char **bytes_r, bool *whole_r);

#endif
