/*
 * Lookups: libunbound's context, and a bound on what it has to do at once.
 *
 * libunbound may call back from inside ub_resolve_event (what is in its cache), and would not like to be called from inside its callback. So a callback
 * only keeps the message, and the loop's next turn tells who asked.
 */
#include "relayd/lookups.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unbound-event.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "relayd/lookups_log.h"

enum {
	/*
	 * Lookups that are new and not answered: the datagrams of more would not all find room in the socket of a server that is busy just now. One that
	 * is older waits for something that is slow or dead, and must not keep others from beginning.
	 */
	YOUNG_MAX = 192,
	YOUNG_MS = 250,
	TICK_US = 20 * 1000,
	CLASS_IN = 1,
	SECURITY_BOGUS = 1,   /* what libunbound says */
	SECURITY_SECURE = 2,
	ANCHOR_LINE_MAX = 4096, /* bytes */
};

struct lookup {
	LIST_ENTRY(lookup) sibling; /* while answered is not NULL */
	TAILQ_ENTRY(lookup) next;   /* in waiting, young or finished */
	int64_t begun;              /* clock_monotonic_ms */
	bool is_young;
	struct lookups *lookups;
	lookup_answered *answered; /* NULL: forgotten */
	void *context;
	unsigned slot;
	enum dns_type type;
	struct finding_result result;
	char *message; /* allocated; of the result */
	char name[DNS_NAME_SIZE];
};

TAILQ_HEAD(lookup_queue, lookup);

struct lookups {
	struct ub_ctx *unbound;
	struct event *turn; /* tells what has finished */
	struct lookup_queue waiting;
	struct lookup_queue young; /* oldest first */
	struct lookup_queue finished;
	unsigned under_way;
	unsigned most; /* of these */
	unsigned young_count;
	struct event *tick; /* while lookups wait: looks for the young that are so no more */
	bool retired;
};

/* ---- the context ---- */

static const struct {
	const char *name;
	const char *value; /* NULL: how many lookups there may be at once */
} options[] = {
	{ "outgoing-range:", NULL },         /* sockets: each question has a port of its own (RFC 5452) */
	{ "num-queries-per-thread:", NULL },
	{ "do-not-query-localhost:", "no" }, /* that is where dns_servers often are */
	{ "outgoing-num-tcp:", "64" },
	{ "msg-cache-size:", "16m" },
	{ "rrset-cache-size:", "32m" },
	{ "key-cache-size:", "8m" },
	{ "neg-cache-size:", "4m" },
	{ "infra-cache-min-rtt:", "300" },   /* ms: when many ask at once, all attempts of one must not fall into the same moment */
	{ "infra-keep-probing:", "yes" },    /* a server that was down is found again within seconds */
	{ "infra-cache-max-rtt:", "10000" }, /* ms */
};

static int
set_option(struct ub_ctx *unbound, const char *name, const char *value)
{
	int error = ub_ctx_set_option(unbound, name, value);

	if (error == 0)
		return 0;
	log_event(LOG_ERR, "resolver.option", LOG_STRING("option", name), LOG_STRING("reason", ub_strerror(error)));
	return -EINVAL;
}

static int
set_options(struct ub_ctx *unbound, unsigned most)
{
	char number[sizeof("4294967295")];
	int error = 0;

	snprintf(number, sizeof(number), "%u", most);
	for (size_t i = 0; error == 0 && i < sizeof(options) / sizeof(options[0]); i++)
		error = set_option(unbound, options[i].name, options[i].value == NULL ? number : options[i].value);
	return error;
}

/* "192.0.2.1@53", as libunbound has it. */
static int
add_server(struct ub_ctx *unbound, const struct config_endpoint *server)
{
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + sizeof("@65535")];
	const struct sockaddr_storage *any = &server->address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)any;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)any;
	bool is_six = any->ss_family == AF_INET6;

	inet_ntop(any->ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr, address, sizeof(address));
	snprintf(text, sizeof(text), "%s@%u", address, ntohs(is_six ? six->sin6_port : four->sin_port));
	return ub_ctx_set_fwd(unbound, text) == 0 ? 0 : -ENOMEM;
}

/* One line of a zone file; comments and what is empty are no records. */
static int
add_anchor_line(struct ub_ctx *unbound, struct slice line)
{
	char text[ANCHOR_LINE_MAX];

	line = slice_trim(slice_first(line, slice_find(line, ';')));
	if (line.length == 0)
		return 0;
	if (slice_to_string(line, text, sizeof(text)) != 0)
		return -EINVAL;
	return ub_ctx_add_ta(unbound, text) == 0 ? 0 : -ENOMEM;
}

static int
add_anchor(struct ub_ctx *unbound, struct slice anchor)
{
	int error = 0;

	while (error == 0 && anchor.length > 0) {
		size_t end = slice_find(anchor, '\n');

		error = add_anchor_line(unbound, slice_first(anchor, end));
		anchor = slice_from(anchor, end + 1);
	}
	return error;
}

static int
set_up(struct ub_ctx *unbound, const struct lookups_setup *setup)
{
	int error = setup->servers->count == 0 ? -EINVAL : set_options(unbound, setup->most);

	ub_ctx_debugout(unbound, lookups_log());
	for (size_t i = 0; error == 0 && i < setup->servers->count; i++)
		error = add_server(unbound, &setup->servers->list[i]);
	if (error == 0)
		error = add_anchor(unbound, setup->anchor);
	if (error != 0)
		return error;
	/*
	 * Names below "test." are for the name servers to say (RFC 6761 6.2), where there may be a test's. This is also the first call that needs all of the
	 * above, and tells when it is wrong.
	 */
	return ub_ctx_zone_remove(unbound, "test.") == 0 ? 0 : -EINVAL;
}

/* ---- lookups ---- */

static void
lookup_free(struct lookup *lookup)
{
	if (lookup->answered != NULL)
		LIST_REMOVE(lookup, sibling);
	free(lookup->message);
	free(lookup);
}

static void
lookups_tell_later(struct lookups *lookups)
{
	event_active(lookups->turn, EV_TIMEOUT, 1);
}

/* It is young no more. */
static void
lookup_age(struct lookup *lookup)
{
	TAILQ_REMOVE(&lookup->lookups->young, lookup, next);
	lookup->lookups->young_count--;
	lookup->is_young = false;
}

/* libunbound does not have it any more. */
static void
lookup_finish(struct lookup *lookup, const struct finding_result *result)
{
	if (lookup->is_young)
		lookup_age(lookup);
	lookup->lookups->under_way--;
	lookup->result = *result;
	TAILQ_INSERT_TAIL(&lookup->lookups->finished, lookup, next);
	lookups_tell_later(lookup->lookups);
}

/* Keeps the message, which is libunbound's own. Its RCODE (RFC 1035 4.1.1) says more than libunbound's. */
static void
lookup_take_message(struct lookup *lookup, struct slice message, bool secure)
{
	struct finding_result result = { .failed = true };
	unsigned rcode = message.length < 4 ? DNS_SERVFAIL : (unsigned char)message.data[3] & 0xf;

	if (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN)
		lookup->message = malloc(message.length);
	if (lookup->message != NULL) {
		memcpy(lookup->message, message.data, message.length);
		result = (struct finding_result){ .rcode = rcode, .secure = secure, .message = slice_of(lookup->message, message.length) };
	}
	lookup_finish(lookup, &result);
}

/* libunbound's callback. */
static void
on_answer(void *context, int rcode, void *packet, int length, int security, char *why_bogus, int was_ratelimited)
{
	struct lookup *lookup = context;

	(void)was_ratelimited;
	if (security == SECURITY_BOGUS)
		log_event(LOG_NOTICE, "resolver.bogus", LOG_STRING("name", lookup->name), LOG_UINT("type", lookup->type),
		          LOG_STRING("reason", why_bogus == NULL ? "" : why_bogus));
	if (security == SECURITY_BOGUS || rcode != DNS_NOERROR || packet == NULL || length <= 0)
		lookup_finish(lookup, &(struct finding_result){ .failed = true });
	else
		lookup_take_message(lookup, slice_of(packet, (size_t)length), security == SECURITY_SECURE);
}

static void
lookup_begin(struct lookups *lookups, struct lookup *lookup)
{
	lookup->begun = clock_monotonic_ms();
	lookup->is_young = true;
	TAILQ_INSERT_TAIL(&lookups->young, lookup, next);
	lookups->young_count++;
	lookups->under_way++;
	if (ub_resolve_event(lookups->unbound, lookup->name, (int)lookup->type, CLASS_IN, lookup, on_answer, NULL) != 0)
		lookup_finish(lookup, &(struct finding_result){ .failed = true });
}

static void
lookups_begin_more(struct lookups *lookups)
{
	struct lookup *lookup;

	while (lookups->young_count < YOUNG_MAX && lookups->under_way < lookups->most && (lookup = TAILQ_FIRST(&lookups->waiting)) != NULL) {
		TAILQ_REMOVE(&lookups->waiting, lookup, next);
		if (lookup->answered != NULL)
			lookup_begin(lookups, lookup);
		else
			lookup_free(lookup);
	}
	if (!TAILQ_EMPTY(&lookups->waiting) && !event_pending(lookups->tick, EV_TIMEOUT, NULL))
		event_add(lookups->tick, &(struct timeval){ .tv_usec = TICK_US });
}

static void
lookups_free(struct lookups *lookups)
{
	if (lookups->unbound != NULL)
		ub_ctx_delete(lookups->unbound);
	if (lookups->turn != NULL)
		event_free(lookups->turn);
	if (lookups->tick != NULL)
		event_free(lookups->tick);
	free(lookups);
}

/* The last of one that is retired. */
static void
lookups_end(struct lookups *lookups)
{
	if (lookups->retired && lookups->under_way == 0 && TAILQ_EMPTY(&lookups->waiting) && TAILQ_EMPTY(&lookups->finished))
		lookups_free(lookups);
}

static void
on_tick(evutil_socket_t fd, short what, void *context)
{
	struct lookups *lookups = context;
	int64_t old = clock_monotonic_ms() - YOUNG_MS;
	struct lookup *lookup;

	(void)fd;
	(void)what;
	while ((lookup = TAILQ_FIRST(&lookups->young)) != NULL && lookup->begun <= old)
		lookup_age(lookup);
	lookups_begin_more(lookups);
	lookups_end(lookups);
}

static void
on_turn(evutil_socket_t fd, short what, void *context)
{
	struct lookups *lookups = context;
	struct lookup *lookup;

	(void)fd;
	(void)what;
	while ((lookup = TAILQ_FIRST(&lookups->finished)) != NULL) {
		lookup_answered *answered = lookup->answered;

		TAILQ_REMOVE(&lookups->finished, lookup, next);
		if (answered != NULL) {
			LIST_REMOVE(lookup, sibling);
			lookup->answered = NULL;
			answered(lookup->context, lookup->slot, &lookup->result);
		}
		lookup_free(lookup);
	}
	lookups_begin_more(lookups);
	lookups_end(lookups);
}

int
lookups_new(struct event_base *base, const struct lookups_setup *setup, struct lookups **lookups_r)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));
	int error;

	*lookups_r = NULL;
	if (lookups == NULL)
		return -ENOMEM;
	lookups->most = setup->most;
	TAILQ_INIT(&lookups->waiting);
	TAILQ_INIT(&lookups->young);
	TAILQ_INIT(&lookups->finished);
	lookups->turn = event_new(base, -1, 0, on_turn, lookups);
	lookups->tick = evtimer_new(base, on_tick, lookups);
	lookups->unbound = ub_ctx_create_event(base);
	error = lookups->turn == NULL || lookups->tick == NULL || lookups->unbound == NULL ? -ENOMEM : set_up(lookups->unbound, setup);
	if (error != 0) {
		lookups_free(lookups);
		return error;
	}
	*lookups_r = lookups;
	return 0;
}

void
lookups_retire(struct lookups **lookups)
{
	if (*lookups == NULL)
		return;
	(*lookups)->retired = true;
	lookups_tell_later(*lookups);
	*lookups = NULL;
}

int
lookups_ask(struct lookups *lookups, const char *name, enum dns_type type, unsigned slot, lookup_answered *answered, void *context,
            struct lookup_list *list)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL)
		return -ENOMEM;
	lookup->lookups = lookups;
	lookup->answered = answered;
	lookup->context = context;
	lookup->slot = slot;
	lookup->type = type;
	strlcpy(lookup->name, name, sizeof(lookup->name));
	LIST_INSERT_HEAD(list, lookup, sibling);
	TAILQ_INSERT_TAIL(&lookups->waiting, lookup, next);
	lookups_tell_later(lookups);
	return 0;
}

/* Each goes when its turn comes: libunbound may have it. */
void
lookups_forget(struct lookup_list *list)
{
	struct lookup *lookup;

	while ((lookup = LIST_FIRST(list)) != NULL) {
		LIST_REMOVE(lookup, sibling);
		lookup->answered = NULL;
	}
}
