/*
 * Tickets, in the order in which they expire, and by the bits of their random number.
 */
#include "tabled/tickets.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	TICKETS_MAX = 16384,   /* out at once */
	TICKETS_BUCKETS = 4096, /* a power of two */
};

struct ticket_entry {
	TAILQ_ENTRY(ticket_entry) age;
	LIST_ENTRY(ticket_entry) bucket;
	int64_t expires;
	unsigned char number[TABLE_TICKET_SIZE];
	struct ticket ticket;
};

struct tickets {
	TAILQ_HEAD(, ticket_entry) by_age; /* oldest first */
	LIST_HEAD(, ticket_entry) buckets[TICKETS_BUCKETS];
	size_t count;
};

static size_t
tickets_bucket(const unsigned char *number)
{
	return ((size_t)number[0] | (size_t)number[1] << 8) & (TICKETS_BUCKETS - 1);
}

static void
tickets_remove(struct tickets *tickets, struct ticket_entry *entry)
{
	TAILQ_REMOVE(&tickets->by_age, entry, age);
	LIST_REMOVE(entry, bucket);
	tickets->count--;
	explicit_bzero(entry->number, sizeof(entry->number));
	free(entry);
}

static void
tickets_expire(struct tickets *tickets, int64_t now)
{
	struct ticket_entry *oldest;

	while ((oldest = TAILQ_FIRST(&tickets->by_age)) != NULL && oldest->expires <= now)
		tickets_remove(tickets, oldest);
}

struct tickets *
tickets_new(void)
{
	struct tickets *tickets = calloc(1, sizeof(*tickets));

	if (tickets == NULL)
		return NULL;
	TAILQ_INIT(&tickets->by_age);
	for (size_t i = 0; i < TICKETS_BUCKETS; i++)
		LIST_INIT(&tickets->buckets[i]);
	return tickets;
}

void
tickets_free(struct tickets **tickets)
{
	if (*tickets != NULL)
		tickets_expire(*tickets, INT64_MAX);
	free(*tickets);
	*tickets = NULL;
}

int
tickets_issue(struct tickets *tickets, const struct ticket *ticket, int64_t now,
              unsigned char number[TABLE_TICKET_SIZE])
{
	struct ticket_entry *entry;

	tickets_expire(tickets, now);
	if (tickets->count == TICKETS_MAX)
		return -EAGAIN;
	entry = malloc(sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	entry->ticket = *ticket;
	entry->expires = now + TABLE_TICKET_SECONDS * 1000;
	arc4random_buf(entry->number, sizeof(entry->number));
	memcpy(number, entry->number, TABLE_TICKET_SIZE);
	TAILQ_INSERT_TAIL(&tickets->by_age, entry, age);
	LIST_INSERT_HEAD(&tickets->buckets[tickets_bucket(number)], entry, bucket);
	tickets->count++;
	return 0;
}

bool
tickets_redeem(struct tickets *tickets, struct slice number, int64_t now, struct ticket *ticket_r)
{
	struct ticket_entry *entry;

	tickets_expire(tickets, now);
	if (number.length != TABLE_TICKET_SIZE)
		return false;
	LIST_FOREACH(entry, &tickets->buckets[tickets_bucket((const unsigned char *)number.data)], bucket) {
		if (CRYPTO_memcmp(entry->number, number.data, TABLE_TICKET_SIZE) != 0)
			continue;
		*ticket_r = entry->ticket;
		tickets_remove(tickets, entry);
		return true;
	}
	return false;
}
