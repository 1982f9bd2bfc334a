/*
 * Destinations by key.
 */
#include "relayd/destination.h"

#include <stdlib.h>
#include <string.h>

static int
destination_compare(const struct destination *a, const struct destination *b)
{
	return strcmp(a->key, b->key);
}

RB_PROTOTYPE(destination_tree, destination, node, destination_compare)
RB_GENERATE(destination_tree, destination, node, destination_compare)

static struct destination *
destination_find(struct destination_tree *tree, const char *key)
{
	struct destination *destination = RB_ROOT(tree);

	while (destination != NULL) {
		int order = strcmp(key, destination->key);

		if (order == 0)
			return destination;
		destination = order < 0 ? RB_LEFT(destination, node) : RB_RIGHT(destination, node);
	}
	return NULL;
}

struct destination *
destination_take(struct destination_tree *tree, const char *key)
{
	struct destination *destination = destination_find(tree, key);
	size_t length = strlen(key) + 1;

	if (destination == NULL) {
		destination = calloc(1, sizeof(*destination) + length);
		if (destination == NULL)
			return NULL;
		memcpy(destination->key, key, length);
		TAILQ_INIT(&destination->idle);
		RB_INSERT(destination_tree, tree, destination);
	}
	destination->users++;
	return destination;
}

void
destination_drop(struct destination_tree *tree, struct destination **destination)
{
	if (--(*destination)->users == 0) {
		RB_REMOVE(destination_tree, tree, *destination);
		free(*destination);
	}
	*destination = NULL;
}
