/*
 * The role "worker": its listeners, its links to tabled and queued, and the limits of its sessions. Confined,
 * it has no files and can only answer, ask and hand over.
 */
#include "smtpd/worker.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/tls_key.h"
#include "common/ipc/link.h"
#include "common/proc/listener.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"
#include "smtpd/limit.h"
#include "smtpd/lookup.h"
#include "smtpd/session.h"
#include "smtpd/submit.h"

enum {
	SESSION_DESCRIPTORS = 2, /* the socket, and a spool file */
	STOP_SECONDS = 5, /* for messages that are on their way to the queue, and for the last replies */
};

struct worker;

/* The listening sockets of one name. */
struct port {
	struct worker *worker;
	enum session_port kind;
	struct listener_set listeners;
};

struct worker {
	struct session_host host;
	struct process *process;
	struct port smtp;
	struct port submission;
	struct port submissions;
	struct port local;
	struct listener *users; /* of the UNIX socket */
	LIST_HEAD(session_list, session) sessions;
	struct event *stop_timer;
	bool stopping;
};

/*
 * Tells a client that it cannot be served. A new socket always has room for one line; if not, that is the
 * client's loss. Where TLS would come first, nothing is said.
 */
static void
turn_away(const struct port *port, int client, const struct sockaddr *address, enum limits_result why)
{
	struct slice line = reply_line(REPLY_TOO_MANY_SESSIONS);
	char text[INET6_ADDRSTRLEN];
	uint32_t unlogged;

	if (limits_log(&port->worker->host.limits, address, clock_monotonic_ms(), &unlogged)) {
		config_address_text(address, text, sizeof(text));
		log_event(LOG_NOTICE, "smtp.turn_away", LOG_STRING("client", text),
		          LOG_STRING("limit", limit_name(why, LIMITS_SESSIONS)), LOG_UINT("unlogged", unlogged));
	}
	if (port->kind != SESSION_PORT_SUBMISSIONS && send(client, line.data, line.length, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(client, SHUT_WR);
	close(client);
}

static void
session_entered(struct worker *worker, struct session *session, struct limits_client *limited)
{
	if (session == NULL) {
		limits_leave(&worker->host.limits, limited, clock_monotonic_ms());
		return;
	}
	session->limited = limited;
	LIST_INSERT_HEAD(&worker->sessions, session, entry);
}

static void
accepted(void *context, int client, const struct sockaddr *address, socklen_t length)
{
	struct port *port = context;
	struct worker *worker = port->worker;
	struct limits *limits = &worker->host.limits;
	struct limits_client *limited;
	enum limits_result result;

	(void)length;
	result = limits_enter(limits, address, limit_exempts(worker->host.config, address), clock_monotonic_ms(), &limited);
	if (result != LIMITS_OK) {
		turn_away(port, client, address, result);
		return;
	}
	session_entered(worker, session_new(&worker->host, client, address, port->kind), limited);
}

/* A user of this host. Rates do not hold for him, as they do not for relay_networks. */
static void
accepted_user(void *context, int client, uid_t uid)
{
	struct port *port = context;
	struct worker *worker = port->worker;
	struct sockaddr_in6 address;
	struct limits_client *limited;
	enum limits_result result;

	limits_local_user(uid, &address);
	result = limits_enter(&worker->host.limits, (const struct sockaddr *)(const void *)&address, true, clock_monotonic_ms(), &limited);
	if (result != LIMITS_OK)
		turn_away(port, client, (const struct sockaddr *)(const void *)&address, result);
	else
		session_entered(worker, session_new_local(&worker->host, client, uid), limited);
}

/* All is said: the loop ends in its next turn, after the last replies have left. */
static void
finish(struct worker *worker)
{
	event_add(worker->stop_timer, &(struct timeval){ 0 });
}

static void
session_gone(struct session_host *host, struct session *session)
{
	struct worker *worker = (struct worker *)(void *)((char *)host - offsetof(struct worker, host));

	LIST_REMOVE(session, entry);
	limits_leave(&host->limits, session->limited, clock_monotonic_ms());
	if (worker->stopping && host->limits.sessions == 0)
		finish(worker);
}

static void
listen_on(struct port *port, struct worker *worker, const char *name, enum session_port kind)
{
	port->worker = worker;
	port->kind = kind;
	(void)listener_set_update(&port->listeners, worker->process, name, accepted, port); /* what could not be now can be at the next reload */
}

/* Again after a reload: the first certificate brings listeners, and the last one takes them along. */
static void
listen_to_all(struct worker *worker)
{
	listen_on(&worker->smtp, worker, "smtp", SESSION_PORT_SMTP);
	listen_on(&worker->submission, worker, "submission", SESSION_PORT_SUBMISSION);
	listen_on(&worker->submissions, worker, "submissions", SESSION_PORT_SUBMISSIONS);
}

static void
listen_to_users(struct worker *worker)
{
	worker->local.worker = worker;
	worker->local.kind = SESSION_PORT_LOCAL;
	worker->users = listener_new_public(worker->process, "submit", accepted_user, &worker->local);
}

static void
set_rules(struct worker *worker)
{
	struct limits_rules *rules = &worker->host.limits.rules;

	limit_rules(worker->host.config, rules);
	rules->sessions = process_clients(worker->process, rules->sessions, SESSION_DESCRIPTORS);
}

static void
reloaded(void *context)
{
	struct worker *worker = context;

	worker->host.config = process_config(worker->process);
	set_rules(worker);
	if (!worker->stopping)
		listen_to_all(worker);
}

static void
stop_now(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;

	(void)fd;
	(void)what;
	process_stop(worker->process);
}

static void
stop(void *context)
{
	struct worker *worker = context;
	struct session *session;
	struct session *next;

	worker->stopping = true;
	listener_set_close(&worker->smtp.listeners);
	listener_set_close(&worker->submission.listeners);
	listener_set_close(&worker->submissions.listeners);
	listener_free(&worker->users);
	event_add(worker->stop_timer, &(struct timeval){ .tv_sec = STOP_SECONDS });
	if (worker->host.limits.sessions == 0)
		finish(worker);
	LIST_FOREACH_SAFE(session, &worker->sessions, entry, next)
		session_shut_down(session);
}

int
worker_main(struct process *process)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL)
		return EX_OSERR;
	worker->process = process;
	LIST_INIT(&worker->sessions);
	limits_init(&worker->host.limits);
	worker->host.base = process_base(process);
	worker->host.config = process_config(process);
	set_rules(worker);
	worker->host.index = process_index(process);
	worker->host.tls = role_tls_context;
	worker->host.tls_ready = tls_key_ready;
	worker->host.ended = session_gone;
	worker->host.tabled = lookup_link(process);
	worker->host.submit = submit_new(process);
	worker->stop_timer = evtimer_new(worker->host.base, stop_now, worker);
	if (worker->host.tabled == NULL || worker->host.submit == NULL || worker->stop_timer == NULL)
		return EX_OSERR;
	listen_to_all(worker);
	listen_to_users(worker);
	process_on_reload(process, reloaded, worker);
	process_on_stop(process, stop, worker);
	return process_run(process);
}
