/*
 * The store: what is appended, made durable, and found again after a restart.
 */
#include "t/unit/store_fixture.h"

START_TEST(a_message_is_settled_only_after_its_sync)
{
	fixture_add(1, SLICE("body"));
	ck_assert(fixture.woken);
	store_flush(fixture.store);
	ck_assert_uint_eq(fixture.settled, 0);
	ck_assert_uint_eq(fixture.sync_count, 2); /* the segment and, as it is new, its directory */
	fixture_answer(0);
	ck_assert_uint_eq(fixture.settled, 1);
}
END_TEST

START_TEST(what_is_written_during_a_sync_waits_for_the_next_one)
{
	fixture_add(1, SLICE("one"));
	store_flush(fixture.store);
	fixture_add(1, SLICE("two"));
	store_flush(fixture.store);
	fixture_add(1, SLICE("three"));
	store_flush(fixture.store);
	fixture_answer(0);
	ck_assert_uint_eq(fixture.settled, 1);
	ck_assert_uint_eq(fixture.sync_count, 1);
	fixture_answer(0);
	ck_assert_uint_eq(fixture.settled, 3);
}
END_TEST

START_TEST(a_restart_finds_the_message_with_its_states)
{
	uint64_t id = fixture_add(3, SLICE("body"));
	struct message *message;
	struct message_payload payload;
	struct record *record;

	fixture_settle();
	fixture_result(id, 1, 1, RECIPIENT_DELIVERED);
	fixture_defer(id, 4, 5000);
	fixture_settle();
	fixture_restart();
	message = store_find(fixture.store, id);
	ck_assert_ptr_nonnull(message);
	ck_assert_uint_eq(message->live, 2);
	ck_assert_int_eq(message_state(message, 1), RECIPIENT_DELIVERED);
	ck_assert_uint_eq(message->attempts, 4);
	ck_assert_int_eq(message->timer.key, 5000);
	ck_assert_int_eq(store_read(fixture.store, message, &record), 0);
	ck_assert_int_eq(payload_message_parse(record_payload_slice(record), &payload), 0);
	ck_assert(slice_equal(payload.body, SLICE("body")));
	record_release(&record);
}
END_TEST

START_TEST(a_restart_does_not_find_what_is_over)
{
	uint64_t id = fixture_add(2, SLICE("body"));

	fixture_settle();
	fixture_result(id, 0, 2, RECIPIENT_DELIVERED);
	ck_assert_ptr_null(store_find(fixture.store, id));
	fixture_settle();
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(targets_of_an_expansion_survive_a_restart)
{
	uint64_t id = fixture_add(2, SLICE("body"));
	struct message *message;

	fixture_settle();
	fixture_expand(id, 0, 2);
	fixture_settle();
	fixture_result(id, 3, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	fixture_restart();
	message = store_find(fixture.store, id);
	ck_assert_int_eq(message_state(message, 0), RECIPIENT_EXPANDED);
	ck_assert_int_eq(message_state(message, 1), RECIPIENT_WAITING);
	ck_assert_int_eq(message_state(message, 2), RECIPIENT_WAITING);
	ck_assert_int_eq(message_state(message, 3), RECIPIENT_DELIVERED);
	ck_assert_uint_eq(message->live, 2);
	ck_assert(slice_equal(message_expansion_of(message, 3)->targets[1].address, SLICE("two@example.org")));
}
END_TEST

START_TEST(a_bounce_and_the_end_of_what_it_bounces_are_one_record)
{
	uint64_t id = fixture_add(1, SLICE("body"));
	struct payload_range range = { 0, 1 };
	struct buffer ends;
	uint64_t bounce;

	fixture_settle();
	buffer_init(&ends, 4096);
	ck_assert_int_eq(payload_results_begin(&ends), 0);
	ck_assert_int_eq(payload_results_add(&ends, id, RECIPIENT_BOUNCED, &range, 1), 0);
	bounce = fixture_add_ending(1, SLICE("sorry"), buffer_slice(&ends));
	buffer_free(&ends);
	fixture_settle();
	fixture_restart();
	ck_assert_ptr_null(store_find(fixture.store, id));
	ck_assert_ptr_nonnull(store_find(fixture.store, bounce));
}
END_TEST

START_TEST(a_message_is_held_and_released_and_the_last_word_counts)
{
	uint64_t id = fixture_add(1, SLICE("body"));

	fixture_settle();
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	ck_assert(store_find(fixture.store, id)->held);
	fixture_settle();
	fixture_restart();
	ck_assert(store_find(fixture.store, id)->held);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_RELEASED);
	fixture_settle();
	fixture_restart();
	ck_assert(!store_find(fixture.store, id)->held);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_RELEASED);
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	fixture_settle();
	fixture_restart();
	ck_assert(store_find(fixture.store, id)->held);
	ck_assert(!store_find(fixture.store, id)->warned);
}
END_TEST

START_TEST(a_warning_and_the_mark_that_it_was_sent_are_one_record)
{
	uint64_t id = fixture_add(1, SLICE("body"));
	struct buffer ends;

	fixture_settle();
	buffer_init(&ends, 4096);
	ck_assert_int_eq(payload_results_begin(&ends), 0);
	ck_assert_int_eq(payload_results_mark(&ends, id, MARK_WARNED), 0);
	fixture_add_ending(1, SLICE("late"), buffer_slice(&ends));
	buffer_free(&ends);
	fixture_settle();
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 2);
	ck_assert(store_find(fixture.store, id)->warned);
	ck_assert_uint_eq(store_find(fixture.store, id)->live, 1);
}
END_TEST

static void
count_call(void *context)
{
	++*(size_t *)context;
}

START_TEST(who_awaits_durability_is_told_after_the_sync)
{
	uint64_t id = fixture_add(1, SLICE("body"));
	size_t calls = 0;

	fixture_settle();
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	ck_assert_int_eq(store_await(fixture.store, count_call, &calls), 0);
	store_flush(fixture.store);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(fixture.sync_count, 1); /* at once, although a RESULT alone would wait */
	fixture_answer(0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(store_await(fixture.store, count_call, &calls), 0);
	store_flush(fixture.store); /* nothing is to be written */
	ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(after_a_failed_sync_durability_is_awaited_until_it_is_written_again)
{
	uint64_t id = fixture_add(1, SLICE("body"));
	size_t calls = 0;

	fixture_settle();
	store_mark(fixture.store, store_find(fixture.store, id), MARK_HELD);
	ck_assert_int_eq(store_await(fixture.store, count_call, &calls), 0);
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert(store_is_broken(fixture.store));
	store_flush(fixture.store);
	ck_assert_uint_eq(calls, 0);
	store_retry(fixture.store);
	ck_assert_uint_eq(calls, 0);
	fixture_answer(0);
	ck_assert_uint_eq(calls, 1);
	fixture_restart();
	ck_assert(store_find(fixture.store, id)->held);
}
END_TEST

START_TEST(ids_only_grow_even_when_the_clock_goes_back_and_the_spool_is_empty)
{
	uint64_t first = store_take_ids(fixture.store, 1000000, 10);
	uint64_t second = store_take_ids(fixture.store, 1000, 1);
	uint64_t id;

	ck_assert_uint_eq(second, first + 10);
	id = fixture_add(1, SLICE("x"));
	fixture_settle();
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	fixture_settle();
	fixture_restart();
	ck_assert_uint_gt(store_take_ids(fixture.store, 0, 1), id);
	fixture_settle();
	ck_assert_uint_le(fixture_count_files("segment"), 2); /* the last durable one, and the new one */
	fixture_restart();
	ck_assert_uint_gt(store_take_ids(fixture.store, 0, 1), id);
}
END_TEST

START_TEST(a_failed_sync_refuses_the_message_and_it_does_not_come_back)
{
	uint64_t good = fixture_add(1, SLICE("good"));
	uint64_t bad;

	fixture_settle();
	bad = fixture_add(1, SLICE("bad"));
	store_flush(fixture.store);
	fixture_answer(-EIO);
	ck_assert_uint_eq(fixture.failed, 1);
	ck_assert(store_is_broken(fixture.store));
	ck_assert_ptr_null(store_find(fixture.store, bad));
	store_retry(fixture.store);
	fixture_settle();
	ck_assert(!store_is_broken(fixture.store));
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, good));
	ck_assert_ptr_null(store_find(fixture.store, bad));
}
END_TEST

START_TEST(results_of_a_failed_sync_are_written_again)
{
	uint64_t id = fixture_add(1, SLICE("x"));
	uint64_t number;

	fixture_settle();
	number = store_find(fixture.store, id)->place.segment->number;
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	store_flush(fixture.store);
	store_sync(fixture.store);
	fixture_answer(-EIO);
	store_retry(fixture.store);
	fixture_settle();
	fixture_restart();
	ck_assert_ptr_null(store_find(fixture.store, id));
	fixture_settle();
	ck_assert_int_ne(access(fixture_path("segment", "0000000000000001"), F_OK), number == 1 ? 0 : 1);
}
END_TEST

START_TEST(a_broken_store_refuses_new_messages_until_it_is_retried)
{
	fixture_add(1, SLICE("bad"));
	store_flush(fixture.store);
	fixture_answer(-EIO);
	fixture_add(1, SLICE("worse"));
	store_flush(fixture.store);
	ck_assert_uint_eq(fixture.failed, 2);
	store_retry(fixture.store);
	fixture_add(1, SLICE("good"));
	fixture_settle();
	ck_assert_uint_eq(fixture.settled, 1);
}
END_TEST

START_TEST(after_the_loss_of_the_syncer_everything_is_synced_anew)
{
	uint64_t id = fixture_add(1, SLICE("x"));

	store_flush(fixture.store);
	fixture_answer(-ECONNRESET);
	ck_assert_uint_eq(fixture.settled, 0);
	ck_assert_uint_ge(fixture.sync_count, 1);
	fixture_answer(0);
	ck_assert_uint_eq(fixture.settled, 1);
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
}
END_TEST

START_TEST(a_record_larger_than_a_segment_gets_a_segment_of_its_own_size)
{
	uint64_t id = fixture_add(1, fixture_large_body(200000));

	fixture_settle();
	fixture_restart();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	ck_assert_uint_gt(store_find(fixture.store, id)->place.size, 200000);
}
END_TEST

START_TEST(ten_thousand_messages_are_all_found_again)
{
	for (size_t i = 0; i < 10000; i++) {
		fixture_add(1, fixture_large_body(i % 300));
		if (i % 100 == 0) {
			store_flush(fixture.store);
			fixture_answer(0);
		}
	}
	fixture_settle();
	ck_assert_uint_eq(fixture.settled, 10000);
	fixture_restart();
	ck_assert_uint_eq(store_count(fixture.store), 10000);
}
END_TEST

START_TEST(foreign_files_are_left_alone)
{
	int fd = open(fixture_path("segment", "README"), O_WRONLY | O_CREAT, 0600);

	close(fd);
	fd = open(fixture_path("body", "what is this"), O_WRONLY | O_CREAT, 0600);
	close(fd);
	fixture_restart();
	fixture_settle();
	ck_assert_int_eq(access(fixture_path("segment", "README"), F_OK), 0);
	ck_assert_int_eq(access(fixture_path("body", "what is this"), F_OK), 0);
}
END_TEST

UNIT_MAIN_WITH("store", fixture_setup, fixture_teardown,
	a_message_is_settled_only_after_its_sync,
	what_is_written_during_a_sync_waits_for_the_next_one,
	a_restart_finds_the_message_with_its_states,
	a_restart_does_not_find_what_is_over,
	targets_of_an_expansion_survive_a_restart,
	a_bounce_and_the_end_of_what_it_bounces_are_one_record,
	a_message_is_held_and_released_and_the_last_word_counts,
	a_warning_and_the_mark_that_it_was_sent_are_one_record,
	who_awaits_durability_is_told_after_the_sync,
	after_a_failed_sync_durability_is_awaited_until_it_is_written_again,
	ids_only_grow_even_when_the_clock_goes_back_and_the_spool_is_empty,
	a_failed_sync_refuses_the_message_and_it_does_not_come_back,
	results_of_a_failed_sync_are_written_again,
	a_broken_store_refuses_new_messages_until_it_is_retried,
	after_the_loss_of_the_syncer_everything_is_synced_anew,
	a_record_larger_than_a_segment_gets_a_segment_of_its_own_size,
	ten_thousand_messages_are_all_found_again,
	foreign_files_are_left_alone)
