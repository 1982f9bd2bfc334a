/*
 * Logins: what peers that have clients ask, by password (auth_password.c) or by SCRAM (auth_scram.c). Both end in auth.c, with the
 * guard, the log and the reply.
 *
 * An attempt is charged to the guard when it begins. A failure is answered after a delay. An unknown user costs as much as any
 * other, so that neither the answer nor its time tells who exists.
 */
#ifndef ANGARIUM_TABLED_AUTH_H
#define ANGARIUM_TABLED_AUTH_H

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "tabled/login.h"
#include "tabled/owner.h"
#include "tabled/record.h"

enum auth_limits {
	AUTH_QUESTION_MAX = 4 * TABLE_PASSWORD_MAX, /* bytes of the largest question */
	AUTH_SERVICE_SIZE = 32,                     /* bytes of a service's name */
	AUTH_CLIENT_SIZE = 64,                      /* bytes of a client's address */
	AUTH_EXCHANGES_MAX = 16384,                 /* of SCRAM, under way for all peers of a kind: each takes some 4 KiB */
};

RB_HEAD(exchange_tree, attempt);

/* A peer that has clients. */
struct auth_peer {
	struct owner *owner;
	struct channel *channel;
	bool tickets; /* its clients get to their mailboxes */
	LIST_HEAD(, attempt) attempts;
	struct exchange_tree exchanges; /* those attempts that wait for a client-final message */
	uint64_t last_exchange;
};

struct attempt {
	LIST_ENTRY(attempt) next;
	struct owner *owner;
	struct auth_peer *peer; /* NULL when it has gone */
	uint32_t request;
	struct event *delay;    /* of the answer, or NULL */
	uint32_t delay_ms;
	bool known;             /* there is such a user */
	struct name name;       /* that the login means */
	char folder[TABLE_FOLDER_MAX];
	struct slice said;      /* the login as the client gave it, for the log */
	char said_text[TABLE_ADDRESS_MAX];
	char service[AUTH_SERVICE_SIZE];
	char client[AUTH_CLIENT_SIZE];
	const char *mechanism;  /* for the log */

	/* by password */
	bool has_hash;
	bool has_keys;          /* SCRAM keys of the password, at the beginning */
	char hash[RECORD_PASSWORD_MAX + 1]; /* as it was when the check began */
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_length;
	uint32_t iterations;
	unsigned char digest[VERIFIED_DIGEST_SIZE];

	/* by SCRAM */
	RB_ENTRY(attempt) node;
	uint64_t exchange;      /* 0: in no tree */
	struct scram *scram;    /* or NULL */
};

/* The channel of a peer; both are freed together. HANDLERS: see channel.h; their context is the struct auth_peer. */
void auth_peer_new(struct owner *owner, int fd, const struct channel_protocol *protocol, bool tickets);
/* For struct channel_protocol. */
void auth_peer_closed(struct channel *channel, void *context, int error);

/* Handlers. */
int auth_on_password(struct channel *channel, void *context, struct channel_frame *frame);
int auth_on_scram_begin(struct channel *channel, void *context, struct channel_frame *frame);
int auth_on_scram_finish(struct channel *channel, void *context, struct channel_frame *frame);
int auth_on_scram_abort(struct channel *channel, void *context, struct channel_frame *frame);

/* Begins with the fields service and client. NULL when out of memory. */
struct attempt *attempt_new(struct auth_peer *peer, struct channel_frame *frame, const char *mechanism);
void attempt_free(struct attempt *attempt);
/* Finds the user that LOGIN means. 0 or a negative errno value. *login_r lives as an index view does. */
int attempt_find(struct attempt *attempt, struct slice login, struct login *login_r);
/* Asks the guard. False: refused; the attempt was answered and freed. */
bool attempt_charge(struct attempt *attempt);
/*
 * The end of an attempt that was charged. FAILED is answered later, the others at once; the attempt is freed. FINAL: of SCRAM, or "".
 * 0, or the error of sending.
 */
int attempt_end(struct attempt *attempt, enum table_auth result, const char *final);

RB_PROTOTYPE(exchange_tree, attempt, node, exchange_compare)
int exchange_compare(struct attempt *a, struct attempt *b);

#endif
