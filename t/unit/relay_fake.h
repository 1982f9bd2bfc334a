/*
 * A world for transfers without a resolver and without SMTP: what DNS says and what each session does stands in a script. Connections are
 * real, on the loopback network.
 */
#ifndef ANGARIUM_T_RELAY_FAKE_H
#define ANGARIUM_T_RELAY_FAKE_H

#include <event2/event.h>

#include "common/mail/config.h"
#include "relayd/relay.h"
#include "relayd/session.h"

enum {
	FAKE_SESSIONS_MAX = 16,
	FAKE_JOBS_MAX = 16,
	FAKE_SENDS_MAX = 4,
};

/* What one session does, in the order in which they are opened. All zero: ready, and every transaction succeeds. */
struct fake_session {
	bool fails; /* never ready: END */
	bool hangs; /* never says anything */
	struct client_end end;
	struct {
		bool hangs;
		struct client_outcome outcome; /* without USABLE: see BREAKS */
		bool breaks;                   /* not usable afterwards */
		struct client_result result;   /* of all recipients; all zero: RELAY_DONE */
		struct client_result first;    /* of the first one, when it has a status */
	} sends[FAKE_SENDS_MAX];

	/* what was seen */
	char remote[JOB_REMOTE_MAX];
	enum client_tls tls;
	enum tls_client_check check;
	bool whole_data;
	unsigned sent;
	bool quit;
	bool closed;
};

struct fake {
	struct event_base *base;
	struct config config;
	struct relay relay;
	struct fake_session sessions[FAKE_SESSIONS_MAX];
	size_t session_count;
	struct job *jobs[FAKE_JOBS_MAX]; /* finished */
	size_t job_count;
	unsigned questions;              /* to the resolver */
	struct resolve_question question; /* the last, without its name */
	char question_name[RESOLVE_TEXT_MAX];
	struct resolve_answer answer;    /* to all questions */
	struct resolve_host hosts[RESOLVE_HOSTS_MAX];
	struct resolve_address addresses[RESOLVE_HOSTS_MAX][RESOLVE_ADDRESSES_MAX];
	bool resolver_is_away;
	uint16_t port;                   /* of all listeners */
	int listeners[RESOLVE_HOSTS_MAX];
	size_t listener_count;
};

extern struct fake fake;

void fake_open(void);
void fake_close(void);
/* One more MX host NAME with the address 127.0.0.LAST, at which somebody LISTENS or not. Its index. */
size_t fake_host(const char *name, unsigned last, bool listens);
/* One more address of the last host. */
void fake_address(unsigned last, bool listens);
/* Gives the job to the relay. */
void fake_job(const char *domain, const char *route, enum route_tls tls);
/* Runs the loop until COUNT jobs are finished. */
void fake_run(size_t count);
/* Runs the loop until CONDITION is true. */
void fake_run_until(bool (*condition)(void));
/* The result of the first recipient of finished job INDEX. */
const struct client_result *fake_result(size_t index);

#endif
