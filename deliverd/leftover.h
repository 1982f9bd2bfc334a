/*
 * What a crash left in tmp/: files of 36 hours are removed, as the Maildir convention has it, at most once
 * a day for each directory.
 */
#ifndef ANGARIUM_DELIVERD_LEFTOVER_H
#define ANGARIUM_DELIVERD_LEFTOVER_H

#include <stdint.h>

enum {
	LEFTOVER_AGE = 36 * 60 * 60,      /* seconds since it was last written to or renamed */
	LEFTOVER_INTERVAL = 24 * 60 * 60, /* seconds between two looks */
	LEFTOVER_AT_ONCE = 1000,          /* names read in one look, so that a hostile directory holds up nobody */
};

/* Remembers when which directory was looked at, in bounded memory. */
struct leftovers;

/* NULL when out of memory. */
struct leftovers *leftovers_new(void);
void leftovers_free(struct leftovers **leftovers);

/*
 * Removes old regular files from the directory TMP, unless that was done within LEFTOVER_INTERVAL. KEY
 * stands for the directory; NOW is clock_wall. Returns how many were removed.
 */
unsigned leftovers_remove(struct leftovers *leftovers, uint64_t key, int tmp, int64_t now);

#endif
