/*
 * A transfer, seen from inside relayd/transfer*.c.
 *
 * transfer.c begins and ends transfers and sends over sessions, transfer_hosts.c finds and connects hosts, transfer_socket.c UNIX sockets.
 */
#ifndef ANGARIUM_RELAYD_TRANSFER_STATE_H
#define ANGARIUM_RELAYD_TRANSFER_STATE_H

#include "relayd/connector.h"
#include "relayd/hosts.h"
#include "relayd/session.h"
#include "relayd/transfer.h"

enum {
	TRANSFER_SESSIONS_MAX = 8, /* that are opened for one job, one after the other */
};

enum transfer_state {
	TRANSFER_ASKING,
	TRANSFER_PAUSING,
	TRANSFER_CONNECTING,
	TRANSFER_OPENING,
	TRANSFER_SENDING,
};

/* A question to the parent cannot be taken back; its answer may find nobody. */
struct socket_question {
	struct transfer *transfer; /* NULL: it is gone */
};

struct transfer {
	TAILQ_ENTRY(transfer) next;
	struct relay *relay;
	struct job *job;
	struct destination *destination;
	enum transfer_state state;
	bool kept;               /* SENDING over a connection that was kept */
	bool in_clear;           /* TLS has failed with the host at the place; as long as memory holds it is among the quirks, too */
	bool whole_data;         /* CHUNKING has failed with it */
	bool full;               /* a host does not want this many connections */
	bool temporary;          /* a host may take the job later */
	bool answered;           /* a host has answered MAIL */
	unsigned sessions;
	unsigned pauses;
	struct event *pause;
	uint32_t ticket;         /* at the resolver */
	struct socket_question *question;
	struct connector *connector;
	struct session *session;
	struct client_result failure; /* of the hosts so far: the last one, temporary ones before permanent ones; text "" when there is none */
	char tls[SESSION_TLS_MAX];
	struct hosts hosts;
};

/* ---- transfer.c ---- */

/* TEXT is the result of all recipients. The transfer is gone, as after transfer_give_up. */
void transfer_fail(struct transfer *transfer, enum relay_destination destination, enum relay_result result, const char *status,
                   const char *text);
/* A host did not work, for a reason that others may not have. */
void transfer_note_problem(struct transfer *transfer, const char *status, const char *where, const char *what);
/* No host is left: what was noted is the result of all recipients. */
void transfer_give_up(struct transfer *transfer);
/* The domain of the message led here, and not a word of the administrator: only then may what is wrong here return mail. */
bool transfer_is_by_domain(const struct transfer *transfer);
/* Whether other connections than ours are open to the destination. */
bool transfer_others_are_open(const struct transfer *transfer);
/* Opens a session on FD. TARGET has what is different for hosts and for UNIX sockets. */
void transfer_open(struct transfer *transfer, int fd, struct session_target *target);

/* ---- transfer_hosts.c ---- */

/* Asks for the hosts, and goes to the first. */
void transfer_find_hosts(struct transfer *transfer);
/* On to what is left of the host at the place, or to the next one. */
void transfer_advance(struct transfer *transfer);

/* ---- transfer_socket.c ---- */

void transfer_ask_for_socket(struct transfer *transfer);

#endif
