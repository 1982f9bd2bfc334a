/*
 * A set of destinations: finding, making and freeing them, and whose turn it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "queued/schedule_state.h"

enum {
	KEY_MAX = ROUTE_TEXT_MAX + ROUTE_LOGIN_MAX + 32, /* bytes of a destination's name, with its NUL */
	STEPS_MAX = 1000,                                /* jobs and refusals of one turn of the loop */
	ALONE_MAX = 5 * 60 * 1000,                       /* milliseconds for which messages wait in rounds for a worker to come */
};

int
destination_compare(const struct destination *a, const struct destination *b)
{
	return strcmp(a->key, b->key);
}

RB_GENERATE(destination_tree, destination, entry, destination_compare)

/* ---- names ---- */

static void
name_domain(struct slice domain, char *out)
{
	size_t length = domain.length < KEY_MAX ? domain.length : KEY_MAX - 1;

	for (size_t i = 0; i < length; i++)
		out[i] = domain.data[i] >= 'A' && domain.data[i] <= 'Z' ? (char)(domain.data[i] - 'A' + 'a') : domain.data[i];
	out[length] = '\0';
}

/* All that makes a connection a different one. By MX of its own, a domain's other settings come with the domain. */
static void
name_route(const struct route *route, bool backup, char *out)
{
	char words[ROUTE_TEXT_MAX];

	route_format(route, words);
	snprintf(out, KEY_MAX, "%s%s%s%.*s%s", words, route->tls == ROUTE_TLS_STANDARD ? "" : route->tls == ROUTE_TLS_OFF ? " tls=off"
	         : route->tls == ROUTE_TLS_REQUIRED ? " tls=required" : " tls=verified", route->login.length > 0 ? " login=" : "",
	         (int)route->login.length, route->login.length > 0 ? route->login.data : "", backup && route->kind == ROUTE_MX ? " backup" : "");
}

/* ---- life ---- */

static struct destination *
destination_new(struct destinations *set, const char *key)
{
	size_t size = strlen(key) + 1;
	struct destination *destination = calloc(1, sizeof(*destination) + size);

	if (destination == NULL)
		return NULL;
	destination->set = set;
	memcpy(destination->key, key, size);
	TAILQ_INIT(&destination->turn);
	TAILQ_INIT(&destination->waiters);
	destination_reset_window(destination);
	RB_INSERT(destination_tree, &set->tree, destination);
	set->count++;
	return destination;
}

/* Its password with it. */
static void
forget_route(struct destination *destination)
{
	route_wipe(&destination->route);
	free(destination->route_text);
	destination->route_text = NULL;
}

static void
destination_free(struct destination *destination)
{
	struct destinations *set = destination->set;

	destination_hold(destination);
	while (!TAILQ_EMPTY(&destination->waiters))
		destination_forget(TAILQ_FIRST(&destination->waiters));
	if (destination->ready)
		TAILQ_REMOVE(&set->ready, destination, ready_link);
	if (destination->calling)
		TAILQ_REMOVE(&set->calling, destination, calling_link);
	heap_remove(&set->timers, &destination->timer);
	RB_REMOVE(destination_tree, &set->tree, destination);
	set->count--;
	forget_route(destination);
	free(destination->reason);
	free(destination);
}

struct destination *
destination_hold(struct destination *destination)
{
	destination->users++;
	return destination;
}

void
destination_release(struct destination *destination)
{
	destination->users--;
	if (destination_is_idle(destination))
		destination_free(destination);
	else
		destination_refresh(destination);
}

static char *
keep_slice(char *at, struct slice *s)
{
	if (s->length > 0)
		memcpy(at, s->data, s->length);
	s->data = at;
	return at + s->length;
}

/* A route may have changed where it matters to the worker and not to the name: its password. */
static int
keep_route(struct destination *destination, const struct route *route)
{
	struct route copy = *route;
	char *text, *at;

	if (destination->route_text != NULL && route_equal(&destination->route, route))
		return 0;
	text = malloc(copy.host.length + copy.login.length + copy.password.length + 1);
	if (text == NULL)
		return -1;
	at = keep_slice(text, &copy.host);
	at = keep_slice(at, &copy.login);
	keep_slice(at, &copy.password);
	forget_route(destination);
	destination->route_text = text;
	destination->route = copy;
	return 0;
}

static struct destination *
destinations_get(struct destinations *set, const char *key)
{
	char wanted[sizeof(struct destination) + KEY_MAX] __attribute__((aligned(_Alignof(struct destination))));
	struct destination *found;

	strlcpy(((struct destination *)(void *)wanted)->key, key, KEY_MAX);
	found = RB_FIND(destination_tree, &set->tree, (struct destination *)(void *)wanted);
	if (found == NULL)
		found = destination_new(set, key);
	return found == NULL ? NULL : destination_hold(found);
}

struct destination *
destinations_next(struct destinations *set, const char *after)
{
	char wanted[sizeof(struct destination) + KEY_MAX] __attribute__((aligned(_Alignof(struct destination))));
	struct destination *found;

	if (after[0] == '\0')
		return RB_MIN(destination_tree, &set->tree);
	strlcpy(((struct destination *)(void *)wanted)->key, after, KEY_MAX);
	found = RB_NFIND(destination_tree, &set->tree, (struct destination *)(void *)wanted);
	return found != NULL && strcmp(found->key, after) == 0 ? RB_NEXT(destination_tree, &set->tree, found) : found;
}

struct destination *
destinations_get_local(struct destinations *set)
{
	return destinations_get(set, "local");
}

struct destination *
destinations_get_remote(struct destinations *set, struct slice domain, const struct route *route, bool backup)
{
	char key[KEY_MAX];
	struct destination *destination;

	if (route->kind == ROUTE_MX && route->host.length == 0)
		name_domain(domain, key);
	else
		name_route(route, backup, key);
	destination = destinations_get(set, key);
	if (destination == NULL || keep_route(destination, route) == 0)
		return destination;
	destination_release(destination);
	return NULL;
}

/* ---- the set ---- */

void
destinations_init(struct destinations *set, struct schedule *schedule, struct transport *transport, bool remote)
{
	*set = (struct destinations){ .schedule = schedule, .transport = transport, .remote = remote, .alone_since = NEVER_ALONE };
	RB_INIT(&set->tree);
	TAILQ_INIT(&set->ready);
	TAILQ_INIT(&set->calling);
	TAILQ_INIT(&set->held_retries);
	heap_init(&set->timers);
}

void
destinations_free(struct destinations *set)
{
	struct destination *destination;

	while ((destination = RB_ROOT(&set->tree)) != NULL)
		destination_free(destination);
	heap_free(&set->timers);
}

static void
run_timers(struct destinations *set)
{
	int64_t now = schedule_ticks(set->schedule);
	struct heap_node *first;

	while ((first = heap_first(&set->timers)) != NULL && first->key <= now) {
		struct destination *destination = destination_hold(HEAP_ELEMENT(first, struct destination, timer));

		heap_remove(&set->timers, first);
		destination_on_timer(destination);
		destination_release(destination);
	}
}

static void
run_calls(struct destinations *set)
{
	struct destination *destination;

	while (schedule_has_room(set->schedule) && (destination = TAILQ_FIRST(&set->calling)) != NULL) {
		destination_hold(destination);
		TAILQ_REMOVE(&set->calling, destination, calling_link);
		destination->calling = false;
		destination_call(destination);
		destination_release(destination); /* it goes to the end when it can call another */
	}
}

bool
destinations_changed(const struct destinations *set)
{
	return (set->transport->capacity == 0) != (set->alone_since != NEVER_ALONE);
}

static void
set_absent(struct destinations *set, bool absent)
{
	struct destination *destination, *next;

	set->absent = absent;
	log_event(LOG_NOTICE, absent ? "queue.service_absent" : "queue.service_back", LOG_STRING("service", set->remote ? "relayd" : "deliverd"));
	RB_FOREACH_SAFE(destination, destination_tree, &set->tree, next)
		destination_refresh(destination);
}

/*
 * A message that stayed in a round until there is a worker would neither be warned about nor ever be returned. So when there has been none for a
 * while, rounds end at once, and messages wait outside of them, until a worker comes or their time does.
 */
static void
note_workers(struct destinations *set)
{
	if (destinations_changed(set))
		set->alone_since = set->transport->capacity == 0 ? schedule_ticks(set->schedule) : NEVER_ALONE;
	if (set->alone_since == NEVER_ALONE && set->absent)
		set_absent(set, false);
	else if (set->alone_since != NEVER_ALONE && !set->absent && schedule_ticks(set->schedule) - set->alone_since >= ALONE_MAX)
		set_absent(set, true);
}

/* As many retries come back as could be under way; those that cannot are held again when it is their turn. */
static void
resume_retries(struct destinations *set)
{
	uint32_t limit = destinations_retries(set);

	for (uint32_t i = set->retries; i < limit && !TAILQ_EMPTY(&set->held_retries); i++)
		consignment_resume(&set->held_retries);
}

static void
run_jobs(struct destinations *set)
{
	struct destination *destination;
	bool taken = true;
	int steps = 0;

	while (taken && (destination = TAILQ_FIRST(&set->ready)) != NULL) {
		if (++steps > STEPS_MAX) {
			schedule_wake(set->schedule);
			return;
		}
		destination_hold(destination);
		taken = destination_run(destination);
		if (taken && destination->ready) {
			TAILQ_REMOVE(&set->ready, destination, ready_link);
			TAILQ_INSERT_TAIL(&set->ready, destination, ready_link);
		}
		destination_release(destination);
	}
}

void
destinations_run(struct destinations *set)
{
	note_workers(set);
	run_timers(set);
	run_calls(set);
	resume_retries(set);
	run_jobs(set);
}

int64_t
destinations_due(const struct destinations *set)
{
	const struct heap_node *first = heap_first(&set->timers);
	int64_t due = first == NULL ? INT64_MAX : first->key;

	if (set->alone_since != NEVER_ALONE && !set->absent && set->alone_since + ALONE_MAX < due)
		due = set->alone_since + ALONE_MAX;
	return due;
}
