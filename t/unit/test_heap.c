/*
 * The heap: order, leaving from anywhere, changed keys.
 */
#include "common/base/heap.h"
#include "t/unit/unit.h"

struct element {
	int name;
	struct heap_node node;
};

enum { ELEMENTS = 1000 };

static struct element elements[ELEMENTS];

/* The same numbers in every run. */
static int64_t
next_key(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return (int64_t)(*state >> 8) % 500 - 250;
}

static void
fill(struct heap *heap)
{
	uint32_t state = 1;

	heap_init(heap);
	for (int i = 0; i < ELEMENTS; i++) {
		elements[i].name = i;
		ck_assert_int_eq(heap_insert(heap, &elements[i].node, next_key(&state)), 0);
	}
}

/* Takes all out and checks that keys rise. Returns how many there were. */
static int
drain(struct heap *heap)
{
	int64_t last = INT64_MIN;
	int count = 0;

	for (struct heap_node *node = heap_first(heap); node != NULL; node = heap_first(heap), count++) {
		ck_assert_int_ge(node->key, last);
		last = node->key;
		heap_remove(heap, node);
		ck_assert(!heap_contains(node));
	}
	return count;
}

START_TEST(elements_come_out_in_the_order_of_their_keys)
{
	struct heap heap;

	fill(&heap);
	ck_assert_int_eq(drain(&heap), ELEMENTS);
	heap_free(&heap);
}
END_TEST

START_TEST(an_element_leaves_from_anywhere)
{
	struct heap heap;

	fill(&heap);
	for (int i = 0; i < ELEMENTS; i += 3)
		heap_remove(&heap, &elements[i].node);
	for (int i = 0; i < ELEMENTS; i++)
		ck_assert_int_eq(heap_contains(&elements[i].node), i % 3 != 0);
	ck_assert_int_eq(drain(&heap), ELEMENTS - (ELEMENTS + 2) / 3);
	heap_free(&heap);
}
END_TEST

START_TEST(removing_twice_does_nothing)
{
	struct heap heap;

	fill(&heap);
	heap_remove(&heap, &elements[5].node);
	heap_remove(&heap, &elements[5].node);
	ck_assert_int_eq(drain(&heap), ELEMENTS - 1);
	heap_free(&heap);
}
END_TEST

START_TEST(a_changed_key_moves_its_element)
{
	struct heap heap;
	uint32_t state = 99;

	fill(&heap);
	for (int i = 0; i < ELEMENTS; i += 2)
		heap_change(&heap, &elements[i].node, next_key(&state));
	heap_change(&heap, &elements[7].node, INT64_MIN);
	ck_assert_int_eq(HEAP_ELEMENT(heap_first(&heap), struct element, node)->name, 7);
	heap_change(&heap, &elements[7].node, INT64_MAX);
	ck_assert_int_ne(HEAP_ELEMENT(heap_first(&heap), struct element, node)->name, 7);
	ck_assert_int_eq(drain(&heap), ELEMENTS);
	heap_free(&heap);
}
END_TEST

START_TEST(a_freed_heap_lets_its_elements_go)
{
	struct heap heap;

	fill(&heap);
	heap_free(&heap);
	ck_assert_ptr_null(heap_first(&heap));
	ck_assert(!heap_contains(&elements[0].node));
	ck_assert_int_eq(heap_insert(&heap, &elements[0].node, 1), 0);
	ck_assert_ptr_eq(heap_first(&heap), &elements[0].node);
	heap_free(&heap);
}
END_TEST

UNIT_MAIN("heap", elements_come_out_in_the_order_of_their_keys, an_element_leaves_from_anywhere,
	  removing_twice_does_nothing, a_changed_key_moves_its_element, a_freed_heap_lets_its_elements_go)
