/*
 * The store: bodies in files of their own.
 */
#include "t/unit/store_fixture.h"

static uint64_t
add_with_body(struct slice body, const char *written)
{
	uint64_t id = store_take_ids(fixture.store, 0, 1);
	int fd = store_create_body(fixture.store, id);
	struct message *message;
	struct record *record;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, written, strlen(written)), (ssize_t)strlen(written));
	close(fd);
	record = fixture_record(id, 1, body, SLICE(""), true, &message);
	store_add(fixture.store, message, record, fixture_settled, NULL);
	record_release(&record);
	fixture_settle();
	return id;
}

START_TEST(a_body_file_lives_as_long_as_its_message)
{
	uint64_t id = add_with_body(SLICE("body"), "body");

	fixture_restart();
	fixture_settle();
	ck_assert_ptr_nonnull(store_find(fixture.store, id));
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	fixture_result(id, 0, 1, RECIPIENT_DELIVERED);
	store_flush(fixture.store);
	ck_assert_uint_eq(fixture_count_files("body"), 1); /* the RESULT is not yet durable */
	fixture_settle();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
}
END_TEST

START_TEST(a_body_file_without_a_message_is_deleted_at_start)
{
	int fd = store_create_body(fixture.store, store_take_ids(fixture.store, 0, 1));

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	fixture_restart();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
}
END_TEST

START_TEST(a_message_whose_body_is_short_or_missing_is_damaged_and_kept_aside)
{
	uint64_t shorter = add_with_body(SLICE("body"), "bod");
	uint64_t missing = add_with_body(SLICE("body"), "body");
	uint64_t longer = add_with_body(SLICE("body"), "body and more");

	store_remove_body(fixture.store, missing);
	fixture_restart();
	fixture_settle();
	ck_assert(store_find(fixture.store, shorter)->damaged);
	ck_assert(store_find(fixture.store, missing)->damaged);
	ck_assert(!store_find(fixture.store, longer)->damaged);
	ck_assert_uint_eq(fixture_count_files("damaged"), 3); /* two records, one body */
	fixture_restart();
	ck_assert(store_find(fixture.store, shorter)->damaged);
	ck_assert_uint_eq(fixture_count_files("damaged"), 3);
	fixture_result(shorter, 0, 1, RECIPIENT_BOUNCED);
	fixture_result(missing, 0, 1, RECIPIENT_BOUNCED);
	fixture_settle();
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	ck_assert_uint_eq(fixture_count_files("damaged"), 3);
}
END_TEST

UNIT_MAIN_WITH("store_body", fixture_setup, fixture_teardown,
	a_body_file_lives_as_long_as_its_message,
	a_body_file_without_a_message_is_deleted_at_start,
	a_message_whose_body_is_short_or_missing_is_damaged_and_kept_aside)
