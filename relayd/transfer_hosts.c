/*
 * Where a transfer goes: it asks the resolver, and connects to one host after the other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/mail/queueid.h"
#include "relayd/transfer_state.h"

enum {
	PAUSE_MS = 100,         /* between two questions to a resolver that is not there, */
	PAUSES_MAX = 50,        /* so often */
	SMTP_PORT = 25,
	SUBMISSIONS_PORT = 465, /* RFC 8314 7.3 */
};

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
		if (fd == -ECONNREFUSED && transfer_others_are_open(transfer))
			transfer->full = true;
		transfer_note_problem(transfer, "4.4.1", remote, strerror(-fd));
		hosts_tried(&transfer->hosts, host->address_count);
		transfer_advance(transfer);
		return;
	}
	if (hosts_is_this_one(&transfer->hosts, fd, transfer->relay->config)) {
		close(fd);
		transfer_advance(transfer);
		return;
	}
	hosts_tried(&transfer->hosts, index);
	strlcpy(transfer->job->remote, remote, sizeof(transfer->job->remote));
	slice_to_string(transfer->job->route.host, asked, sizeof(asked));
	target.asked = transfer_is_by_domain(transfer) ? transfer->job->domain : asked;
	target.canonical = transfer->hosts.answer == NULL ? "" : transfer->hosts.answer->canonical;
	target.policy = transfer_policy(transfer, host);
	target.whole_data = transfer->whole_data ||
	                    (quirks_of(transfer->relay->quirks, host->name, clock_monotonic_ms()) & QUIRK_CHUNKING) != 0;
	transfer_open(transfer, fd, &target);
}

/* Why the mail does not go where it should have gone first. */
static void
log_next_host(const struct transfer *transfer)
{
	char id[QUEUEID_SIZE];

	queueid_format(transfer->job->id, id);
	log_event(LOG_INFO, "relay.next_host", LOG_STRING("queue_id", id), LOG_STRING("domain", transfer->job->domain),
	          LOG_STRING("host", hosts_now(&transfer->hosts)->name), LOG_STRING("text", transfer->failure.text));
}

static void
transfer_connect(struct transfer *transfer, size_t count)
{
	struct relay *relay = transfer->relay;

	if (transfer->failure.text[0] != '\0')
		log_next_host(transfer);
	transfer->state = TRANSFER_CONNECTING;
	transfer->connector = connector_new(relay->base, transfer->hosts.addresses, count,
	                                    relay->config->relay_connect_timeout * 1000, transfer_on_connected, transfer);
	if (transfer->connector == NULL)
		transfer_fail(transfer, RELAY_DESTINATION_UNKNOWN, RELAY_TEMPORARY, "4.3.0", "out of memory");
}

void
transfer_advance(struct transfer *transfer)
{
	const struct resolve_host *host;

	while (transfer->sessions < TRANSFER_SESSIONS_MAX && (host = hosts_now(&transfer->hosts)) != NULL) {
		bool skip = transfer_policy(transfer, host) == TLS_POLICY_SKIP;
		size_t count = skip ? 0 : hosts_addresses(&transfer->hosts, transfer->relay->config);

		if (count > 0) {
			transfer_connect(transfer, count);
			return;
		}
		if (skip)
			transfer_note_problem(transfer, "4.7.5", host->name, "its TLSA records cannot be found out (RFC 7672)");
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
	if (result == RELAY_PERMANENT && !transfer_is_by_domain(transfer)) {
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
	transfer_find_hosts(context);
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
		.name = transfer_is_by_domain(transfer) ? transfer->job->domain : host,
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

void
transfer_find_hosts(struct transfer *transfer)
{
	transfer->state = TRANSFER_ASKING;
	if (hosts_from_literal(&transfer->hosts, transfer->job, transfer_port(transfer)))
		transfer_advance(transfer);
	else
		transfer_resolve(transfer);
}
