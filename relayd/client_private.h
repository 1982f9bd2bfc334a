/*
 * A session, seen from inside relayd/client*.c.
 *
 * client.c begins and ends sessions, client_step.c has the table of states and takes replies, client_greet.c goes from the
 * greeting to being ready,
 * client_auth.c logs in, client_send.c does the envelope and client_content.c the message.
 */
#ifndef ANGARIUM_RELAYD_CLIENT_PRIVATE_H
#define ANGARIUM_RELAYD_CLIENT_PRIVATE_H

#include <event2/event_struct.h>

#include "common/io/conn.h"
#include "relayd/client.h"
#include "relayd/content.h"
#include "relayd/dots.h"
#include "relayd/ehlo.h"
#include "relayd/reply.h"

/* What is waited for: the reply to that, where nothing else is said. */
enum client_state {
	CLIENT_GREETING,
	CLIENT_EHLO,
	CLIENT_HELO,
	CLIENT_STARTTLS,
	CLIENT_HANDSHAKE,     /* of TLS; no reply */
	CLIENT_AUTH_LOGIN,
	CLIENT_AUTH_NAME,     /* the second message of LOGIN */
	CLIENT_AUTH,          /* the last message of any mechanism */
	CLIENT_READY,         /* nothing: there is no transaction */
	CLIENT_RSET,
	CLIENT_MAIL,
	CLIENT_RCPT,          /* that of the first recipient that is waiting */
	CLIENT_DATA,
	CLIENT_BODY,          /* the socket, to take more of the message */
	CLIENT_CHUNK,         /* BDAT, but for the last */
	CLIENT_END,           /* the end of the message; by LMTP that of the first recipient that was accepted */
	CLIENT_OVER,          /* nothing more */
	CLIENT_STATES,
};

struct client {
	const struct client_settings *settings;
	const struct client_callbacks *callbacks;
	void *context;
	struct conn *conn;    /* NULL when it is gone */
	struct event later;   /* for what must not be said from inside client_send */
	unsigned depth;       /* callbacks of the loop under way */
	bool closed;          /* to be freed when depth is 0 */
	bool broken;          /* a write failed */
	bool in_step;         /* over, but in order: QUIT may be said */
	bool secure;          /* TLS is there */
	bool tls_refused;     /* STARTTLS was, and may be */
	bool authenticated;
	bool premature;       /* the remote has said more than it was asked */
	bool busy;            /* it said 421 */
	bool tls_failed;
	enum client_state state;
	unsigned unanswered;  /* replies that are due */
	struct ehlo ehlo;
	struct reply reply;

	/* The transaction */
	struct client_transaction *transaction; /* NULL: none */
	struct content content;
	struct dots dots;
	bool smtputf8;        /* SMTPUTF8 is said */
	bool needs_reset;     /* the one before may be still open */
	bool answered;        /* a reply has come */
	bool chunked;         /* by BDAT */
	bool ahead;           /* all commands are written, DATA or BDAT too */
	bool chunking_refused;
	bool deferred;        /* MAIL was answered with 4xx */
	bool mail_refused;
	struct client_result refusal; /* by the reply to MAIL */
	bool last;            /* the chunk under way is the last */
	uint64_t chunk;       /* bytes of it that are still to be written */
};

/* ---- client.c ---- */

/* Around each callback of the loop: the client is freed at the end of the outermost when it has been closed meanwhile. */
void client_hold(struct client *client);
void client_release(struct client *client);
/* Sends; a failure shows in client_release. */
void client_write(struct client *client, struct slice data);
void client_printf(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A command, which will be answered. */
void client_command(struct client *client, struct slice line);
/* The session is over: what is unsettled of a transaction gets RESULT, and the owner is told. */
void client_end_session(struct client *client, const struct client_result *result);
/* The same with a temporary failure. STATUS and TEXT are ours. */
void client_give_up(struct client *client, const char *status, const char *text);
void client_result_set(struct client_result *out, enum relay_result result, const char *status, const char *text);

/* ---- client_step.c ---- */

extern const struct conn_protocol client_protocol;

/* Waits for what STATE says, for as long as it may take. */
void client_enter(struct client *client, enum client_state state);
/* The reply just taken as a result: done, temporary or permanent by its code. */
void client_result_of_reply(const struct client *client, struct client_result *out);

/* ---- Handlers of replies, as the table in client_step.c has them: of the expected class, and of class 4 or 5 ---- */

void client_greeted(struct client *client);
void client_ehlo_accepted(struct client *client);
void client_ehlo_refused(struct client *client);
void client_starttls_accepted(struct client *client);
void client_starttls_refused(struct client *client);
/* Of what comes before the session is ready. */
void client_refused(struct client *client);

void client_auth_login(struct client *client);
void client_auth_name(struct client *client);
void client_auth_accepted(struct client *client);
void client_auth_refused(struct client *client);

void client_rset_accepted(struct client *client);
void client_rset_refused(struct client *client);
void client_mail_accepted(struct client *client);
void client_mail_refused(struct client *client);
void client_rcpt_answered(struct client *client);

void client_data_accepted(struct client *client);
void client_data_refused(struct client *client);
void client_chunk_accepted(struct client *client);
void client_chunk_refused(struct client *client);
void client_end_answered(struct client *client);

/* ---- client_greet.c ---- */

/* TLS is there: begins anew (RFC 3207 4.2). */
void client_secured(struct client *client);
/* What is to be done next before the session is ready. */
void client_continue(struct client *client);

/* ---- client_auth.c ---- */

void client_auth(struct client *client);

/* ---- client_send.c ---- */

size_t client_count(const struct client *client, enum client_progress progress);
/* The first recipient in that state, or NULL. */
struct client_recipient *client_first(const struct client *client, enum client_progress progress);
void client_settle(struct client_recipient *recipient, const struct client_result *result);
/* All recipients in that state. */
void client_settle_all(struct client *client, enum client_progress progress, const struct client_result *result);
/* Goes on with what client_send began and may not finish itself. */
void client_later(struct client *client);
/* Everybody is settled: ends the transaction. */
void client_finish(struct client *client);

/* ---- client_content.c ---- */

/* What recipients get when the message cannot be given out, for ERROR as content_next says. */
void client_result_of_content(int error, struct client_result *out);
/* All recipients have been answered for: DATA or BDAT, unless they are written ahead; or the end, when nobody was accepted. */
void client_envelope_done(struct client *client);
/* Writes more of the message while the socket takes it. */
void client_write_body(struct client *client);
/*
 * True when BDAT turns out to be unknown: the message is being read as commands, so the session is ended. To be asked before a
 * reply of class 4 or 5 is
 * taken for an answer to the message.
 */
bool client_chunking_unknown(struct client *client);

#endif
