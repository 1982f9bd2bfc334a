/*
 * The hash role: checks one password after the other with crypt(3), each of which takes tens of milliseconds,
 * so that the owner never does.
 */
#ifndef ANGARIUM_TABLED_HASH_H
#define ANGARIUM_TABLED_HASH_H

#include "common/ipc/proto_table.h"

struct process;

/* On the channel that the owner opens to each hash process. */
enum hash_type {
	/* owner -> hash: string stored hash; slice password; slice salt, u32 iterations (for SCRAM keys) */
	HASH_CHECK = 1,
	/* hash -> owner: u8 1 when it is right, else 0; slice stored key, slice server key (SCRAM keys of the password) */
	HASH_REPLY = 2,
};

enum {
	HASH_FRAME_MAX = 2 * TABLE_PASSWORD_MAX, /* bytes of the largest payload */
};

int hash_main(struct process *process);

#endif
