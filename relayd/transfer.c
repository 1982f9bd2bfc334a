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

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "relayd/transfer_state.h"

static void transfer_ask(struct transfer *transfer);

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

void
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

void
transfer_note_problem(struct transfer *transfer, const char *status, const char *where, const char *what)
{
	struct client_result result = { .result = RELAY_TEMPORARY };

	strlcpy(result.status, status, sizeof(result.status));
	snprintf(result.text, sizeof(result.text), "%s: %s", where, what);
	note_failure(transfer, &result);
}

bool
transfer_is_by_domain(const struct transfer *transfer)
{
	return transfer->job->route.kind == ROUTE_MX && transfer->job->route.host.length == 0;
}

void
transfer_give_up(struct transfer *transfer)
{
	enum relay_destination destination = transfer->full ? RELAY_DESTINATION_FULL
	                                     : transfer->answered ? RELAY_DESTINATION_UP : RELAY_DESTINATION_DOWN;

	if (transfer->failure.text[0] == '\0' && transfer->hosts.loop) {
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, transfer_is_by_domain(transfer) ? RELAY_PERMANENT : RELAY_TEMPORARY,
		              transfer_is_by_domain(transfer) ? "5.4.6" : "4.4.6", "mail for this destination comes back to this host");
		return;
	}
	if (transfer->failure.text[0] == '\0')
		transfer_note_problem(transfer, "4.4.1", transfer->job->domain, "no host to go to");
	job_decide(transfer->job, &transfer->failure);
	transfer_finish(transfer, destination);
}

bool
transfer_others_are_open(const struct transfer *transfer)
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

/* What a host that took nothing said to it: not what was found wrong with single recipients before. */
static const struct client_result *
transfer_refusal(const struct transfer *transfer)
{
	const struct client_transaction *transaction = &transfer->job->transaction;

	for (size_t i = 0; i < transaction->recipient_count; i++)
		if (transaction->recipients[i].result.result == RELAY_TEMPORARY)
			return &transaction->recipients[i].result;
	return &transaction->recipients[0].result;
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
	note_failure(transfer, transfer_refusal(transfer));
	return true;
}

/* Why a message goes a second time: a connection that was kept was of no use, say. */
static void
log_again(const struct transfer *transfer)
{
	char id[QUEUEID_SIZE];

	queueid_format(transfer->job->id, id);
	log_event(LOG_INFO, "relay.again", LOG_STRING("queue_id", id), LOG_STRING("domain", transfer->job->domain),
	          LOG_STRING("remote", transfer->job->remote), LOG_STRING("text", transfer_refusal(transfer)->text));
}

static void
transfer_on_done(void *context, const struct client_outcome *given)
{
	struct transfer *transfer = context;
	const struct client_outcome outcome = *given; /* the client is gone before we are done */
	bool busy = outcome.busy && transfer_others_are_open(transfer);
	bool elsewhere = transfer_elsewhere(transfer, &outcome);

	if (elsewhere && hosts_now(&transfer->hosts) == NULL)
		log_again(transfer);
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

	if (end->busy && transfer_others_are_open(transfer))
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

void
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

/* ---- the beginning ---- */

/* From the start: where is it to go? */
static void
transfer_ask(struct transfer *transfer)
{
	transfer->state = TRANSFER_ASKING;
	transfer->kept = false;
	if (transfer->job->route.kind == ROUTE_LMTP_SOCKET)
		transfer_ask_for_socket(transfer);
	else
		transfer_find_hosts(transfer);
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
