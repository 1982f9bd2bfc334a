/*
 * The store: segments are given back, and what lives in them is copied forward.
 */
#include "t/unit/store_fixture.h"

START_TEST(segments_without_live_messages_are_deleted_oldest_first)
{
	uint64_t ids[8];

	for (size_t i = 0; i < 8; i++) {
		ids[i] = fixture_add(1, fixture_large_body(60000)); /* one in each segment */
		fixture_settle();
	}
	ck_assert_uint_eq(fixture_count_files("segment"), 8);
	for (size_t i = 1; i < 7; i++)
		fixture_result(ids[i], 0, 1, RECIPIENT_DELIVERED);
	store_flush(fixture.store);
	store_sync(fixture.store);
	fixture_answer(0);
	ck_assert_uint_ge(fixture_count_files("segment"), 8); /* the first one is still live */
	fixture_result(ids[0], 0, 1, RECIPIENT_DELIVERED);
	store_flush(fixture.store);
	store_sync(fixture.store);
	fixture_answer(0);
	ck_assert_uint_eq(fixture.sync_count, 1); /* the unlink of the first is being made durable */
	ck_assert_int_eq(fixture.syncs[0].what, DISK_SEGMENT_DIRECTORY);
	fixture_settle();
	ck_assert_uint_le(fixture_count_files("segment"), 2);
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 1);
	ck_assert_ptr_nonnull(store_find(fixture.store, ids[7]));
}
END_TEST

START_TEST(a_long_deferred_message_is_copied_forward_with_all_that_is_known_of_it)
{
	uint64_t id = fixture_add(3, SLICE("stay"));
	struct message *message;

	fixture_settle();
	fixture_expand(id, 0, 3);
	fixture_result(id, 1, 1, RECIPIENT_DELIVERED);
	fixture_result(id, 4, 1, RECIPIENT_DELIVERED);
	fixture_defer(id, 9, 123456);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_WARNED);
	fixture_settle();
	for (size_t i = 0; i < 30; i++) {
		uint64_t other = fixture_add(1, fixture_large_body(60000));

		fixture_settle();
		fixture_result(other, 0, 1, RECIPIENT_DELIVERED);
		fixture_settle();
	}
	ck_assert_uint_le(fixture_count_files("segment"), 7);
	for (size_t restarts = 0; restarts < 2; restarts++) {
		message = store_find(fixture.store, id);
		ck_assert_ptr_nonnull(message);
		ck_assert_uint_gt(message->place.segment->number, 1);
		ck_assert_uint_eq(message->live, 2);
		ck_assert_int_eq(message_state(message, 0), RECIPIENT_EXPANDED);
		ck_assert_int_eq(message_state(message, 1), RECIPIENT_DELIVERED);
		ck_assert_int_eq(message_state(message, 4), RECIPIENT_DELIVERED);
		ck_assert(message->held && message->warned);
		fixture_restart();
		fixture_settle();
	}
	message = store_find(fixture.store, id);
	ck_assert_uint_eq(message->attempts, 9);
	ck_assert_int_eq(message->timer.key, 123456);
}
END_TEST

START_TEST(each_mark_is_copied_forward_when_there_is_nothing_else_to_say)
{
	static const enum message_mark marks[] = { MARK_HELD, MARK_WARNED, MARK_RETURNED };
	uint64_t ids[3];

	for (size_t i = 0; i < 3; i++) {
		ids[i] = fixture_add(1, SLICE("stay"));
		fixture_settle();
		store_mark(fixture.store, store_find(fixture.store, ids[i]), marks[i]);
	}
	fixture_settle();
	for (size_t i = 0; i < 30; i++) {
		uint64_t other = fixture_add(1, fixture_large_body(60000));

		fixture_settle();
		fixture_result(other, 0, 1, RECIPIENT_DELIVERED);
		fixture_settle();
	}
	ck_assert_uint_gt(store_find(fixture.store, ids[0])->place.segment->number, 1);
	fixture_restart();
	for (size_t i = 0; i < 3; i++) {
		const struct message *message = store_find(fixture.store, ids[i]);

		ck_assert_int_eq(message->held, i == 0);
		ck_assert_int_eq(message->warned, i == 1);
		ck_assert_int_eq(message->returned, i == 2);
	}
}
END_TEST

START_TEST(while_space_is_short_a_mostly_dead_segment_is_given_back_early)
{
	uint64_t stay = fixture_add(1, SLICE("stay"));
	uint64_t go = fixture_add(1, fixture_large_body(50000));
	uint64_t next;

	fixture_settle();
	next = fixture_add(1, fixture_large_body(20000));
	fixture_settle();
	ck_assert_uint_eq(store_find(fixture.store, next)->place.segment->number, 2);
	store_set_space_short(fixture.store, true);
	fixture_settle();
	ck_assert_uint_eq(store_find(fixture.store, stay)->place.segment->number, 1); /* most of it lives */
	fixture_result(go, 0, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	ck_assert_uint_eq(store_find(fixture.store, stay)->place.segment->number, 2);
	ck_assert_uint_eq(fixture_count_files("segment"), 1);
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, stay));
	ck_assert_ptr_nonnull(store_find(fixture.store, next));
	ck_assert_ptr_null(store_find(fixture.store, go));
}
END_TEST

START_TEST(what_has_no_room_in_the_newest_segment_is_not_copied_into_another_one_while_space_is_short)
{
	uint64_t stay = fixture_add(1, fixture_large_body(25000));
	uint64_t go = fixture_add(1, fixture_large_body(30000));
	uint64_t next;

	fixture_settle();
	next = fixture_add(1, fixture_large_body(50000));
	fixture_settle();
	ck_assert_uint_eq(store_find(fixture.store, next)->place.segment->number, 2);
	store_set_space_short(fixture.store, true);
	fixture_result(go, 0, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	ck_assert_uint_eq(store_find(fixture.store, stay)->place.segment->number, 1);
	ck_assert_uint_eq(fixture_count_files("segment"), 2);
}
END_TEST

START_TEST(a_message_that_ends_while_it_is_copied_is_over)
{
	uint64_t id = fixture_add(1, SLICE("stay"));

	fixture_settle();
	for (size_t i = 0; i < 12; i++) {
		uint64_t other = fixture_add(1, fixture_large_body(60000));

		fixture_settle();
		fixture_result(other, 0, 1, RECIPIENT_DELIVERED);
		store_flush(fixture.store);
		store_sync(fixture.store);
		if (store_find(fixture.store, id)->copying)
			break;
		fixture_answer(0);
		if (store_find(fixture.store, id)->copying)
			break;
	}
	ck_assert(store_find(fixture.store, id)->copying);
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	ck_assert_ptr_null(store_find(fixture.store, id));
	fixture_restart();
	ck_assert_ptr_null(store_find(fixture.store, id));
}
END_TEST

UNIT_MAIN_WITH("store_reclaim", fixture_setup, fixture_teardown,
	segments_without_live_messages_are_deleted_oldest_first,
	a_long_deferred_message_is_copied_forward_with_all_that_is_known_of_it,
	each_mark_is_copied_forward_when_there_is_nothing_else_to_say,
	while_space_is_short_a_mostly_dead_segment_is_given_back_early,
	what_has_no_room_in_the_newest_segment_is_not_copied_into_another_one_while_space_is_short,
	a_message_that_ends_while_it_is_copied_is_over)
