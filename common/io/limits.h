/*
 * How much of a process each client address takes, and all of them together: sessions at once, and sessions, messages, recipients and
 * mistakes by time. IPv4 clients count by their address, IPv6 ones by their /64, since one host usually has all of it.
 *
 * Addresses stand in a balanced tree, whose paths nobody can make long by choosing addresses. One without a session is forgotten once its
 * rates have recovered; at most LIMITS_REMEMBERED of those are kept, so that memory is bounded by that and the number of sessions.
 */
#ifndef ANGARIUM_IO_LIMITS_H
#define ANGARIUM_IO_LIMITS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include "common/base/bucket.h"

enum {
	LIMITS_REMEMBERED = 64 * 1024, /* addresses without a session, of about 100 bytes each */
	LIMITS_LOG_SECONDS = 60,       /* in which one address earns one line of the log, */
	LIMITS_LOG_LINES = 60,         /* and all together this many */
};

enum limits_kind {
	LIMITS_SESSIONS,
	LIMITS_MESSAGES,
	LIMITS_RECIPIENTS,
	LIMITS_ERRORS, /* mistakes, and recipients that there are not */
	LIMITS_KINDS,
};

struct limits_rules {
	uint32_t sessions;             /* at once */
	uint32_t sessions_per_address; /* at once; 0: no limit */
	struct bucket_rate total[LIMITS_KINDS];
	struct bucket_rate per_address[LIMITS_KINDS]; /* not for clients that are exempt */
};

enum limits_result {
	LIMITS_OK,
	LIMITS_TOTAL_SESSIONS,   /* the sessions at once */
	LIMITS_ADDRESS_SESSIONS,
	LIMITS_TOTAL_RATE,       /* the rate of the kind in question */
	LIMITS_ADDRESS_RATE,
	LIMITS_ADDRESS_ERRORS,   /* a new session, and its address has made too many mistakes */
	LIMITS_NO_MEMORY,
};

struct limits_client;
RB_HEAD(limits_tree, limits_client);
TAILQ_HEAD(limits_list, limits_client);

struct limits {
	struct limits_rules rules; /* may be changed at any time */
	struct limits_tree tree;
	struct limits_list idle;   /* those without a session, by when the last one ended */
	uint32_t idle_count;
	uint32_t sessions;
	struct bucket total[LIMITS_KINDS];
	struct bucket lines;       /* of the log */
	uint32_t unlogged;         /* events since the last line */
};

void limits_init(struct limits *limits);
/* There must be no session. */
void limits_free(struct limits *limits);

/*
 * One session more from ADDRESS at the time NOW (clock_monotonic_ms). LIMITS_OK with *client_r for limits_leave, or what is in the way: the
 * session is not counted then. EXEMPT: rates of one address do not hold for it.
 */
enum limits_result limits_enter(struct limits *limits, const struct sockaddr *address, bool exempt, int64_t now,
                                struct limits_client **client_r);
/* The session is over. */
void limits_leave(struct limits *limits, struct limits_client *client, int64_t now);
/*
 * Takes AMOUNT of KIND, if all limits allow it, else nothing. For LIMITS_ERRORS all that there is is taken in any case.
 */
enum limits_result limits_take(struct limits *limits, struct limits_client *client, enum limits_kind kind, uint32_t amount,
                               int64_t now);

/*
 * True when the log should have a line about a client from ADDRESS that met a limit; *unlogged_r is the number of events before it that got none.
 */
bool limits_log(struct limits *limits, const struct sockaddr *address, int64_t now, uint32_t *unlogged_r);
/* The same for a client that has a session. */
bool limits_log_client(struct limits *limits, struct limits_client *client, int64_t now, uint32_t *unlogged_r);

/*
 * An address that stands for the user UID of this host, whose limits are then his own: within ::/8, which is nobody's.
 */
void limits_local_user(uid_t uid, struct sockaddr_in6 *address_r);

#endif
