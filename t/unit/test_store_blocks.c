/*
 * What the log's records have to do with the blocks of the file system below: which are written as a whole, and which never again.
 */
#include "t/unit/store_fixture.h"
#include "t/unit/unit.h"

enum { BLOCK = 4096 };

static const struct place *
place_of(uint64_t id)
{
	const struct message *message = store_find(fixture.store, id);

	ck_assert_ptr_nonnull(message);
	return &message->place;
}

static uint32_t
first_block(uint64_t id)
{
	return place_of(id)->offset / BLOCK;
}

static uint32_t
last_block(uint64_t id)
{
	return (place_of(id)->offset + place_of(id)->size - 1) / BLOCK;
}

START_TEST(what_is_durable_shares_no_block_with_what_is_written_behind_it)
{
	uint64_t ids[3];

	for (int i = 0; i < 3; i++) {
		ids[i] = fixture_add(1, SLICE("body"));
		fixture_settle();
	}
	for (int i = 1; i < 3; i++)
		ck_assert_uint_lt(last_block(ids[i - 1]), first_block(ids[i]));
	fixture_restart();
	for (int i = 1; i < 3; i++)
		ck_assert_uint_lt(last_block(ids[i - 1]), first_block(ids[i]));
}
END_TEST

START_TEST(what_a_sync_that_is_under_way_covers_shares_no_block_with_what_comes_meanwhile)
{
	uint64_t under_way = fixture_add(1, SLICE("one")), meanwhile;

	store_flush(fixture.store);
	ck_assert_uint_gt(fixture.sync_count, 0);
	meanwhile = fixture_add(1, SLICE("two"));
	store_flush(fixture.store);
	fixture_settle();
	ck_assert_uint_lt(last_block(under_way), first_block(meanwhile));
}
END_TEST

START_TEST(records_that_wait_for_the_same_sync_lie_side_by_side)
{
	uint64_t under_way = fixture_add(1, SLICE("zero")), one, two;

	store_flush(fixture.store);
	one = fixture_add(1, SLICE("one"));
	store_flush(fixture.store);
	two = fixture_add(1, SLICE("two"));
	store_flush(fixture.store);
	fixture_settle();
	ck_assert_uint_lt(last_block(under_way), first_block(one));
	ck_assert_uint_eq(place_of(one)->offset + place_of(one)->size, place_of(two)->offset);
}
END_TEST

START_TEST(a_segment_whose_size_is_no_multiple_of_a_block_is_filled_and_left)
{
	static char bytes[SEGMENT_SIZE_MIN + 1000];
	uint64_t large, small;

	large = fixture_add(1, slice_of(memset(bytes, 'x', sizeof(bytes)), sizeof(bytes)));
	fixture_settle();
	ck_assert_uint_ne(place_of(large)->segment->size % BLOCK, 0);
	small = fixture_add(1, SLICE("small"));
	fixture_settle();
	ck_assert_ptr_ne(place_of(large)->segment, place_of(small)->segment);
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 2);
}
END_TEST

UNIT_MAIN_WITH("store_blocks", fixture_setup, fixture_teardown, what_is_durable_shares_no_block_with_what_is_written_behind_it,
               what_a_sync_that_is_under_way_covers_shares_no_block_with_what_comes_meanwhile,
               records_that_wait_for_the_same_sync_lie_side_by_side,
               a_segment_whose_size_is_no_multiple_of_a_block_is_filled_and_left)
