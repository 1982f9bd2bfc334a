/*
 * Scores of addresses, of accounts, and of both together.
 */
#include "tabled/guard.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
	GUARD_SETS = 16384, /* a power of two */
	GUARD_WAYS = 4,
	GUARD_KEY_SIZE = 32,  /* bytes */
	GUARD_NAME_SIZE = 16, /* bytes of a digest */
	GUARD_INPUT_MAX = 512, /* bytes of what is digested; accounts are shorter */
	GUARD_ONE = 256,      /* what one attempt adds to a score */
};

enum guard_kind {
	GUARD_ADDRESS = 'a',
	GUARD_ACCOUNT = 'u',
	GUARD_FRIEND = 'f', /* an account, and an address from which it was opened */
};

struct guard_entry {
	unsigned char name[GUARD_NAME_SIZE];
	int64_t when;   /* of the score */
	uint32_t score; /* 0: free */
	bool friend;
};

/* What is digested for an entry. */
struct guard_input {
	unsigned char bytes[GUARD_INPUT_MAX];
	size_t length;
};

struct guard {
	unsigned char key[GUARD_KEY_SIZE]; /* so that nobody can choose who shares a set with whom */
	struct guard_entry entries[GUARD_SETS][GUARD_WAYS];
};

struct guard *
guard_new(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (guard != NULL)
		arc4random_buf(guard->key, sizeof(guard->key));
	return guard;
}

void
guard_free(struct guard **guard)
{
	free(*guard);
	*guard = NULL;
}

static void
guard_add(struct guard_input *input, const void *data, size_t length)
{
	if (length > sizeof(input->bytes) - input->length)
		length = sizeof(input->bytes) - input->length;
	memcpy(input->bytes + input->length, data, length);
	input->length += length;
}

/* An IPv6 address counts by its /64; one that holds an IPv4 address, as that. */
static void
guard_add_client(struct guard_input *input, const char *client)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, client, &v6) != 1)
		guard_add(input, client, strlen(client) + 1);
	else if (IN6_IS_ADDR_V4MAPPED(&v6))
		guard_add(input, v6.s6_addr + 12, 4);
	else
		guard_add(input, v6.s6_addr, 8);
}

static void
guard_digest(const struct guard *guard, enum guard_kind kind, const char *client, struct slice account, unsigned char *name)
{
	struct guard_input input = { .bytes = { (unsigned char)kind }, .length = 1 };
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (kind != GUARD_ACCOUNT)
		guard_add_client(&input, client);
	if (kind != GUARD_ADDRESS)
		guard_add(&input, account.data, account.length);
	HMAC(EVP_sha256(), guard->key, sizeof(guard->key), input.bytes, input.length, digest, NULL);
	memcpy(name, digest, GUARD_NAME_SIZE);
}

/* What is left of a score: half for each half-life, and in between on a straight line. */
static uint32_t
guard_score(const struct guard_entry *entry, int64_t now)
{
	int64_t age = now - entry->when;
	uint32_t score = entry->score;

	if (entry->friend)
		return age < GUARD_FRIEND_MS ? score : 0;
	if (age >= INT64_C(31) * GUARD_HALF_LIFE_MS)
		return 0;
	score >>= age / GUARD_HALF_LIFE_MS;
	age %= GUARD_HALF_LIFE_MS;
	return (uint32_t)(score * (uint64_t)(2 * GUARD_HALF_LIFE_MS - age) / (2 * GUARD_HALF_LIFE_MS));
}

/* The entry of that name, or the one that must make room for it. */
static struct guard_entry *
guard_entry(struct guard *guard, const unsigned char *name, int64_t now, bool *found_r)
{
	struct guard_entry *set = guard->entries[((size_t)name[0] | (size_t)name[1] << 8) & (GUARD_SETS - 1)];
	struct guard_entry *least = &set[0];

	*found_r = true;
	for (size_t i = 0; i < GUARD_WAYS; i++) {
		if (set[i].score > 0 && memcmp(set[i].name, name, GUARD_NAME_SIZE) == 0)
			return &set[i];
		if (guard_score(&set[i], now) < guard_score(least, now))
			least = &set[i];
	}
	*found_r = false;
	return least;
}

/* Adds CHANGE to a score; returns the new one. */
static uint32_t
guard_change(struct guard *guard, enum guard_kind kind, const char *client, struct slice account, int64_t now, int64_t change)
{
	unsigned char name[GUARD_NAME_SIZE];
	struct guard_entry *entry;
	int64_t score;
	bool found;

	guard_digest(guard, kind, client, account, name);
	entry = guard_entry(guard, name, now, &found);
	score = change + (int64_t)(found ? guard_score(entry, now) : 0);
	if (!found && score <= 0)
		return 0;
	memcpy(entry->name, name, sizeof(entry->name));
	entry->score = score < 0 ? 0 : (uint32_t)score;
	entry->when = now;
	entry->friend = false;
	return entry->score;
}

static uint32_t
guard_find(struct guard *guard, enum guard_kind kind, const char *client, struct slice account, int64_t now)
{
	unsigned char name[GUARD_NAME_SIZE];
	struct guard_entry *entry;
	bool found;

	guard_digest(guard, kind, client, account, name);
	entry = guard_entry(guard, name, now, &found);
	return found ? guard_score(entry, now) : 0;
}

static void
guard_befriend(struct guard *guard, const char *client, struct slice account, int64_t now)
{
	unsigned char name[GUARD_NAME_SIZE];
	struct guard_entry *entry;
	bool found;

	guard_digest(guard, GUARD_FRIEND, client, account, name);
	entry = guard_entry(guard, name, now, &found);
	memcpy(entry->name, name, sizeof(entry->name));
	entry->score = GUARD_ONE;
	entry->when = now;
	entry->friend = true;
}

/* How many attempts a score stands for. */
static uint32_t
guard_count(uint32_t score)
{
	return (score + GUARD_ONE / 2) / GUARD_ONE;
}

static bool
guard_over(uint32_t score, uint32_t limit)
{
	return limit > 0 && guard_count(score) >= limit;
}

static uint32_t
guard_delay(uint32_t score, uint32_t first_ms)
{
	uint64_t delay = first_ms;

	for (uint32_t i = 1; i < guard_count(score) && delay < GUARD_DELAY_MAX_MS; i++)
		delay *= 2;
	return delay < GUARD_DELAY_MAX_MS ? (uint32_t)delay : GUARD_DELAY_MAX_MS;
}

bool
guard_begin(struct guard *guard, const struct guard_limits *limits, const char *client, struct slice account, int64_t now,
            uint32_t *delay_r)
{
	bool friend = guard_find(guard, GUARD_FRIEND, client, account, now) > 0;
	uint32_t score, of_account;

	*delay_r = 0;
	if (guard_over(guard_find(guard, GUARD_ADDRESS, client, account, now), limits->per_address))
		return false;
	if (!friend && guard_over(guard_find(guard, GUARD_ACCOUNT, client, account, now), limits->per_account))
		return false;
	score = guard_change(guard, GUARD_ADDRESS, client, account, now, GUARD_ONE);
	of_account = guard_change(guard, GUARD_ACCOUNT, client, account, now, GUARD_ONE);
	*delay_r = guard_delay(friend || score > of_account ? score : of_account, limits->delay_ms);
	return true;
}

void
guard_undecided(struct guard *guard, const char *client, struct slice account, int64_t now)
{
	guard_change(guard, GUARD_ADDRESS, client, account, now, -GUARD_ONE);
	guard_change(guard, GUARD_ACCOUNT, client, account, now, -GUARD_ONE);
}

void
guard_right(struct guard *guard, const char *client, struct slice account, int64_t now)
{
	guard_undecided(guard, client, account, now);
	guard_befriend(guard, client, account, now);
}
