/*
 * Sessions: made for a job, kept for others, closed when nobody needs them for relay_idle_timeout, or relay_messages went over them.
 */
#include "relayd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum { MS = 1000 };

/* ---- idle ---- */

static void
session_free(struct session **session)
{
	struct session *it = *session;

	if (it->client != NULL)
		client_close(&it->client);
	if (it->ready)
		it->destination->open--;
	destination_drop(&it->relay->destinations, &it->destination);
	trust_drop(&it->trust);
	explicit_bzero(it->password, sizeof(it->password));
	free(it);
	*session = NULL;
}

static void
session_take_from_idle(struct session *session)
{
	TAILQ_REMOVE(&session->destination->idle, session, of_destination);
	TAILQ_REMOVE(&session->relay->idle, session, of_relay);
	session->relay->idle_count--;
	session->idle_end = 0;
}

static void
session_quit(struct session *session)
{
	client_quit(&session->client);
	session_free(&session);
}

static void
arm_idle_timer(struct relay *relay)
{
	const struct session *first = TAILQ_FIRST(&relay->idle);
	int64_t left;

	if (first == NULL) {
		event_del(relay->idle_timer);
		return;
	}
	left = first->idle_end - clock_monotonic_ms();
	left = left < 0 ? 0 : left;
	event_add(relay->idle_timer, &(struct timeval){ .tv_sec = left / MS, .tv_usec = left % MS * MS });
}

void
session_close_idle(struct relay *relay, bool all)
{
	int64_t now = clock_monotonic_ms();
	struct session *session;

	while ((session = TAILQ_FIRST(&relay->idle)) != NULL) {
		if (!all && session->idle_end > now && relay->idle_count <= relay->idle_most)
			break;
		session_take_from_idle(session);
		session_quit(session);
	}
	arm_idle_timer(relay);
}

/* The time that a session may be idle is the same for all, so that the list of them is in the order of their ends. */
static void
session_keep(struct session *session)
{
	struct relay *relay = session->relay;

	session->user = NULL;
	session->context = NULL;
	session->idle_end = clock_monotonic_ms() + (int64_t)relay->config->relay_idle_timeout * MS;
	TAILQ_INSERT_HEAD(&session->destination->idle, session, of_destination);
	TAILQ_INSERT_TAIL(&relay->idle, session, of_relay);
	relay->idle_count++;
	if (relay->idle_count > relay->idle_most)
		session_close_idle(relay, false);
	else if (!event_pending(relay->idle_timer, EV_TIMEOUT, NULL))
		arm_idle_timer(relay);
}

/* ---- the client's callbacks ---- */

static void
note_tls(struct session *session)
{
	static const char *const peers[] = { [TLS_PEER_NONE] = "", [TLS_PEER_AUTHORITY] = "/verified", [TLS_PEER_DANE] = "/dane" };
	struct tls_info info;

	if (client_tls_info(session->client, &info))
		snprintf(session->tls, sizeof(session->tls), "%s%s", info.version, peers[info.peer]);
}

static void
session_on_ready(void *context, struct client *client)
{
	struct session *session = context;

	(void)client;
	session->ready = true;
	explicit_bzero(session->password, sizeof(session->password)); /* the login is over */
	session->destination->open++;
	note_tls(session);
	session->user->ready(session->context);
}

static void
session_on_done(void *context, struct client *client, struct client_transaction *transaction, const struct client_outcome *outcome)
{
	struct session *session = context;

	(void)client;
	(void)transaction;
	session->user->done(session->context, outcome);
}

static void
session_on_ended(void *context, struct client *client, const struct client_end *end)
{
	struct session *session = context;

	(void)client;
	if (session->idle_end != 0) {
		session_take_from_idle(session);
		session_free(&session);
	} else {
		session->user->ended(session->context, end);
	}
}

static const struct client_callbacks callbacks = {
	.ready = session_on_ready,
	.done = session_on_done,
	.ended = session_on_ended,
};

/* ---- making one ---- */

static void
add_name(struct session *session, const char *name)
{
	struct tls_client_settings *settings = &session->tls_settings;
	char *copy = session->names[settings->name_count < TLS_CLIENT_NAMES_MAX ? settings->name_count : 0];

	if (name[0] == '\0' || settings->name_count == TLS_CLIENT_NAMES_MAX)
		return;
	for (const char *byte = name; *byte != '\0'; byte++)
		if ((unsigned char)*byte > 0x7f)
			return; /* certificates have A-labels (RFC 6125 6.4.2), as what DNS calls the domain has */
	for (size_t i = 0; i < settings->name_count; i++)
		if (strcmp(session->names[i], name) == 0)
			return;
	if (strlcpy(copy, name, sizeof(session->names[0])) >= sizeof(session->names[0]))
		return;
	settings->names[settings->name_count++] = slice_from_string(copy);
}

static void
add_records(struct session *session, const struct resolve_host *host)
{
	char *room = (char *)&session->tlsa[host->record_count];

	session->tls_settings.tlsa = session->tlsa;
	session->tls_settings.tlsa_count = host->record_count;
	for (size_t i = 0; i < host->record_count; i++) {
		const struct resolve_tlsa_record *record = &host->records[i];

		memcpy(room, record->data.data, record->data.length);
		session->tlsa[i] = (struct tls_client_tlsa){ .usage = record->usage, .selector = record->selector,
			                                     .matching = record->matching_type,
			                                     .data = slice_of(room, record->data.length) };
		room += record->data.length;
	}
}

/* Whom the server must be. RFC 7672 3.2.2: of an MX host, the domain and what it is a CNAME of are good names, too. */
static void
set_tls(struct session *session, const struct session_target *target)
{
	static const enum client_tls kinds[] = {
		[TLS_POLICY_OFF] = CLIENT_TLS_OFF, [TLS_POLICY_MAY] = CLIENT_TLS_MAY, [TLS_POLICY_MUST] = CLIENT_TLS_MUST,
		[TLS_POLICY_AUTHORITY] = CLIENT_TLS_MUST, [TLS_POLICY_DANE] = CLIENT_TLS_MUST,
	};
	const struct route *route = target->route;

	session->settings.tls = kinds[target->policy];
	session->settings.tls_at_once = route->tls_at_once;
	session->settings.tls_settings = &session->tls_settings;
	if (target->policy == TLS_POLICY_OFF)
		return;
	session->trust = trust_take(session->relay->trust);
	session->settings.tls_context = session->trust->context;
	if (target->policy == TLS_POLICY_DANE) {
		session->tls_settings.check = TLS_CLIENT_DANE;
		add_name(session, target->host->tlsa_base);
		add_records(session, target->host);
		if (route->kind == ROUTE_MX) {
			add_name(session, target->asked);
			add_name(session, target->canonical);
		}
		return;
	}
	session->tls_settings.check = target->policy == TLS_POLICY_AUTHORITY ? TLS_CLIENT_AUTHORITY : TLS_CLIENT_ANY;
	add_name(session, target->host->name);
}

static void
set_timeouts(struct client_settings *settings, const struct config *config)
{
	settings->command_timeout = config->relay_command_timeout * MS;
	settings->data_timeout = config->relay_data_timeout * MS;
	settings->end_timeout = config->relay_end_timeout * MS;
}

static void
set_login(struct session *session, const struct route *route)
{
	slice_to_string(route->login, session->login, sizeof(session->login));
	slice_to_string(route->password, session->password, sizeof(session->password));
	session->settings.login = slice_from_string(session->login);
	session->settings.password = slice_from_string(session->password);
}

static size_t
records_size(const struct resolve_host *host)
{
	size_t size = 0;

	for (size_t i = 0; host != NULL && i < host->record_count; i++)
		size += sizeof(struct tls_client_tlsa) + host->records[i].data.length;
	return size;
}

struct session *
session_new(struct relay *relay, int fd, const struct session_target *target, const struct session_user *user, void *context)
{
	const struct route *route = target->route;
	struct session *session = calloc(1, sizeof(*session) + records_size(target->host));

	if (session == NULL) {
		close(fd);
		return NULL;
	}
	session->relay = relay;
	session->user = user;
	session->context = context;
	session->destination = target->destination;
	session->destination->users++;
	strlcpy(session->remote, target->remote, sizeof(session->remote));
	strlcpy(session->tls, "none", sizeof(session->tls));
	strlcpy(session->hostname, relay->config->hostname, sizeof(session->hostname));
	session->settings.hostname = session->hostname;
	session->settings.remote = session->remote;
	session->settings.lmtp = route->kind == ROUTE_LMTP || route->kind == ROUTE_LMTP_SOCKET;
	session->settings.whole_data = target->whole_data;
	set_timeouts(&session->settings, relay->config);
	set_login(session, route);
	set_tls(session, target);
	session->client = client_new(relay->base, fd, &session->settings, &callbacks, session);
	if (session->client == NULL)
		session_free(&session);
	return session;
}

/* ---- using one ---- */

struct session *
session_reuse(struct destination *destination, const struct session_user *user, void *context)
{
	struct session *session = TAILQ_FIRST(&destination->idle);

	if (session == NULL)
		return NULL;
	session_take_from_idle(session);
	session->user = user;
	session->context = context;
	return session;
}

void
session_send(struct session *session, struct client_transaction *transaction)
{
	session->messages++;
	client_send(session->client, transaction);
}

void
session_release(struct session **session, bool usable)
{
	struct session *it = *session;

	*session = NULL;
	if (!usable || it->relay->closing || it->messages >= it->relay->config->relay_messages)
		session_quit(it);
	else
		session_keep(it);
}

void
session_abort(struct session **session)
{
	session_free(session);
}
