/*
 * The queue ids that one worker of smtpd was given, with a bit for each that was used.
 */
#include "queued/ids.h"

#include <errno.h>
#include <stdlib.h>

struct id_range {
	TAILQ_ENTRY(id_range) link;
	uint64_t first;
	uint64_t used[SUBMIT_IDS_COUNT / 64];
};

void
ids_init(struct ids *ids)
{
	TAILQ_INIT(&ids->ranges);
	ids->count = 0;
	ids->forgotten = 0;
}

static void
ids_drop_oldest(struct ids *ids)
{
	struct id_range *range = TAILQ_FIRST(&ids->ranges);

	TAILQ_REMOVE(&ids->ranges, range, link);
	ids->count--;
	ids->forgotten = range->first + SUBMIT_IDS_COUNT;
	free(range);
}

void
ids_free(struct ids *ids)
{
	while (!TAILQ_EMPTY(&ids->ranges))
		ids_drop_oldest(ids);
}

int
ids_grant(struct ids *ids, uint64_t first)
{
	struct id_range *range = calloc(1, sizeof(*range));

	if (range == NULL)
		return -ENOMEM;
	range->first = first;
	TAILQ_INSERT_TAIL(&ids->ranges, range, link);
	if (++ids->count > IDS_RANGES_MAX)
		ids_drop_oldest(ids);
	return 0;
}

static struct id_range *
ids_find(const struct ids *ids, uint64_t id)
{
	struct id_range *range;

	/* It is nearly always one of the newest. */
	TAILQ_FOREACH_REVERSE(range, &ids->ranges, id_range_list, link)
		if (id >= range->first && id - range->first < SUBMIT_IDS_COUNT)
			return range;
	return NULL;
}

int
ids_use(struct ids *ids, uint64_t id)
{
	struct id_range *range = ids_find(ids, id);
	uint64_t at, bit;

	if (range == NULL)
		return id < ids->forgotten ? -ESTALE : -EPROTO;
	at = id - range->first;
	bit = UINT64_C(1) << at % 64;
	if ((range->used[at / 64] & bit) != 0)
		return -EPROTO;
	range->used[at / 64] |= bit;
	return 0;
}

bool
ids_contain(const struct ids *ids, uint64_t id)
{
	return id < ids->forgotten || ids_find(ids, id) != NULL;
}
