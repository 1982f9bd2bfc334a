/*
 * How much of a process each client address takes.
 */
#include "common/io/limits.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 8 }; /* bytes */

struct limits_client {
	RB_ENTRY(limits_client) node;
	TAILQ_ENTRY(limits_client) next; /* in IDLE while SESSIONS is 0 */
	unsigned char key[KEY_SIZE];
	uint32_t sessions;
	bool exempt;
	struct bucket used[LIMITS_KINDS];
	struct bucket lines; /* of the log */
};

static const struct bucket_rate all_lines = { LIMITS_LOG_LINES, LIMITS_LOG_SECONDS };
static const struct bucket_rate client_lines = { 1, LIMITS_LOG_SECONDS };

static int
compare(struct limits_client *a, struct limits_client *b)
{
	return memcmp(a->key, b->key, KEY_SIZE);
}

RB_PROTOTYPE(limits_tree, limits_client, node, compare)
RB_GENERATE(limits_tree, limits_client, node, compare)

void
limits_init(struct limits *limits)
{
	memset(limits, 0, sizeof(*limits));
	RB_INIT(&limits->tree);
	TAILQ_INIT(&limits->idle);
}

/* The first half of an IPv6 address; for IPv4 0, which no IPv6 client has there, and the address. */
static void
make_key(const struct sockaddr *address, unsigned char *key)
{
	memset(key, 0, KEY_SIZE);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		memcpy(key + 4, &in->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			memcpy(key + 4, in6->sin6_addr.s6_addr + 12, 4);
		else
			memcpy(key, in6->sin6_addr.s6_addr, KEY_SIZE);
	}
}

static void
forget(struct limits *limits, struct limits_client *client)
{
	TAILQ_REMOVE(&limits->idle, client, next);
	limits->idle_count--;
	RB_REMOVE(limits_tree, &limits->tree, client);
	free(client);
}

void
limits_free(struct limits *limits)
{
	struct limits_client *client;

	while ((client = TAILQ_FIRST(&limits->idle)) != NULL)
		forget(limits, client);
}

/* True when a client without a session is just like one that has never been here. */
static bool
has_recovered(const struct limits_client *client, int64_t now)
{
	for (int kind = 0; kind < LIMITS_KINDS; kind++)
		if (!bucket_is_full(&client->used[kind], now))
			return false;
	return bucket_is_full(&client->lines, now);
}

/*
 * The oldest are forgotten when they have recovered, a few at a time, so that no call takes long; and in any case when there are too many.
 */
static void
expire(struct limits *limits, int64_t now)
{
	struct limits_client *oldest;

	for (int i = 0; i < 4 && (oldest = TAILQ_FIRST(&limits->idle)) != NULL; i++)
		if (limits->idle_count > LIMITS_REMEMBERED || has_recovered(oldest, now))
			forget(limits, oldest);
}

static struct limits_client *
find(struct limits *limits, const struct sockaddr *address)
{
	struct limits_client key;

	make_key(address, key.key);
	return RB_FIND(limits_tree, &limits->tree, &key);
}

/* The client of ADDRESS, made if need be; NULL when out of memory. */
static struct limits_client *
find_or_make(struct limits *limits, const struct sockaddr *address)
{
	struct limits_client *client = find(limits, address);

	if (client != NULL)
		return client;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	make_key(address, client->key);
	RB_INSERT(limits_tree, &limits->tree, client);
	TAILQ_INSERT_TAIL(&limits->idle, client, next);
	limits->idle_count++;
	return client;
}

static bool
client_has(const struct limits *limits, const struct limits_client *client, enum limits_kind kind, uint32_t amount, int64_t now)
{
	return client->exempt || bucket_has(&client->used[kind], limits->rules.per_address[kind], now, amount);
}

static enum limits_result
check_entry(const struct limits *limits, const struct limits_client *client, int64_t now)
{
	const struct limits_rules *rules = &limits->rules;

	if (rules->sessions_per_address != 0 && client->sessions >= rules->sessions_per_address)
		return LIMITS_ADDRESS_SESSIONS;
	return client_has(limits, client, LIMITS_ERRORS, 1, now) ? LIMITS_OK : LIMITS_ADDRESS_ERRORS;
}

enum limits_result
limits_enter(struct limits *limits, const struct sockaddr *address, bool exempt, int64_t now, struct limits_client **client_r)
{
	struct limits_client *client;
	enum limits_result result;

	expire(limits, now);
	if (limits->sessions >= limits->rules.sessions)
		return LIMITS_TOTAL_SESSIONS;
	client = find_or_make(limits, address);
	if (client == NULL)
		return LIMITS_NO_MEMORY;
	client->exempt = exempt;
	result = check_entry(limits, client, now);
	if (result == LIMITS_OK)
		result = limits_take(limits, client, LIMITS_SESSIONS, 1, now);
	if (result != LIMITS_OK)
		return result;
	if (client->sessions++ == 0) {
		TAILQ_REMOVE(&limits->idle, client, next);
		limits->idle_count--;
	}
	limits->sessions++;
	*client_r = client;
	return LIMITS_OK;
}

void
limits_leave(struct limits *limits, struct limits_client *client, int64_t now)
{
	limits->sessions--;
	if (--client->sessions > 0)
		return;
	TAILQ_INSERT_TAIL(&limits->idle, client, next);
	limits->idle_count++;
	if (has_recovered(client, now))
		forget(limits, client);
}

enum limits_result
limits_take(struct limits *limits, struct limits_client *client, enum limits_kind kind, uint32_t amount, int64_t now)
{
	enum limits_result result = LIMITS_OK;

	if (!bucket_has(&limits->total[kind], limits->rules.total[kind], now, amount))
		result = LIMITS_TOTAL_RATE;
	else if (!client_has(limits, client, kind, amount, now))
		result = LIMITS_ADDRESS_RATE;
	if (result != LIMITS_OK && kind != LIMITS_ERRORS)
		return result;
	bucket_take(&limits->total[kind], limits->rules.total[kind], now, amount);
	if (!client->exempt)
		bucket_take(&client->used[kind], limits->rules.per_address[kind], now, amount);
	return result;
}

bool
limits_log_client(struct limits *limits, struct limits_client *client, int64_t now, uint32_t *unlogged_r)
{
	if (!bucket_has(&limits->lines, all_lines, now, 1) || !bucket_has(&client->lines, client_lines, now, 1)) {
		limits->unlogged++;
		return false;
	}
	bucket_take(&limits->lines, all_lines, now, 1);
	bucket_take(&client->lines, client_lines, now, 1);
	*unlogged_r = limits->unlogged;
	limits->unlogged = 0;
	return true;
}

bool
limits_log(struct limits *limits, const struct sockaddr *address, int64_t now, uint32_t *unlogged_r)
{
	struct limits_client *client = find_or_make(limits, address);

	if (client != NULL)
		return limits_log_client(limits, client, now, unlogged_r);
	limits->unlogged++;
	return false;
}

void
limits_local_user(uid_t uid, struct sockaddr_in6 *address_r)
{
	uint32_t number = htonl((uint32_t)uid);

	*address_r = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	address_r->sin6_addr.s6_addr[3] = 0xff;
	memcpy(address_r->sin6_addr.s6_addr + 4, &number, sizeof(number));
}
