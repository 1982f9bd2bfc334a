/*
 * A binary heap of elements that carry their own node: the smallest key comes first. An element can
 * leave from anywhere in O(log n). Used for timetables.
 */
#ifndef ANGARIUM_BASE_HEAP_H
#define ANGARIUM_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	size_t position; /* 1-based place in the heap; 0 when not in one */
};

struct heap {
	struct heap_node **nodes; /* owned; the elements are not */
	size_t count;
	size_t size;
};

void heap_init(struct heap *heap);
void heap_free(struct heap *heap);
/* NODE must be in no heap. 0 or -ENOMEM. */
int heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
/* Does nothing when NODE is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
/* NODE must be in the heap. */
void heap_change(struct heap *heap, struct heap_node *node, int64_t key);
/* The node with the smallest key, or NULL. */
struct heap_node *heap_first(const struct heap *heap);

static inline bool
heap_contains(const struct heap_node *node)
{
	return node->position != 0;
}

#define HEAP_ELEMENT(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

#endif
