/*
 * A tree by name, and a list by age.
 */
#include "relayd/quirks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/tree.h>

struct host {
	RB_ENTRY(host) node;
	TAILQ_ENTRY(host) younger;
	int64_t end; /* clock_monotonic_ms */
	unsigned quirks;
	char name[];
};

RB_HEAD(host_tree, host);

struct quirks {
	struct host_tree hosts;
	TAILQ_HEAD(, host) ages; /* the oldest first */
	unsigned count;
};

static int
host_compare(const struct host *a, const struct host *b)
{
	return strcmp(a->name, b->name);
}

RB_PROTOTYPE(host_tree, host, node, host_compare)
RB_GENERATE(host_tree, host, node, host_compare)

static struct host *
quirks_find(struct quirks *quirks, const char *name)
{
	struct host *host = RB_ROOT(&quirks->hosts);

	while (host != NULL) {
		int order = strcmp(name, host->name);

		if (order == 0)
			return host;
		host = order < 0 ? RB_LEFT(host, node) : RB_RIGHT(host, node);
	}
	return NULL;
}

static void
quirks_forget(struct quirks *quirks, struct host *host)
{
	RB_REMOVE(host_tree, &quirks->hosts, host);
	TAILQ_REMOVE(&quirks->ages, host, younger);
	quirks->count--;
	free(host);
}

struct quirks *
quirks_new(void)
{
	struct quirks *quirks = calloc(1, sizeof(*quirks));

	if (quirks == NULL)
		return NULL;
	RB_INIT(&quirks->hosts);
	TAILQ_INIT(&quirks->ages);
	return quirks;
}

void
quirks_free(struct quirks **quirks)
{
	struct host *host;

	if (*quirks == NULL)
		return;
	while ((host = TAILQ_FIRST(&(*quirks)->ages)) != NULL)
		quirks_forget(*quirks, host);
	free(*quirks);
	*quirks = NULL;
}

void
quirks_add(struct quirks *quirks, const char *name, enum quirk quirk, int64_t now)
{
	struct host *host = quirks_find(quirks, name);
	size_t length = strlen(name) + 1;

	if (host == NULL) {
		if (quirks->count == QUIRKS_MAX)
			quirks_forget(quirks, TAILQ_FIRST(&quirks->ages));
		host = calloc(1, sizeof(*host) + length);
		if (host == NULL)
			return;
		memcpy(host->name, name, length);
		RB_INSERT(host_tree, &quirks->hosts, host);
		quirks->count++;
	} else {
		TAILQ_REMOVE(&quirks->ages, host, younger);
	}
	TAILQ_INSERT_TAIL(&quirks->ages, host, younger);
	host->quirks |= quirk;
	host->end = now + QUIRKS_TIME_MS;
}

unsigned
quirks_of(struct quirks *quirks, const char *name, int64_t now)
{
	struct host *host = quirks_find(quirks, name);

	if (host == NULL)
		return 0;
	if (now < host->end)
		return host->quirks;
	quirks_forget(quirks, host);
	return 0;
}
