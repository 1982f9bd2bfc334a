/*
 * A binary heap of intrusive nodes, smallest key first.
 */
#include "common/base/heap.h"

#include <errno.h>
#include <stdlib.h>

void
heap_init(struct heap *heap)
{
	*heap = (struct heap){ 0 };
}

void
heap_free(struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		heap->nodes[i]->position = 0;
	free(heap->nodes);
	heap_init(heap);
}

static void
heap_place(struct heap *heap, struct heap_node *node, size_t position)
{
	heap->nodes[position - 1] = node;
	node->position = position;
}

static void
heap_rise(struct heap *heap, struct heap_node *node)
{
	size_t position = node->position;

	while (position > 1 && heap->nodes[position / 2 - 1]->key > node->key) {
		heap_place(heap, heap->nodes[position / 2 - 1], position);
		position /= 2;
	}
	heap_place(heap, node, position);
}

static void
heap_sink(struct heap *heap, struct heap_node *node)
{
	size_t position = node->position;

	for (;;) {
		size_t child = position * 2;

		if (child > heap->count)
			break;
		if (child < heap->count && heap->nodes[child]->key < heap->nodes[child - 1]->key)
			child++;
		if (heap->nodes[child - 1]->key >= node->key)
			break;
		heap_place(heap, heap->nodes[child - 1], position);
		position = child;
	}
	heap_place(heap, node, position);
}

int
heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
	if (heap->count == heap->size) {
		size_t size = heap->size == 0 ? 64 : heap->size * 2;
		struct heap_node **nodes = reallocarray(heap->nodes, size, sizeof(*nodes));

		if (nodes == NULL)
			return -ENOMEM;
		heap->nodes = nodes;
		heap->size = size;
	}
	node->key = key;
	heap_place(heap, node, ++heap->count);
	heap_rise(heap, node);
	return 0;
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *last;
	size_t position = node->position;

	if (position == 0)
		return;
	last = heap->nodes[--heap->count];
	node->position = 0;
	if (last == node)
		return;
	heap_place(heap, last, position);
	heap_change(heap, last, last->key);
}

void
heap_change(struct heap *heap, struct heap_node *node, int64_t key)
{
	node->key = key;
	heap_rise(heap, node);
	heap_sink(heap, node);
}

struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->nodes[0];
}
