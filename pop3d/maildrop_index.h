/*
 * The inside of a maildrop, shared by maildrop.c (questions, marks, files) and maildrop_scan.c (reading
 * directories).
 *
 * A message takes 24 bytes besides its name; all names lie in one block. 10,000 messages take about 1 MB.
 */
#ifndef ANGARIUM_POP3D_MAILDROP_INDEX_H
#define ANGARIUM_POP3D_MAILDROP_INDEX_H

#include "common/base/slice.h"
#include "pop3d/maildrop.h"

enum maildrop_flag {
	MAILDROP_IN_NEW = 1,    /* in new/, else in cur/ */
	MAILDROP_DELETED = 2,   /* marked by DELE */
	MAILDROP_GONE = 4,      /* not found by the last rescan */
	MAILDROP_UNSIZED = 8,   /* octets not known */
	MAILDROP_SEEN = 16,     /* found by the present rescan */
	MAILDROP_TWICE = 32,    /* the same name was in new/ too when the maildrop was opened */
};

struct maildrop_message {
	uint64_t arrival;    /* microseconds since 1970, from the name; 0: it tells no time */
	uint64_t octets;     /* size with CRLF line ends */
	uint32_t name;       /* where in names it begins */
	uint8_t name_length; /* bytes */
	uint8_t base_length; /* of these, what stays when others change the flags */
	uint8_t room;        /* bytes that are the name's own in names */
	uint8_t flags;       /* enum maildrop_flag */
};

enum maildrop_stage { MAILDROP_READY, MAILDROP_READING_NEW, MAILDROP_READING_CUR, MAILDROP_SORTING };

struct maildrop {
	int directory; /* owned; holds the lock */
	size_t memory; /* the most that messages and names may take, bytes */

	struct maildrop_message *messages; /* in the order of arrival, then base name */
	uint32_t count;
	uint32_t size; /* allocated */
	char *names;
	uint32_t names_used;
	uint32_t names_size; /* allocated */

	uint32_t unsized;
	uint32_t deleted;
	uint64_t octets;         /* of all messages */
	uint64_t deleted_octets; /* of those marked */

	enum maildrop_stage stage;
	bool again; /* this scan is a rescan */
	int scan;   /* the directory being read, owned, or -1 */

	bool not_owner; /* of the files: reading them changes their access times, which others may care for */

	uint64_t removed_bytes; /* by maildrop_remove, for the quota */
	uint32_t removed;
};

static inline struct slice
maildrop_file_name(const struct maildrop *maildrop, const struct maildrop_message *message)
{
	return slice_of(maildrop->names + message->name, message->name_length);
}

static inline struct slice
maildrop_base_name(const struct maildrop *maildrop, const struct maildrop_message *message)
{
	return slice_of(maildrop->names + message->name, message->base_length);
}

/* Sorts by arrival, then base name. 0 or -ENOMEM. */
int maildrop_sort(struct maildrop *maildrop);
/* The order between a message and one with this ARRIVAL and BASE name: below, equal to, or above 0. */
int maildrop_compare(const struct maildrop *maildrop, const struct maildrop_message *message, uint64_t arrival,
                     struct slice base);
/* "SECONDS.M<microseconds>..." at the beginning of a file's name as microseconds since 1970; 0 when it tells no time. */
uint64_t maildrop_arrival(struct slice name);

#endif
