/*
 * The beginning and the end of every login.
 */
#include "tabled/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"

RB_GENERATE(exchange_tree, attempt, node, exchange_compare)

int
exchange_compare(struct attempt *a, struct attempt *b)
{
	return a->exchange < b->exchange ? -1 : a->exchange > b->exchange;
}

int
owner_find_user(const struct owner *owner, const struct name *name, struct record_user *user_r)
{
	struct record_domain domain;
	int error = view_domain(&owner->view, name_domain(name), &domain);

	if (error == 0)
		error = view_user(&owner->view, name_key(name), user_r);
	if (error != 0)
		return error;
	return domain.enabled && domain.kind == RECORD_DOMAIN_LOCAL && user_r->enabled ? 0 : -ENOENT;
}

void
auth_peer_new(struct owner *owner, int fd, const struct channel_protocol *protocol, bool tickets)
{
	struct auth_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL) {
		close(fd);
		return;
	}
	peer->owner = owner;
	peer->tickets = tickets;
	LIST_INIT(&peer->attempts);
	RB_INIT(&peer->exchanges);
	/* A peer that was connected to our predecessor may know numbers of its. */
	arc4random_buf(&peer->last_exchange, sizeof(peer->last_exchange));
	peer->last_exchange |= 1;
	peer->channel = channel_new(process_base(owner->process), fd, protocol, peer);
	if (peer->channel == NULL)
		free(peer);
}

/* What a hash process or the clock still works on ends without a peer; an exchange ends now. */
void
auth_peer_closed(struct channel *channel, void *context, int error)
{
	struct auth_peer *peer = context;
	struct attempt *attempt;

	(void)channel;
	(void)error;
	while ((attempt = LIST_FIRST(&peer->attempts)) != NULL) {
		if (attempt->exchange != 0 || attempt->delay != NULL) {
			attempt_free(attempt);
			continue;
		}
		LIST_REMOVE(attempt, next);
		attempt->peer = NULL;
	}
	free(peer);
}

struct attempt *
attempt_new(struct auth_peer *peer, struct channel_frame *frame, const char *mechanism)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (attempt == NULL)
		return NULL;
	attempt->owner = peer->owner;
	attempt->peer = peer;
	attempt->request = frame->request;
	attempt->mechanism = mechanism;
	wire_get_string(&frame->body, attempt->service, sizeof(attempt->service));
	wire_get_string(&frame->body, attempt->client, sizeof(attempt->client));
	LIST_INSERT_HEAD(&peer->attempts, attempt, next);
	return attempt;
}

void
attempt_free(struct attempt *attempt)
{
	if (attempt->exchange != 0) {
		RB_REMOVE(exchange_tree, &attempt->peer->exchanges, attempt);
		attempt->owner->exchanges[attempt->peer->tickets]--;
	}
	if (attempt->peer != NULL)
		LIST_REMOVE(attempt, next);
	if (attempt->delay != NULL)
		event_free(attempt->delay);
	free(attempt->scram);
	explicit_bzero(attempt, sizeof(*attempt));
	free(attempt);
}

int
attempt_find(struct attempt *attempt, struct slice text, struct login *login_r)
{
	struct owner *owner = attempt->owner;
	int error;

	attempt->said = slice_of(attempt->said_text, slice_first(text, sizeof(attempt->said_text)).length);
	memcpy(attempt->said_text, text.data, attempt->said.length);
	error = login_find(&owner->view, owner->settings.separator, text, login_r);
	if (error != 0)
		return error;
	attempt->known = login_r->known;
	attempt->name = login_r->name;
	/* What is no address at all is an account of its own for the guard: that of no name. */
	memcpy(attempt->folder, login_r->folder, sizeof(attempt->folder));
	return 0;
}

/* The line that a ban tool looks for; its fields keep their order (etc/fail2ban). */
static void
attempt_log(const struct attempt *attempt, const char *result)
{
	bool ok = strcmp(result, "ok") == 0;

	log_event(ok ? LOG_INFO : LOG_NOTICE, "tabled.auth", LOG_STRING("result", result),
	          LOG_STRING("service", attempt->service), LOG_STRING("client", attempt->client),
	          LOG_STRING("mechanism", attempt->mechanism), LOG_SLICE("login", attempt->said));
}

/* Sends the answer, and frees. */
static int
attempt_reply(struct attempt *attempt, enum table_auth result, struct slice ticket, const char *final)
{
	struct channel *channel = attempt->peer->channel;
	struct wire_writer writer = channel_begin(channel, TABLE_AUTH_REPLY, attempt->request, -1);
	char login[TABLE_ADDRESS_MAX + 2];
	int error;

	wire_put_u8(&writer, (uint8_t)result);
	if (result == TABLE_AUTH_OK) {
		name_address(&attempt->name, login);
		wire_put_slice(&writer, ticket);
		wire_put_string(&writer, login);
		wire_put_string(&writer, final);
	}
	error = serve_send(channel, &writer);
	attempt_free(attempt);
	return error;
}

bool
attempt_charge(struct attempt *attempt)
{
	struct owner *owner = attempt->owner;

	if (guard_begin(owner->guard, &owner->guard_limits, attempt->client, name_key(&attempt->name), clock_monotonic_ms(),
	                &attempt->delay_ms))
		return true;
	attempt_log(attempt, "refused");
	/* A channel that cannot take the answer breaks by itself. */
	(void)attempt_reply(attempt, TABLE_AUTH_TEMPORARY, SLICE(""), "");
	return false;
}

static void
attempt_delay_over(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)attempt_reply(context, TABLE_AUTH_FAILED, SLICE(""), "");
}

static int
attempt_fail(struct attempt *attempt)
{
	struct timeval delay = { .tv_sec = attempt->delay_ms / 1000, .tv_usec = attempt->delay_ms % 1000 * 1000 };

	attempt_log(attempt, "failed");
	if (attempt->peer == NULL) {
		attempt_free(attempt);
		return 0;
	}
	attempt->delay = evtimer_new(process_base(attempt->owner->process), attempt_delay_over, attempt);
	if (attempt->delay_ms > 0 && attempt->delay != NULL && evtimer_add(attempt->delay, &delay) == 0)
		return 0;
	return attempt_reply(attempt, TABLE_AUTH_FAILED, SLICE(""), "");
}

/* Right: whether there is a ticket for it is the last question. */
static int
attempt_admit(struct attempt *attempt, const char *final)
{
	struct owner *owner = attempt->owner;
	unsigned char number[TABLE_TICKET_SIZE];
	struct ticket ticket = { .name = attempt->name };

	guard_right(owner->guard, attempt->client, name_key(&attempt->name), clock_monotonic_ms());
	if (attempt->peer == NULL) {
		attempt_free(attempt);
		return 0;
	}
	if (!attempt->peer->tickets) {
		attempt_log(attempt, "ok");
		return attempt_reply(attempt, TABLE_AUTH_OK, SLICE(""), final);
	}
	memcpy(ticket.folder, attempt->folder, sizeof(ticket.folder));
	if (tickets_issue(owner->tickets, &ticket, clock_monotonic_ms(), number) != 0) {
		attempt_log(attempt, "temporary");
		return attempt_reply(attempt, TABLE_AUTH_TEMPORARY, SLICE(""), "");
	}
	attempt_log(attempt, "ok");
	return attempt_reply(attempt, TABLE_AUTH_OK, slice_of(number, sizeof(number)), final);
}

int
attempt_end(struct attempt *attempt, enum table_auth result, const char *final)
{
	if (result == TABLE_AUTH_OK)
		return attempt_admit(attempt, final);
	if (result == TABLE_AUTH_FAILED)
		return attempt_fail(attempt);
	guard_undecided(attempt->owner->guard, attempt->client, name_key(&attempt->name), clock_monotonic_ms());
	if (attempt->peer == NULL) {
		attempt_free(attempt);
		return 0;
	}
	attempt_log(attempt, result == TABLE_AUTH_MALFORMED ? "malformed" : "temporary");
	return attempt_reply(attempt, result, SLICE(""), "");
}
