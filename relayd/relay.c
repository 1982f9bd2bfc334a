/*
 * Jobs in, results out; what they share is made and freed here.
 */
#include "relayd/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/tls_client.h"
#include "relayd/session.h"
#include "relayd/transfer.h"

/* ---- authorities ---- */

struct trust *
trust_take(struct trust *trust)
{
	trust->users++;
	return trust;
}

void
trust_drop(struct trust **trust)
{
	if (*trust != NULL && --(*trust)->users == 0) {
		tls_client_context_free(&(*trust)->context);
		free(*trust);
	}
	*trust = NULL;
}

int
relay_trust(struct relay *relay, struct slice authorities)
{
	struct trust *trust = calloc(1, sizeof(*trust));
	const char *reason = "";
	int error = -ENOMEM;

	if (trust != NULL)
		error = tls_client_context_new(authorities, &trust->context, &reason);
	if (error != 0) {
		log_event(LOG_ERR, "relay.authorities", LOG_STRING("reason", reason), LOG_ERROR(error));
		free(trust);
		return error;
	}
	trust->users = 1;
	trust_drop(&relay->trust);
	relay->trust = trust;
	return 0;
}

/* ---- the whole ---- */

static void
relay_on_idle(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	session_close_idle(context, false);
}

int
relay_open(struct relay *relay, struct process *process, struct event_base *base, const struct config *config,
           struct slice authorities)
{
	relay->process = process;
	relay->base = base;
	relay->config = config;
	RB_INIT(&relay->destinations);
	TAILQ_INIT(&relay->idle);
	TAILQ_INIT(&relay->transfers);
	relay->quirks = quirks_new();
	relay->idle_timer = evtimer_new(base, relay_on_idle, relay);
	relay->resolve = resolve_new(process);
	if (relay->quirks == NULL || relay->idle_timer == NULL || relay->resolve == NULL)
		return -ENOMEM;
	return relay_trust(relay, authorities);
}

void
relay_close(struct relay *relay)
{
	relay_forget(relay, true);
	if (relay->idle_timer != NULL) {
		session_close_idle(relay, true);
		event_free(relay->idle_timer);
		relay->idle_timer = NULL;
	}
	if (relay->resolve != NULL)
		resolve_free(&relay->resolve);
	trust_drop(&relay->trust);
	quirks_free(&relay->quirks);
}

/* A job that goes nowhere, or for which there is no memory. */
static void
relay_settle(struct relay *relay, struct job *job, enum relay_result result, const char *status, const char *text)
{
	struct client_result all = { .result = result };

	strlcpy(all.status, status, sizeof(all.status));
	strlcpy(all.text, text, sizeof(all.text));
	job_decide(job, &all);
	job_log(job, "none");
	relay->finished(relay->context, job);
}

void
relay_job(struct relay *relay, struct job *job)
{
	if (job->route.kind == ROUTE_REJECT)
		relay_settle(relay, job, RELAY_PERMANENT, "5.7.1", "this host sends no mail to that domain");
	else if (job->route.kind == ROUTE_DISCARD)
		relay_settle(relay, job, RELAY_DONE, "2.0.0", "thrown away, as the route says");
	else if (transfer_begin(relay, job) != 0)
		relay_settle(relay, job, RELAY_TEMPORARY, "4.3.0", "out of memory");
}

size_t
relay_forget(struct relay *relay, bool sending_too)
{
	struct transfer *transfer = TAILQ_FIRST(&relay->transfers);
	size_t count = 0;

	while (transfer != NULL) {
		struct transfer *next = transfer_next(transfer);

		if (sending_too || !transfer_is_sending(transfer)) {
			transfer_cancel(&transfer);
			count++;
		}
		transfer = next;
	}
	return count;
}

void
relay_stop_keeping(struct relay *relay)
{
	relay->closing = true;
	session_close_idle(relay, true);
}
