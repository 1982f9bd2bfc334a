/*
 * A queued message in memory: recipients' states, and the targets that recipients were expanded to.
 */
#include "queued/message.h"

#include <errno.h>
#include <stdlib.h>

struct message *
message_new(uint64_t id)
{
	struct message *message = calloc(1, sizeof(*message));

	if (message == NULL)
		return NULL;
	message->id = id;
	message->index_size = sizeof(message->states.few);
	SLIST_INIT(&message->expansions);
	return message;
}

void
message_free(struct message **message)
{
	struct message *old = *message;

	*message = NULL;
	if (old == NULL)
		return;
	while (!SLIST_EMPTY(&old->expansions)) {
		struct expansion *expansion = SLIST_FIRST(&old->expansions);

		SLIST_REMOVE_HEAD(&old->expansions, link);
		record_release(&expansion->record);
		free(expansion);
	}
	if (old->index_size > sizeof(old->states.few))
		free(old->states.many);
	free(old);
}

static uint8_t *
message_states(struct message *message)
{
	return message->index_size > sizeof(message->states.few) ? message->states.many : message->states.few;
}

enum recipient_state
message_state(const struct message *message, uint32_t index)
{
	if (index >= message->index_count)
		return RECIPIENT_ABSENT;
	return message->index_size > sizeof(message->states.few) ? message->states.many[index] : message->states.few[index];
}

int
message_grow(struct message *message, uint32_t count)
{
	uint32_t size = message->index_size;
	uint8_t *states;

	if (count > PAYLOAD_INDEXES_MAX)
		return -EINVAL;
	if (count > size) {
		while (size < count)
			size *= 2;
		states = calloc(1, size);
		if (states == NULL)
			return -ENOMEM;
		memcpy(states, message_states(message), message->index_count);
		if (message->index_size > sizeof(message->states.few))
			free(message->states.many);
		message->states.many = states;
		message->index_size = size;
	}
	if (count > message->index_count)
		message->index_count = count;
	return 0;
}

static bool
is_live(enum recipient_state state)
{
	return state != RECIPIENT_ABSENT && (int)state < RECIPIENT_FINAL;
}

void
message_set_state(struct message *message, uint32_t index, enum recipient_state state)
{
	uint8_t *at = &message_states(message)[index];

	if (*at >= RECIPIENT_FINAL)
		return;
	message->live -= is_live(*at) ? 1 : 0;
	message->live += is_live(state) ? 1 : 0;
	*at = (uint8_t)state;
}

int
message_open(struct message *message, const struct payload_range *range)
{
	int error = message_grow(message, range->first + range->count);

	for (uint32_t i = range->first; error == 0 && i < range->first + range->count; i++)
		if (message_state(message, i) == RECIPIENT_ABSENT)
			message_set_state(message, i, RECIPIENT_WAITING);
	return error;
}

int
message_set_range(struct message *message, const struct payload_range *range, enum recipient_state state)
{
	int error = message_grow(message, range->first + range->count);

	for (uint32_t i = range->first; error == 0 && i < range->first + range->count; i++)
		message_set_state(message, i, state);
	return error;
}

bool
message_mark(struct message *message, enum message_mark mark)
{
	switch (mark) {
	case MARK_HELD:
	case MARK_RELEASED:
		message->held = mark == MARK_HELD;
		return true;
	case MARK_WARNED:
		message->warned = true;
		return true;
	case MARK_RETURNED:
		message->returned = true;
		return true;
	case MARK_MAX:
		break;
	}
	return false;
}

static bool
message_is_expanded(const struct message *message, uint32_t recipient)
{
	const struct expansion *expansion;

	SLIST_FOREACH(expansion, &message->expansions, link)
		if (expansion->recipient == recipient)
			return true;
	return false;
}

int
message_add_expansion(struct message *message, struct record *record, struct expansion **expansion_r)
{
	struct expansion_payload payload;
	struct expansion *expansion;

	if (payload_expansion_parse(record_payload_slice(record), &payload) != 0)
		return -EINVAL;
	if (message_is_expanded(message, payload.recipient))
		return -EEXIST;
	expansion = malloc(sizeof(*expansion) + payload.count * sizeof(expansion->targets[0]));
	if (expansion == NULL)
		return -ENOMEM;
	*expansion = (struct expansion){
		.recipient = payload.recipient,
		.first = payload.first,
		.count = payload.count,
		.record = record_hold(record),
	};
	for (uint32_t i = 0; i < payload.count; i++)
		expansion->targets[i] = payload_expansion_next(&payload);
	SLIST_INSERT_HEAD(&message->expansions, expansion, link);
	*expansion_r = expansion;
	return 0;
}

struct expansion *
message_expansion_of(const struct message *message, uint32_t index)
{
	struct expansion *expansion;

	SLIST_FOREACH(expansion, &message->expansions, link)
		if (index >= expansion->first && index - expansion->first < expansion->count)
			return expansion;
	return NULL;
}

uint32_t
message_root(const struct message *message, uint32_t index)
{
	const struct expansion *expansion;

	if (index < message->recipients)
		return index;
	expansion = message_expansion_of(message, index);
	/* Targets have higher indexes than what they come from, so this ends; a record that says otherwise is not followed. */
	while (expansion != NULL && expansion->recipient < index) {
		index = expansion->recipient;
		expansion = message_expansion_of(message, index);
	}
	return index;
}
