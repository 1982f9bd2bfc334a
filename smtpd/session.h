/*
 * An SMTP session: a state machine that is fed what the client sends.
 *
 *   STATE      what has been said                     how it is left
 *   START      nothing                                EHLO, HELO: READY
 *   READY      EHLO or HELO                           MAIL: MAIL
 *   MAIL       MAIL; no recipient accepted yet        RCPT accepted: RCPT; RSET: READY
 *   RCPT       MAIL, at least one recipient           DATA, BDAT LAST: the message, then READY; BDAT: CHUNKS;
 *                                                     RSET: READY
 *   CHUNKS     BDAT, but not yet LAST                 BDAT LAST: the message, then READY; RSET: READY
 *
 * Beside its state a session has a mode, which says what its input is just now: commands, or content.
 */
#ifndef ANGARIUM_SMTPD_SESSION_H
#define ANGARIUM_SMTPD_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/io/conn.h"
#include "common/io/limits.h"
#include "common/mail/config.h"
#include "common/mail/sasl.h"
#include "smtpd/data.h"
#include "smtpd/reply.h"

struct auth;
struct link;
struct session;
struct submit;
struct transaction;

enum session_state {
	SESSION_START,
	SESSION_READY,
	SESSION_MAIL,
	SESSION_RCPT,
	SESSION_CHUNKS,
};

enum session_mode {
	SESSION_COMMANDS,
	SESSION_SKIP,      /* the rest of a line that is too long */
	SESSION_REMAINDER, /* the rest of a command with a bare LF in it */
	SESSION_DATA,      /* content, up to CRLF "." CRLF */
	SESSION_CHUNK,     /* content, chunk_left bytes */
	SESSION_AUTH,      /* lines that answer the challenges of AUTH */
};

/* What must happen before input is looked at again; bits. */
enum session_wait {
	SESSION_WAIT_LOOKUPS = 1, /* the pending recipients must be answered */
	SESSION_WAIT_QUEUE = 2,   /* queued must answer */
	SESSION_WAIT_OUTPUT = 4,  /* the client must read our replies */
	SESSION_WAIT_AUTH = 8,    /* tabled must decide on a login */
	SESSION_WAIT_SENDER = 16, /* tabled must say as whom the user may send */
};

/* What all sessions of a worker share. */
struct session_host {
	struct event_base *base;
	const struct config *config; /* the present one */
	struct link *tabled;         /* see lookup.h */
	struct submit *submit;
	struct limits limits;        /* of clients */
	unsigned index;              /* of the worker, for session ids */
	uint64_t last_id;
	/* The TLS context of now, NULL without one; NULL: the same. And whether a handshake has a chance. */
	struct tls_context *(*tls)(void);
	bool (*tls_ready)(void);
	/* The session is gone, and freed after the call. */
	void (*ended)(struct session_host *host, struct session *session);
};

enum { SESSION_ID_SIZE = 13 }; /* bytes with the NUL */

/* Which port a client came to. */
enum session_port {
	SESSION_PORT_SMTP,
	SESSION_PORT_SUBMISSION,
	SESSION_PORT_SUBMISSIONS, /* with TLS from the start (RFC 8314) */
	SESSION_PORT_LOCAL,       /* the UNIX socket of local users */
};

struct session {
	uint32_t magic;
	struct session_host *host;
	struct conn *conn;
	LIST_ENTRY(session) entry;   /* for the owner */
	struct limits_client *limited; /* in host->limits; set by the owner */

	enum session_state state;
	enum session_mode mode;
	unsigned waiting;            /* enum session_wait */
	bool closing;                /* to be closed when the output is sent: nothing more is handled */
	bool stopping;               /* to be closed as soon as the queue has answered: the service ends */
	bool broken;                 /* to be closed at once */
	const char *end;             /* why it ended, for the log */

	bool submission;             /* came in on a submission port */
	bool secure;                 /* TLS is there, or its handshake is under way */
	bool may_relay;
	bool loopback;               /* the client is on this host */
	bool local;                  /* it is a user of this host: CLIENT is "uid:NUMBER" */
	char *login;                 /* of the user that the client has proved to be, or NULL */
	struct auth *auth;           /* while AUTH is under way, else NULL */
	unsigned auth_failures;
	bool extended;               /* EHLO, not HELO */
	char *helo;                  /* what the client calls itself; NULL in START */
	struct transaction *transaction;

	struct data data;            /* in DATA mode */
	uint64_t chunk_left;         /* in CHUNK mode, bytes */
	bool chunk_last;
	bool finishing;              /* the whole message is here, and on its way to the queue */
	enum reply chunk_reply;      /* in CHUNK mode: it is only swallowed, and answered so; or REPLY_NONE */
	size_t progress;             /* bytes of content since the deadline was set */

	unsigned errors;             /* bad commands */
	unsigned messages;           /* accepted */
	unsigned recipients;         /* accepted */
	unsigned refused;            /* recipients and messages */
	char id[SESSION_ID_SIZE];
	char client[INET6_ADDRSTRLEN];
};

/*
 * Begins a session on the connected socket FD, which it takes in any case, and greets the client. NULL when out
 * of memory.
 */
struct session *session_new(struct session_host *host, int fd, const struct sockaddr *client, enum session_port port);
/* The same for a user of this host, over the UNIX socket. */
struct session *session_new_local(struct session_host *host, int fd, uid_t uid);
/* Says that the service ends and closes. A message that is on its way to the queue is answered before. */
void session_shut_down(struct session *session);

/* For the verbs. */

/* Sends a reply; counts bad commands, and ends the session when there were too many. */
void session_reply(struct session *session, enum reply reply);
/* What has to come before content, or REPLY_NONE. */
enum reply session_missing(const struct session *session);
/* Ends the session since the client has made too many mistakes. */
void session_end_by_errors(struct session *session);
/* Ends the session after what is being handled. WHY is for the log and stays valid. */
void session_close(struct session *session, const char *why);
/* After a write: when it failed, the session ends. */
void session_check(struct session *session, int error);
/* Handles no input until session_wake. */
void session_wait(struct session *session, enum session_wait reason);
/* Goes on. The session may be gone afterwards. */
void session_wake(struct session *session, enum session_wait reason);
/* Gives the client its time anew: for the next command, or the next part of the content. */
void session_arm(struct session *session);
/* True when the client may begin TLS. */
bool session_offers_tls(const struct session *session);
/* Goes over to TLS, after what was written. The session ends when that is impossible. */
void session_start_tls(struct session *session);
/*
 * Ends the transaction, if there is one: what is under way is cancelled. The state is READY then, unless nobody
 * has said EHLO.
 */
void session_reset(struct session *session);

/* Closes and frees a session that is to end. True when it is gone. The last thing that a callback does. */
bool session_settle(struct session *session);
/* AUTH: whether this port has it, and which mechanisms may be used now. In verb_auth.c. */
bool session_offers_auth(const struct session *session);
struct sasl_terms session_terms(const struct session *session);
/* Takes a line in AUTH mode; as session_take. */
size_t auth_take(struct session *session, struct slice input);
/* Gives up what is under way. */
void session_forget_auth(struct session *session);
/*
 * Handles the first command or piece of content in INPUT: returns how many bytes it took. In session_input.c.
 */
size_t session_take(struct session *session, struct slice input);

#endif
