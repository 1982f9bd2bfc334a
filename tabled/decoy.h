/*
 * What is checked, and shown, for a user who does not exist, so that neither the answer nor its time tells so.
 */
#ifndef ANGARIUM_TABLED_DECOY_H
#define ANGARIUM_TABLED_DECOY_H

#include "common/base/slice.h"
#include "common/mail/scram.h"
#include "tabled/table.h"

enum {
	DECOY_HASH_SIZE = 256, /* bytes, with the NUL */
	DECOY_KEY_SIZE = 32,   /* bytes */
};

struct decoy {
	char hash[DECOY_HASH_SIZE];        /* of no password, at the cost that new ones get */
	unsigned char key[DECOY_KEY_SIZE]; /* that salts are made with; kept in the table, so that a restart changes none */
};

/* Reads the key from TABLE, or makes it there. 0, or a negative errno value: the key is good for this run only. */
int decoy_load(struct decoy *decoy, struct table *table);
void decoy_set_cost(struct decoy *decoy, uint32_t cost);
/* The salt of NAME, always the same: SCRAM_SALT_SIZE bytes. */
void decoy_salt(const struct decoy *decoy, struct slice name, unsigned char *salt);

#endif
