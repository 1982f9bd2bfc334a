/*
 * The session role: POP3's TRANSACTION and UPDATE states (RFC 1939 sections 5 and 6) for clients who have
 * logged in.
 *
 * session.c takes clients from login workers and ends sessions; session_open.c redeems the ticket and opens
 * the maildrop; session_work.c shares the process among sessions whose command needs more than a moment;
 * session_verbs.c reads commands, and verb_*.c carry them out.
 */
#ifndef ANGARIUM_POP3D_SESSION_H
#define ANGARIUM_POP3D_SESSION_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/io/conn.h"
#include "common/ipc/link.h"
#include "common/ipc/proto_table.h"
#include "common/proc/process.h"
#include "pop3d/ahead.h"
#include "pop3d/command.h"
#include "pop3d/maildrop.h"
#include "pop3d/multiline.h"
#include "pop3d/pipeline.h"
#include "pop3d/proto_handoff.h"

enum session_limits {
	SESSION_UNSENT_HIGH = 160 * 1024,      /* bytes of replies that wait for the client, at which work stops */
	SESSION_UNSENT_LOW = 32 * 1024,        /* and goes on */
	SESSION_TURN_MS = 10,                  /* after which another session has its turn */
};

struct session;
struct session_worker;

enum session_progress {
	SESSION_MORE,  /* call the step again */
	SESSION_DONE,  /* the command is answered */
	SESSION_ENDED, /* so is the session: session_end was called */
};

/* A piece of a command's work, of about a millisecond at most. */
typedef enum session_progress session_step(struct session *session);

/* What a command that is not done yet keeps. Nothing else of it is in memory. */
struct session_work {
	session_step *step;    /* NULL: no command is under way */
	session_step *then;    /* verb_size.c: the step after it */
	uint32_t next;         /* the message that is next */
	uint32_t end;          /* the message before which it ends */
	int file;              /* the message being read, owned, or -1 */
	uint64_t unread;       /* bytes of it */
	struct multiline text; /* of it */
	bool moved;            /* the present message was looked for by a rescan */
	bool begun;            /* part of the reply is out */
	uint32_t failed;       /* messages that could not be removed */
};

enum session_state {
	SESSION_REDEEMING, /* tabled is asked whose mailbox it is */
	SESSION_OPENING,
	SESSION_TRANSACTION,
	SESSION_UPDATE,
};

struct session {
	TAILQ_ENTRY(session) next;
	TAILQ_ENTRY(session) next_ready;
	TAILQ_ENTRY(session) next_planned;
	struct session_worker *worker;
	struct conn *conn;         /* NULL when the client left during UPDATE */
	struct maildrop *maildrop; /* NULL before SESSION_OPENING */
	size_t index;              /* bytes that the worker counts for it */
	enum session_state state;
	uint32_t request; /* to tabled, when SESSION_REDEEMING */
	bool ready;       /* in the worker's list */
	bool waiting;     /* for the client to read */
	bool broken;      /* a reply could not be kept: the connection must be closed */
	bool skipping;    /* an overlong line */
	bool utf8;
	bool folder;      /* the maildrop is a folder, not the inbox */
	struct session_work work;
	struct ahead ahead;
	uint32_t ahead_message;    /* to be read ahead, when AHEAD_PLANNED */
	bool ahead_planned;        /* in the worker's list */
	size_t pipelined;          /* bytes of input that pipeline_plan has seen to */
	uint64_t retrieved;        /* messages, for the log */
	uint64_t retrieved_octets;
	char *user;       /* canonical login, or NULL before it is known */
	char name[HANDOFF_SESSION_SIZE]; /* in the log */
	char client[HANDOFF_CLIENT_SIZE];
};

TAILQ_HEAD(session_list, session);

struct session_worker {
	struct process *process;
	struct link *tabled;
	int root; /* the mail root */
	struct session_list sessions;
	struct session_list ready; /* whose work goes on in the next turn of the loop */
	struct event *turn;
	struct session_list planned; /* who has a message to be read ahead */
	struct event *ahead;
	uint32_t aheads;     /* sessions that have one ready */
	struct reader *reader; /* NULL: none yet */
	bool no_reader;        /* it could not be made */
	int64_t turn_began; /* clock_monotonic_ms */
	uint32_t count;
	uint64_t indexes; /* bytes of all indexes */
};

/* ---- session.c ---- */

int session_main(struct process *process);
/* Closes the connection once what was written has left, and frees everything. RESULT is for the log. Deletes nothing. */
void session_end(struct session *session, const char *result);
/* Replies. After the client has left they do nothing. */
void session_reply(struct session *session, struct slice bytes);
void session_printf(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The client has pop3_timeout from now on for its next command (RFC 1939 section 3). */
void session_rearm(struct session *session);

/* ---- session_open.c ---- */

/* Asks tabled; the answer opens the maildrop, and the client gets its reply to PASS. */
void session_redeem(struct session *session, struct slice ticket);
extern const struct link_protocol session_tabled_protocol;

/* ---- session_work.c ---- */

/* Prepares the worker's turn. 0 or -ENOMEM. */
int session_work_prepare(struct session_worker *worker);
/* A new span of time begins: at each callback from the loop. */
void session_work_begin(struct session_worker *worker);
/*
 * Goes on with the present command until it is done, the client must read first, or the time is over. True
 * when the session is ready for its next command; false when it is not (it will go on by itself) or is freed:
 * leave it alone then.
 */
bool session_work(struct session *session);
/* Called outside of input callbacks: the same, and then reads on. */
void session_continue(struct session *session);
/* Takes a session that ends out of the list. */
void session_work_cancel(struct session *session);
/*
 * Opens MESSAGE for the present command. A descriptor; -EAGAIN: it is looked for, return SESSION_MORE and
 * call again; -ENOENT: it is gone; or another negative errno value.
 */
int session_open_message(struct session *session, uint32_t message);

/* ---- session_verbs.c ---- */

size_t session_input(void *context, struct conn *conn, struct slice input);
/* Reads the number of a message that is there and not deleted; replies with what is wrong otherwise. */
bool session_get_message(struct session *session, struct slice *arguments, uint32_t *message_r);
/* True when nothing follows; replies otherwise. */
bool session_no_more(struct session *session, struct slice arguments);

/* ---- the verbs: they reply, or set work.step, or both ---- */

typedef void session_verb(struct session *session, struct slice arguments);
session_verb verb_stat, verb_list, verb_uidl, verb_retr, verb_top, verb_dele, verb_rset, verb_noop, verb_capa, verb_utf8,
    verb_quit;
/* Finds out the sizes of messages work.next to work.end that are not known; then goes on with THEN. */
void verb_size(struct session *session, uint32_t first, uint32_t end, session_step *then);

#endif
