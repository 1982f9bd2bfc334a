/*
 * A connection to a host: its client (relayd/client.h) with everything that must live as long as that. It has one user at a time, or none while it
 * is kept.
 */
#ifndef ANGARIUM_RELAYD_SESSION_H
#define ANGARIUM_RELAYD_SESSION_H

#include "common/mail/config.h"
#include "relayd/client.h"
#include "relayd/relay.h"
#include "relayd/tls_policy.h"

enum { SESSION_TLS_MAX = 32 }; /* bytes of "TLSv1.3/verified" with its NUL */

struct session_user {
	void (*ready)(void *context);
	/* The session is still the user's, to be given back by session_release. */
	void (*done)(void *context, const struct client_outcome *outcome);
	/* It never got ready. Likewise. */
	void (*ended)(void *context, const struct client_end *end);
};

/* What a session is made for; all of it is copied. */
struct session_target {
	struct destination *destination;
	const struct route *route;
	const struct resolve_host *host; /* NULL: a UNIX socket */
	const char *asked;           /* the domain whose MX host it is, */
	const char *canonical;       /* and what that is a CNAME of, or "" (struct resolve_answer) */
	const char *remote;          /* "mx.example.org [192.0.2.1]:25" */
	enum tls_policy policy;
	bool whole_data;
};

struct session {
	TAILQ_ENTRY(session) of_destination; /* while it is idle; as the next two */
	TAILQ_ENTRY(session) of_relay;
	int64_t idle_end;                    /* clock_monotonic_ms; 0: it is not idle */
	struct relay *relay;
	struct destination *destination;
	struct client *client;
	const struct session_user *user;
	void *context;               /* of USER */
	struct trust *trust;
	uint32_t messages;           /* that went over it */
	bool ready;
	char remote[JOB_REMOTE_MAX];
	char tls[SESSION_TLS_MAX];   /* "none", "TLSv1.3", "TLSv1.3/dane" */
	char hostname[CONFIG_NAME_MAX];
	char login[ROUTE_LOGIN_MAX + 1];
	char password[ROUTE_PASSWORD_MAX + 1];
	char names[TLS_CLIENT_NAMES_MAX][TLS_CLIENT_NAME_MAX + 1];
	struct tls_client_settings tls_settings;
	struct client_settings settings;
	struct tls_client_tlsa tlsa[];
};

/* Begins a session on FD, for a first user. NULL when out of memory, or TLS cannot be as asked; FD is closed then. */
struct session *session_new(struct relay *relay, int fd, const struct session_target *target,
                            const struct session_user *user, void *context);
/* One that is kept for DESTINATION, for its next user; NULL when there is none. */
struct session *session_reuse(struct destination *destination, const struct session_user *user, void *context);
/* Sends over a session that is ready. */
void session_send(struct session *session, struct client_transaction *transaction);
/* The user needs it no more: it is kept when it is USABLE and may be, else it says QUIT. Sets *session to NULL. */
void session_release(struct session **session, bool usable);
/* Closes it at once, in the middle of whatever it does. Sets *session to NULL. */
void session_abort(struct session **session);

/* Closes those that are idle: all, or what is too long so or too many. */
void session_close_idle(struct relay *relay, bool all);

#endif
