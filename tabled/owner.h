/*
 * The owner role: it holds the table and answers everybody's questions about addresses. One socket for each
 * kind of peer, and one file for each socket (serve_*.c), so that no peer can ask what only another may.
 */
#ifndef ANGARIUM_TABLED_OWNER_H
#define ANGARIUM_TABLED_OWNER_H

#include "common/ipc/channel.h"
#include "common/proc/process.h"
#include "tabled/decoy.h"
#include "tabled/guard.h"
#include "tabled/hash_pool.h"
#include "tabled/index.h"
#include "tabled/resolve.h"
#include "tabled/tickets.h"
#include "tabled/verified.h"
#include "tabled/writer.h"

enum {
	OWNER_TARGETS_MAX = TABLE_FRAME_MAX - 64, /* bytes of targets in one answer */
};

struct owner {
	struct process *process;
	bool broken; /* the table needs a recovery */
	struct index *index;
	struct view view; /* of the index */
	struct writer *writer;
	struct hash_pool *hashes;
	struct verified *verified;
	struct tickets *tickets;
	struct resolve_settings settings;
	uint32_t password_cache_ms;
	struct decoy decoy;           /* for unknown users, so that they look and take as long as others */
	struct guard *guard;
	struct guard_limits guard_limits;
	struct buffer targets;        /* of the expansion under way */
	unsigned exchanges[2];        /* of SCRAM under way: for peers without tickets (smtpd), and with (pop3d) */
};

int owner_main(struct process *process);

/* A peer of each kind has connected; the owner takes FD. CONTEXT is the owner. */
void serve_smtpd(void *context, int fd);
void serve_queued(void *context, int fd);
void serve_login(void *context, int fd);
void serve_session(void *context, int fd);
void serve_admin(void *context, int fd);

/* Sends, and stops reading from a peer that does not read its answers. */
int serve_send(struct channel *channel, struct wire_writer *writer);
/* For struct channel_protocol: reading goes on. */
void serve_drained(struct channel *channel, void *context);

/*
 * The enabled user NAME in an enabled local domain. 0, -ENOENT, or another negative errno value. Slices live
 * until the index changes.
 */
int owner_find_user(const struct owner *owner, const struct name *name, struct record_user *user_r);

#endif
