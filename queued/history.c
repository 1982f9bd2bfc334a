/*
 * A ring of events, each a header and its texts. One never goes over the ring's end: what is left there is filled by an entry without an event.
 */
#include "queued/history.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/mail/envelope.h"
#include "queued/payload.h"

enum {
	ALIGN = 32,       /* bytes: room for an entry without texts */
	FILLER = 255,     /* in place of an event */
	SMALLEST = 4096,  /* bytes: several of the largest events */
};

struct entry {
	uint64_t id;
	int64_t when;     /* milliseconds since 1970 */
	uint32_t size;    /* bytes, with what is left over */
	uint16_t text;    /* bytes of each text; they follow in this order: */
	uint16_t address;
	uint8_t status;
	uint8_t event;    /* enum queue_event, or FILLER */
	char bytes[];
};

struct history {
	size_t size;
	size_t oldest;  /* offset of the oldest entry */
	size_t used;    /* bytes from there on, around the end */
	uint64_t counts[QUEUE_EVENT_END];
	int64_t start;
	void (*watcher)(void *context, uint64_t id, const struct queue_happening *happening);
	void *context;
	char ring[] __attribute__((aligned(ALIGN)));
};

_Static_assert(sizeof(struct entry) <= ALIGN, "what is left at the end has room for an entry");

struct history *
history_new(size_t size)
{
	struct history *history;

	size = size < SMALLEST ? SMALLEST : size / ALIGN * ALIGN;
	history = malloc(sizeof(*history) + size);
	if (history == NULL)
		return NULL;
	*history = (struct history){ .size = size, .start = clock_wall() };
	return history;
}

void
history_free(struct history **history)
{
	free(*history);
	*history = NULL;
}

static struct entry *
entry_at(const struct history *history, size_t offset)
{
	return (struct entry *)(void *)(uintptr_t)(history->ring + offset);
}

static void
forget_oldest(struct history *history)
{
	size_t size = entry_at(history, history->oldest)->size;

	history->used -= size;
	history->oldest += size;
	if (history->oldest == history->size)
		history->oldest = 0;
}

/* Where the next entry goes. */
static size_t
ring_end(const struct history *history)
{
	size_t end = history->oldest + history->used;

	return end >= history->size ? end - history->size : end;
}

static void
make_room(struct history *history, size_t size)
{
	while (history->used > 0 && history->size - history->used < size)
		forget_oldest(history);
}

/* Room for SIZE bytes in one piece. */
static struct entry *
take_room(struct history *history, size_t size)
{
	size_t rest = history->size - ring_end(history);
	struct entry *entry;

	if (rest < size) {
		make_room(history, rest);
		*entry_at(history, history->size - rest) = (struct entry){ .size = (uint32_t)rest, .event = FILLER };
		history->used += rest;
	}
	make_room(history, size);
	entry = entry_at(history, ring_end(history));
	history->used += size;
	return entry;
}

static struct queue_happening
entry_happening(const struct entry *entry)
{
	return (struct queue_happening){
		.when = entry->when,
		.event = entry->event,
		.text = slice_of(entry->bytes, entry->text),
		.address = slice_of(entry->bytes + entry->text, entry->address),
		.status = slice_of(entry->bytes + entry->text + entry->address, entry->status),
	};
}

static char *
put(char *at, struct slice text)
{
	if (text.length > 0)
		memcpy(at, text.data, text.length);
	return at + text.length;
}

void
history_add(struct history *history, uint64_t id, enum queue_event event, struct slice address, struct slice status, struct slice text)
{
	struct queue_happening happening;
	struct entry *entry;
	size_t size;

	if (history == NULL)
		return;
	address = slice_first(address, ENVELOPE_ADDRESS_MAX);
	status = slice_first(status, PAYLOAD_STATUS_MAX);
	text = slice_first(text, QUEUE_TEXT_MAX - 1);
	size = (sizeof(*entry) + address.length + status.length + text.length + ALIGN - 1) / ALIGN * ALIGN;
	entry = take_room(history, size);
	*entry = (struct entry){
		.id = id,
		.when = clock_wall_us() / 1000,
		.size = (uint32_t)size,
		.text = (uint16_t)text.length,
		.address = (uint16_t)address.length,
		.status = (uint8_t)status.length,
		.event = (uint8_t)event,
	};
	put(put(put(entry->bytes, text), address), status);
	history->counts[event]++;
	if (history->watcher == NULL)
		return;
	happening = entry_happening(entry);
	history->watcher(history->context, id, &happening);
}

size_t
history_each(const struct history *history, uint64_t id, void (*each)(void *context, const struct queue_happening *happening), void *context)
{
	size_t offset = history->oldest;
	size_t found = 0;

	for (size_t passed = 0; passed < history->used;) {
		const struct entry *entry = entry_at(history, offset);

		if (entry->event != FILLER && entry->id == id) {
			struct queue_happening happening = entry_happening(entry);

			each(context, &happening);
			found++;
		}
		passed += entry->size;
		offset += entry->size;
		if (offset == history->size)
			offset = 0;
	}
	return found;
}

uint64_t
history_count(const struct history *history, enum queue_event event)
{
	return history->counts[event];
}

int64_t
history_start(const struct history *history)
{
	return history->start;
}

void
history_watch(struct history *history, void (*watcher)(void *context, uint64_t id, const struct queue_happening *happening),
              void *context)
{
	history->watcher = watcher;
	history->context = context;
}
