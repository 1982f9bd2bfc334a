/*
 * The state machine of a transfer. Each state waits for one callback, which decides what is next:
 *
 *   ASKING      the resolver, or the parent for a UNIX socket    -> CONNECTING, OPENING, over
 *   PAUSING     the resolver is not there yet                    -> ASKING
 *   CONNECTING  to the addresses of one host                     -> OPENING, CONNECTING (the next host), over
 *   OPENING     greeting, EHLO, TLS, AUTH                        -> SENDING, CONNECTING (the next address), over
 *   SENDING     the transaction                                  -> over, CONNECTING (when nothing was answered, or MAIL was deferred),
 *                                                                   ASKING (when that was over a connection that had been kept)
 */
#include "relayd/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/proc/process.h"
#include "relayd/connector.h"
#include "relayd/hosts.h"
#include "relayd/session.h"

enum {
	PAUSE_MS = 100,       /* between two questions to a resolver that is not there, */
	PAUSES_MAX = 50,      /* so often */
	SESSIONS_MAX = 8,     /* that are opened for one job, one after the other */
	SMTP_PORT = 25,
	SUBMISSIONS_PORT = 465, /* RFC 8314 7.3 */
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

static void transfer_ask(struct transfer *transfer);
static void transfer_advance(struct transfer *transfer);

/* ---- the end ---- */

static void
transfer_free(struct transfer *transfer)
{
	struct relay *relay = transfer->relay;

	if (transfer->state == TRANSFER_SENDING)
		relay->sending--;
	TAILQ_REMOVE(&relay->transfers, transfer, next);
	if (transfer->ticket != 0)
		resolve_cancel(relay->resolve, transfer->ticket);
	if (transfer->question != NULL)
		transfer->question->transfer = NULL;
	if (transfer->session != NULL)
		session_abort(&transfer->session);
	connector_cancel(&transfer->connector);
	if (transfer->pause != NULL)
		event_free(transfer->pause);
	hosts_clear(&transfer->hosts);
	destination_drop(&relay->destinations, &transfer->destination);
	job_free(&transfer->job);
	free(transfer);
}

/* All recipients have their results. */
static void
transfer_finish(struct transfer *transfer, enum relay_destination destination)
{
	struct relay *relay = transfer->relay;
	struct job *job = transfer->job;

	job->destination = destination;
	job_log(job, transfer->tls);
	transfer->job = NULL;
	transfer_free(transfer);
	relay->finished(relay->context, job);
}

static void
transfer_fail(struct transfer *transfer, enum relay_destination destination, enum relay_result result, const char *status, const char *text)
{
	struct client_result all = { .result = result };

	strlcpy(all.status, status, sizeof(all.status));
	strlcpy(all.text, text, sizeof(all.text));
	job_decide(transfer->job, &all);
	transfer_finish(transfer, destination);
}

/* ---- hosts that did not work ---- */

static void
note_failure(struct transfer *transfer, const struct client_result *result)
{
	/* Mail comes back only when no host may take it later. */
	if (result->result == RELAY_PERMANENT && transfer->temporary)
		return;
	transfer->temporary = transfer->temporary || result->result != RELAY_PERMANENT;
	transfer->failure = *result;
}

static void
note_problem(struct transfer *transfer, const char *status, const char *where, const char *what)
{
	struct client_result result = { .result = RELAY_TEMPORARY };

	strlcpy(result.status, status, sizeof(result.status));
	snprintf(result.text, sizeof(result.text), "%s: %s", where, what);
	note_failure(transfer, &result);
}

/* Whether it is the domain of the message that led here, and not a word of the administrator: only then may what is wrong here return mail. */
static bool
is_by_domain(const struct job *job)
{
	return job->route.kind == ROUTE_MX && job->route.host.length == 0;
}

/* No host is left. */
static void
transfer_give_up(struct transfer *transfer)
{
	enum relay_destination destination = transfer->full ? RELAY_DESTINATION_FULL
	                                     : transfer->answered ? RELAY_DESTINATION_UP : RELAY_DESTINATION_DOWN;

	if (transfer->failure.text[0] == '\0' && transfer->hosts.loop) {
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, is_by_domain(transfer->job) ? RELAY_PERMANENT : RELAY_TEMPORARY,
		              is_by_domain(transfer->job) ? "5.4.6" : "4.4.6", "mail for this destination comes back to this host");
		return;
	}
	if (transfer->failure.text[0] == '\0')
		note_problem(transfer, "4.4.1", transfer->job->domain, "no host to go to");
	job_decide(transfer->job, &transfer->failure);
	transfer_finish(transfer, destination);
}

static bool
others_are_open(const struct transfer *transfer)
{
	return transfer->destination->open > (transfer->session != NULL && transfer->session->ready ? 1u : 0u);
}

/* ---- the transaction ---- */

static void
transfer_send(struct transfer *transfer)
{
	struct session *session = transfer->session;

	transfer->state = TRANSFER_SENDING;
	transfer->relay->sending++;
	strlcpy(transfer->tls, session->tls, sizeof(transfer->tls));
	strlcpy(transfer->job->remote, session->remote, sizeof(transfer->job->remote));
	session_send(session, &transfer->job->transaction);
}

/* Another connection, or another host, may do better; for the recipients nothing is decided. False: there is none. */
static bool
transfer_elsewhere(struct transfer *transfer, const struct client_outcome *outcome)
{
	const struct resolve_host *host = hosts_now(&transfer->hosts); /* NULL: kept, or a UNIX socket */

	if (outcome->chunking_refused && !transfer->whole_data) {
		transfer->whole_data = true;
		if (host == NULL)
			return true;
		quirks_add(transfer->relay->quirks, host->name, QUIRK_CHUNKING, clock_monotonic_ms());
		hosts_again(&transfer->hosts);
		return true;
	}
	if (!outcome->untouched && !outcome->deferred)
		return false;
	if (host == NULL)
		return transfer->kept;
	/* A connection that broke, or MAIL answered with 4xx: the next host (RFC 5321 5.1). */
	transfer->answered = transfer->answered || outcome->deferred;
	note_failure(transfer, &transfer->job->recipients[0].result);
	return true;
}

static void
transfer_on_done(void *context, const struct client_outcome *given)
{
	struct transfer *transfer = context;
	const struct client_outcome outcome = *given; /* the client is gone before we are done */
	bool busy = outcome.busy && others_are_open(transfer);
	bool elsewhere = transfer_elsewhere(transfer, &outcome);

	session_release(&transfer->session, outcome.usable);
	if (elsewhere) {
		transfer->relay->sending--;
		transfer->full = transfer->full || busy;
		transfer->state = TRANSFER_ASKING;
		if (hosts_now(&transfer->hosts) == NULL)
			transfer_ask(transfer);
		else
			transfer_advance(transfer);
		return;
	}
	transfer->job->dsn = outcome.dsn;
	transfer_finish(transfer, busy ? RELAY_DESTINATION_FULL : outcome.untouched ? RELAY_DESTINATION_DOWN : RELAY_DESTINATION_UP);
}

/* ---- a new session ---- */

static void
transfer_on_ready(void *context)
{
	transfer_send(context);
}

static void
transfer_on_ended(void *context, const struct client_end *end)
{
	struct transfer *transfer = context;
	const struct resolve_host *host = hosts_now(&transfer->hosts);
	bool was_optional = transfer->session->settings.tls == CLIENT_TLS_MAY;

	if (end->busy && others_are_open(transfer))
		transfer->full = true;
	note_failure(transfer, &end->result);
	if (end->tls_failed && was_optional) {
		transfer->in_clear = true;
		quirks_add(transfer->relay->quirks, host->name, QUIRK_TLS, clock_monotonic_ms());
		hosts_again(&transfer->hosts);
	}
	session_release(&transfer->session, false);
	transfer_advance(transfer);
}

static const struct session_user user = {
	.ready = transfer_on_ready,
	.done = transfer_on_done,
	.ended = transfer_on_ended,
};

/* Opens a session on FD. TARGET has what is different for hosts and for UNIX sockets. */
static void
transfer_open(struct transfer *transfer, int fd, struct session_target *target)
{
	struct job *job = transfer->job;

	target->destination = transfer->destination;
	target->route = &job->route;
	target->remote = job->remote;
	transfer->sessions++;
	transfer->state = TRANSFER_OPENING;
	transfer->session = session_new(transfer->relay, fd, target, &user, transfer);
	if (transfer->session == NULL)
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", "no session can be begun");
}

/* ---- hosts ---- */

static enum tls_policy
transfer_policy(const struct transfer *transfer, const struct resolve_host *host)
{
	unsigned quirks = quirks_of(transfer->relay->quirks, host->name, clock_monotonic_ms());

	return tls_policy_of(&transfer->job->route, transfer->relay->config->relay_tls, host->tlsa,
	                     transfer->in_clear || (quirks & QUIRK_TLS) != 0);
}

/* What says nothing of the host. */
static bool
is_our_lack(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

static void
transfer_on_connected(void *context, int fd, size_t index)
{
	struct transfer *transfer = context;
	const struct resolve_host *host = hosts_now(&transfer->hosts);
	struct session_target target = { .host = host };
	char remote[JOB_REMOTE_MAX];
	char asked[ROUTE_HOST_MAX + 1];

	transfer->connector = NULL;
	hosts_remote(&transfer->hosts, index, remote, sizeof(remote));
	if (is_our_lack(fd)) {
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", strerror(-fd));
		return;
	}
	if (fd < 0) {
		if (fd == -ECONNREFUSED && others_are_open(transfer))
			transfer->full = true;
		note_problem(transfer, "4.4.1", remote, strerror(-fd));
		hosts_tried(&transfer->hosts, host->address_count);
		transfer_advance(transfer);
		return;
	}
	hosts_tried(&transfer->hosts, index);
	strlcpy(transfer->job->remote, remote, sizeof(transfer->job->remote));
	slice_to_string(transfer->job->route.host, asked, sizeof(asked));
	target.asked = is_by_domain(transfer->job) ? transfer->job->domain : asked;
	target.canonical = transfer->hosts.answer == NULL ? "" : transfer->hosts.answer->canonical;
	target.policy = transfer_policy(transfer, host);
	target.whole_data = transfer->whole_data ||
	                    (quirks_of(transfer->relay->quirks, host->name, clock_monotonic_ms()) & QUIRK_CHUNKING) != 0;
	transfer_open(transfer, fd, &target);
}

static void
transfer_connect(struct transfer *transfer, size_t count)
{
	struct relay *relay = transfer->relay;

	transfer->state = TRANSFER_CONNECTING;
	transfer->connector = connector_new(relay->base, transfer->hosts.addresses, count,
	                                    relay->config->relay_connect_timeout * 1000, transfer_on_connected, transfer);
	if (transfer->connector == NULL)
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", "out of memory");
}

/* On to what is left of the host at the place, or to the next one. */
static void
transfer_advance(struct transfer *transfer)
{
	const struct resolve_host *host;

	while (transfer->sessions < SESSIONS_MAX && (host = hosts_now(&transfer->hosts)) != NULL) {
		bool skip = transfer_policy(transfer, host) == TLS_POLICY_SKIP;
		size_t count = skip ? 0 : hosts_addresses(&transfer->hosts, transfer->relay->config);

		if (count > 0) {
			transfer_connect(transfer, count);
			return;
		}
		if (skip)
			note_problem(transfer, "4.7.5", host->name, "its TLSA records cannot be found out (RFC 7672)");
		hosts_skip(&transfer->hosts);
		transfer->in_clear = false;
		transfer->whole_data = false;
	}
	transfer_give_up(transfer);
}

/* ---- the resolver ---- */

/* No host, for a reason. What is wrong with a host that the administrator chose returns no mail. */
static void
transfer_without_hosts(struct transfer *transfer, const struct resolve_answer *answer)
{
	static const struct {
		const char *status;
		enum relay_result result;
		enum relay_destination destination;
	} kinds[] = {
		[RESOLVE_TEMPORARY] = { "4.4.3", RELAY_TEMPORARY, RELAY_DESTINATION_DOWN },
		[RESOLVE_NO_DOMAIN] = { "5.1.2", RELAY_PERMANENT, RELAY_DESTINATION_UNKNOWN },
		[RESOLVE_NULL_MX] = { "5.1.10", RELAY_PERMANENT, RELAY_DESTINATION_UNKNOWN }, /* RFC 7505 4.2 */
		[RESOLVE_LOOP] = { "5.4.6", RELAY_PERMANENT, RELAY_DESTINATION_UNKNOWN },
	};
	enum relay_result result = kinds[answer->result].result;
	char status[CLIENT_STATUS_SIZE];

	strlcpy(status, kinds[answer->result].status, sizeof(status));
	if (result == RELAY_PERMANENT && !is_by_domain(transfer->job)) {
		result = RELAY_TEMPORARY;
		status[0] = '4';
	}
	transfer_fail(transfer, kinds[answer->result].destination, result, status, answer->text);
}

static uint16_t
transfer_port(const struct transfer *transfer)
{
	const struct route *route = &transfer->job->route;

	if (route->port != 0)
		return route->port;
	if (route->kind == ROUTE_MX)
		return (uint16_t)transfer->relay->config->relay_port;
	return route->tls_at_once ? SUBMISSIONS_PORT : SMTP_PORT;
}

static void
transfer_on_answer(void *context, struct resolve_answer *answer)
{
	struct transfer *transfer = context;

	transfer->ticket = 0;
	if (answer == NULL) {
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", "out of memory");
		return;
	}
	if (answer->result != RESOLVE_OK) {
		transfer_without_hosts(transfer, answer);
		resolve_answer_free(&answer);
		return;
	}
	hosts_from_answer(&transfer->hosts, answer, transfer_port(transfer));
	transfer_advance(transfer);
}

static void
transfer_on_pause(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	transfer_ask(context);
}

/* The resolver is just being started (again). */
static void
transfer_pause(struct transfer *transfer)
{
	const struct timeval interval = { .tv_usec = PAUSE_MS * 1000 };

	if (transfer->pause == NULL)
		transfer->pause = evtimer_new(transfer->relay->base, transfer_on_pause, transfer);
	if (transfer->pause == NULL || transfer->pauses++ == PAUSES_MAX) {
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.4.3", "the resolver is not there");
		return;
	}
	transfer->state = TRANSFER_PAUSING;
	event_add(transfer->pause, &interval);
}

static void
transfer_resolve(struct transfer *transfer)
{
	const struct route *route = &transfer->job->route;
	char host[ROUTE_HOST_MAX + 1];
	struct resolve_question question = {
		.how = route->kind == ROUTE_MX ? RESOLVE_MX : RESOLVE_HOST,
		.name = is_by_domain(transfer->job) ? transfer->job->domain : host,
		.port = transfer_port(transfer),
		.dane = tls_policy_wants_dane(route, transfer->relay->config->relay_tls),
		.backup = transfer->job->backup,
	};
	int error = slice_to_string(route->host, host, sizeof(host));

	if (error == 0)
		error = resolve_ask(transfer->relay->resolve, &question, transfer_on_answer, transfer, &transfer->ticket);
	if (error == -ENOTCONN || error == -ENOBUFS)
		transfer_pause(transfer);
	else if (error != 0)
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.4.3", strerror(-error));
}

/* ---- UNIX sockets ---- */

static void
transfer_on_socket(void *context, int fd)
{
	struct socket_question *question = context;
	struct transfer *transfer = question->transfer;
	struct session_target target = { .asked = "", .canonical = "", .policy = TLS_POLICY_OFF };
	bool refused = fd == -EAGAIN || fd == -ECONNREFUSED;

	free(question);
	if (transfer == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	transfer->question = NULL;
	snprintf(transfer->job->remote, sizeof(transfer->job->remote), "lmtp:%.*s", (int)transfer->job->route.host.length,
	         transfer->job->route.host.data);
	if (fd >= 0) {
		target.remote = transfer->job->remote;
		target.whole_data = transfer->whole_data;
		transfer_open(transfer, fd, &target);
		return;
	}
	if (refused && others_are_open(transfer))
		transfer->full = true;
	note_problem(transfer, "4.4.1", transfer->job->remote, fd == -ENOTSUP ? "relay_sockets does not name it" : strerror(-fd));
	transfer->job->remote[0] = '\0';
	transfer_give_up(transfer);
}

static void
transfer_ask_for_socket(struct transfer *transfer)
{
	struct socket_question *question = malloc(sizeof(*question));
	const struct slice path = transfer->job->route.host;
	char name[ROUTE_HOST_MAX + sizeof("lmtp:")];
	int error = -ENOMEM;

	snprintf(name, sizeof(name), "lmtp:%.*s", (int)path.length, path.data);
	if (question != NULL) {
		question->transfer = transfer;
		error = process_request_channel(transfer->relay->process, name, transfer_on_socket, question);
	}
	if (error != 0) {
		free(question);
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", strerror(-error));
		return;
	}
	transfer->question = question;
}

/* ---- the beginning ---- */

/* From the start: where is it to go? */
static void
transfer_ask(struct transfer *transfer)
{
	transfer->state = TRANSFER_ASKING;
	transfer->kept = false;
	if (transfer->job->route.kind == ROUTE_LMTP_SOCKET)
		transfer_ask_for_socket(transfer);
	else if (hosts_from_literal(&transfer->hosts, transfer->job, transfer_port(transfer)))
		transfer_advance(transfer);
	else
		transfer_resolve(transfer);
}

int
transfer_begin(struct relay *relay, struct job *job)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	char key[JOB_KEY_MAX];

	if (transfer == NULL)
		return -ENOMEM;
	transfer->destination = destination_take(&relay->destinations, job_key(job, key));
	if (transfer->destination == NULL) {
		free(transfer);
		return -ENOMEM;
	}
	transfer->relay = relay;
	transfer->job = job;
	strlcpy(transfer->tls, "none", sizeof(transfer->tls));
	TAILQ_INSERT_TAIL(&relay->transfers, transfer, next);
	transfer->session = session_reuse(transfer->destination, &user, transfer);
	if (transfer->session != NULL) {
		transfer->kept = true;
		transfer_send(transfer);
	} else {
		transfer_ask(transfer);
	}
	return 0;
}

bool
transfer_is_sending(const struct transfer *transfer)
{
	return transfer->state == TRANSFER_SENDING;
}

struct transfer *
transfer_next(const struct transfer *transfer)
{
	return TAILQ_NEXT(transfer, next);
}

void
transfer_cancel(struct transfer **transfer)
{
	transfer_free(*transfer);
	*transfer = NULL;
}
