/*
 * The login role: POP3's AUTHORIZATION state (RFC 1939 section 4) for clients who have not yet said who they
 * are.
 *
 * login.c accepts and ends sessions, login_limit.c says how many there may be, login_verbs.c speaks with the client,
 * login_auth.c asks tabled about passwords, login_stls.c begins TLS, and login_handoff.c gives the client to a session worker; relay.c goes
 * between when there is TLS.
 */
#ifndef ANGARIUM_POP3D_LOGIN_H
#define ANGARIUM_POP3D_LOGIN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/io/conn.h"
#include "common/io/limits.h"
#include "common/ipc/link.h"
#include "common/ipc/proto_table.h"
#include "common/mail/auth.h"
#include "common/proc/listener.h"
#include "common/proc/process.h"
#include "pop3d/proto_handoff.h"

enum login_limits {
	LOGIN_FAILURES_MAX = 3,  /* wrong passwords after which a connection is closed */
	LOGIN_ERRORS_MAX = 10,   /* lines that are no proper command, likewise */
	LOGIN_SESSION_WORKERS_MAX = 256,
	LOGIN_DESCRIPTORS = 3, /* of a client: its socket, the way to a session worker, and what is kept until that has answered */
	LOGIN_UNSENT_MAX = 4 * 1024, /* bytes of replies that the client has not read, at which it is not listened to any more */
};

struct login_worker;

enum login_state {
	LOGIN_NO_USER,  /* USER has not been given */
	LOGIN_USER,     /* PASS may come */
	LOGIN_SASL,     /* the client must answer a challenge (RFC 5034) */
	LOGIN_CHECKING, /* tabled is asked */
	LOGIN_LEAVING,  /* the answer will be given by a session worker, once our own replies have left */
};

struct login {
	TAILQ_ENTRY(login) next;
	struct login_worker *worker;
	struct conn *conn;
	struct limits_client *limited; /* in worker->limits; NULL once a relay has it */
	struct auth *auth;   /* while LOGIN_SASL or LOGIN_CHECKING, else NULL */
	struct event *leave; /* hands the client over after its input was handled; NULL until it is needed */
	char *user;          /* as given, or NULL */
	enum login_state state;
	uint8_t failures;
	uint8_t errors;
	bool skipping; /* an overlong line */
	bool utf8;
	bool tls;      /* it is there, or its handshake is under way */
	bool loopback; /* the client is on this host */
	unsigned char ticket[TABLE_TICKET_SIZE]; /* when LOGIN_LEAVING */
	char session[HANDOFF_SESSION_SIZE];
	char client[HANDOFF_CLIENT_SIZE];
};

struct login_worker {
	struct process *process;
	struct link *tabled;
	struct link *sessions[LOGIN_SESSION_WORKERS_MAX]; /* one to each session worker */
	struct link_protocol session_protocols[LOGIN_SESSION_WORKERS_MAX];
	char session_names[LOGIN_SESSION_WORKERS_MAX][24];
	unsigned session_count;
	struct listener_set pop3, pop3s;
	unsigned turn; /* the session worker that gets the next client */
	TAILQ_HEAD(login_list, login) logins;
	struct limits limits; /* of clients; those with TLS count also after they have logged in */
};

extern const struct conn_protocol login_protocol;

/* The role's main (common/proc/service.h). */
int login_main(struct process *process);
/* Closes the connection once what was written has left, and forgets the session. */
void login_close(struct login *login);
/* Answers a session that can go no further by our own fault, and closes it. */
void login_close_temporary(struct login *login);

/* Brings the rules up to the present configuration. */
void login_limit_rules(struct login_worker *worker);
/* True when a client from ADDRESS may come in, and is counted then; else logged. */
bool login_limit_enter(struct login_worker *worker, const struct sockaddr *address, struct limits_client **client_r);
/* The client has made a mistake. False when its address has made too many. */
bool login_limit_error(struct login *login);

/* Input of the connection (conn_protocol). */
size_t login_input(void *context, struct conn *conn, struct slice input);

/* What may be offered to the client. */
struct sasl_terms login_terms(const struct login *login);
/*
 * Each begins, or goes on with, a login that tabled decides (common/mail/auth.h), and answers the client, now or later. False when there is
 * no session any more. While tabled is asked the connection is paused.
 */
bool login_password(struct login *login, struct slice password);
bool login_sasl(struct login *login, enum sasl_mechanism mechanism, struct slice initial);
bool login_sasl_line(struct login *login, struct slice line);
/* Undoes what is under way for a session that ends. */
void login_authenticate_cancel(struct login *login);
extern const struct link_protocol login_tabled_protocol;

/* True when the client may begin TLS. */
bool login_offers_tls(const struct login *login);
/* Why TLS cannot begin, as a reply without its CRLF, or NULL. */
const char *login_refuse_tls(const struct login *login);
/* Begins TLS (conn_start_tls), and forgets what the client said. */
int login_start_tls(struct login *login);
/* conn_protocol's secured: logs it. */
void login_secured(void *context, struct conn *conn);
/* Logs why a connection ends, if that has to do with TLS. */
void login_tls_failed(const struct login *login);

/* Gives the client away once its output has left (conn_protocol's drained comes back here); LOGIN is freed then. */
void login_handoff(struct login *login);
/* Opens the links to the session workers. 0 or -ENOMEM. */
int login_handoff_links(struct login_worker *worker);

#endif
