/*
 * What smtpd may say to the queue, over a real channel; what it may not, closes the channel and hurts nobody else.
 */
#include "queued/ids.h"
#include "t/unit/queue_peer.h"

static void
send_numbers(uint16_t type, uint64_t one, const uint64_t *two)
{
	struct wire_writer writer;

	buffer_init(&frame, 64);
	writer = wire_begin_bare(&frame);
	wire_put_u64(&writer, one);
	if (two != NULL)
		wire_put_u64(&writer, *two);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	send_frame(type, 5, buffer_slice(&frame));
	buffer_free(&frame);
}

static int
open_body(uint64_t id, uint64_t size)
{
	struct slice payload;
	int fd;

	send_numbers(SUBMIT_BODY_OPEN, id, &size);
	ck_assert_int_eq(next_frame(&payload, &fd), SUBMIT_BODY_OPENED);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(a_message_is_accepted_when_it_is_durable)
{
	connect_smtpd();
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	ck_assert_ptr_nonnull(store_find(fixture.store, first_id));
}
END_TEST

START_TEST(an_id_outside_of_the_range_closes_the_channel)
{
	connect_smtpd();
	send_message(first_id + SUBMIT_IDS_COUNT, 0, 4, SLICE("body"));
	expect_closed();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(an_id_of_another_worker_closes_the_channel)
{
	uint64_t other;

	connect_smtpd();
	other = first_id;
	close(peer);
	connect_smtpd();
	ck_assert_uint_ne(other, first_id);
	send_message(other, 0, 4, SLICE("body"));
	expect_closed();
}
END_TEST

START_TEST(an_id_that_is_used_twice_closes_the_channel)
{
	connect_smtpd();
	send_message(first_id + 9, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	send_message(first_id + 9, 0, 4, SLICE("body"));
	expect_closed();
	ck_assert_uint_eq(store_count(fixture.store), 1);
}
END_TEST

START_TEST(more_ids_are_given_when_asked_for)
{
	struct slice payload;
	struct wire_reader reader;
	uint64_t second;

	connect_smtpd();
	send_frame(SUBMIT_IDS_MORE, 3, SLICE(""));
	ck_assert_int_eq(next_frame(&payload, NULL), SUBMIT_IDS);
	reader = wire_read(payload);
	second = wire_get_u64(&reader);
	ck_assert_uint_ge(second, first_id + SUBMIT_IDS_COUNT);
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	send_message(second, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
}
END_TEST

START_TEST(a_size_that_is_not_the_bodys_closes_the_channel)
{
	connect_smtpd();
	send_message(first_id, 0, 5, SLICE("body"));
	expect_closed();
}
END_TEST

START_TEST(a_broken_envelope_closes_the_channel)
{
	connect_smtpd();
	send_message_sized(first_id, SLICE("nonsense"), 0, 4, SLICE("body"));
	expect_closed();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_client_cannot_say_that_its_message_is_our_last_report)
{
	struct envelope_recipient recipient = { .address = SLICE("user@example.org") };
	struct envelope envelope = { .flags = ENVELOPE_LAST, .recipient_count = 1, .recipients = &recipient };
	struct buffer encoded;

	buffer_init(&encoded, 4096);
	ck_assert_int_eq(envelope_encode(&envelope, &encoded), 0);
	connect_smtpd();
	send_message_sized(first_id, buffer_slice(&encoded), 0, 4, SLICE("body"));
	expect_closed();
	ck_assert_uint_eq(store_count(fixture.store), 0);
	buffer_free(&encoded);
}
END_TEST

START_TEST(a_message_cut_short_anywhere_closes_the_channel)
{
	struct wire_writer writer;
	struct buffer whole, envelope;
	size_t length;

	fixture_envelope(&envelope, 1);
	buffer_init(&whole, 4096);
	writer = wire_begin_bare(&whole);
	wire_put_u64(&writer, 1);
	wire_put_slice(&writer, buffer_slice(&envelope));
	wire_put_u8(&writer, 0);
	wire_put_u64(&writer, 4);
	wire_put_u64(&writer, 0); /* checksums */
	wire_put_slice(&writer, SLICE("body"));
	length = buffer_length(&whole);
	for (size_t cut = 0; cut < length; cut++) {
		connect_smtpd();
		little_put_u64(whole.data, first_id);
		send_frame(SUBMIT_MESSAGE, 1, slice_first(buffer_slice(&whole), cut));
		expect_closed();
		close(peer);
	}
	peer = -1;
	buffer_free(&whole);
	buffer_free(&envelope);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_type_that_is_not_known_closes_the_channel)
{
	connect_smtpd();
	send_frame(99, 1, SLICE(""));
	expect_closed();
}
END_TEST

START_TEST(a_large_body_goes_through_a_file)
{
	int fd;

	connect_smtpd();
	fd = open_body(first_id, 0);
	ck_assert_int_eq(write(fd, "large body", 10), 10);
	close(fd);
	send_message(first_id, 1, 10, SLICE(""));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	ck_assert(store_find(fixture.store, first_id)->body_in_file);
}
END_TEST

START_TEST(the_checksums_of_a_body_in_a_file_stand_in_its_record)
{
	struct message_payload payload;
	struct record *record;
	int fd;

	connect_smtpd();
	fd = open_body(first_id, 0);
	ck_assert_int_eq(write(fd, "large body", 10), 10);
	close(fd);
	sums = (struct body_sums){ .whole = 0x12345678, .beginning = 0x9abcdef0 }; /* nobody looks whether they are right */
	send_message(first_id, 1, 10, SLICE(""));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	ck_assert_int_eq(store_read(fixture.store, store_find(fixture.store, first_id), &record), 0);
	ck_assert_int_eq(payload_message_parse(record_payload_slice(record), &payload), 0);
	ck_assert_uint_eq(payload.sums.whole, 0x12345678);
	ck_assert_uint_eq(payload.sums.beginning, 0x9abcdef0);
	record_release(&record);
}
END_TEST

START_TEST(checksums_of_a_body_that_is_in_no_file_close_the_channel)
{
	connect_smtpd();
	sums = (struct body_sums){ .whole = 1 };
	send_message(first_id, 0, 4, SLICE("body"));
	expect_closed();
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_descriptor_of_a_body_cannot_be_read_from)
{
	char byte;
	int fd;

	connect_smtpd();
	fd = open_body(first_id, 10);
	ck_assert_int_lt(read(fd, &byte, 1), 0);
	close(fd);
}
END_TEST

START_TEST(a_body_that_is_shorter_than_said_is_refused_and_removed)
{
	int fd;

	connect_smtpd();
	fd = open_body(first_id, 10);
	ck_assert_int_eq(write(fd, "large", 5), 5);
	close(fd);
	send_message(first_id, 1, 10, SLICE(""));
	expect_result(SUBMIT_REPLY, SUBMIT_TEMPORARY);
	ck_assert_uint_eq(fixture_count_files("body"), 0);
	ck_assert_uint_eq(store_count(fixture.store), 0);
}
END_TEST

START_TEST(a_message_that_names_a_body_which_was_never_opened_closes_the_channel)
{
	connect_smtpd();
	send_message(first_id, 1, 10, SLICE(""));
	expect_closed();
}
END_TEST

START_TEST(bodies_that_are_given_up_are_removed)
{
	connect_smtpd();
	close(open_body(first_id, 10));
	close(open_body(first_id + 1, 10));
	ck_assert_uint_eq(fixture_count_files("body"), 2);
	send_numbers(SUBMIT_BODY_ABORT, first_id, NULL);
	ck_assert_uint_eq(fixture_count_files("body"), 1);
	close(peer); /* a worker that dies */
	peer = -1;
	turn();
	ck_assert_uint_eq(fixture_count_files("body"), 0);
}
END_TEST

START_TEST(what_is_too_big_is_refused)
{
	static char body[SUBMIT_FIELDS_MAX + 4];

	config.message_size_limit = 2; /* 3 with what base64 adds */
	connect_smtpd();
	send_message(first_id, 0, sizeof(body), slice_of(body, sizeof(body)));
	expect_result(SUBMIT_REPLY, SUBMIT_TOO_BIG);
	send_numbers(SUBMIT_BODY_OPEN, first_id + 1, &(uint64_t){ sizeof(body) });
	expect_result(SUBMIT_BODY_REFUSED, SUBMIT_TOO_BIG);
}
END_TEST

/* The free space is looked at while so many bytes must stay free. */
static void
look_with_reserve(uint64_t reserve)
{
	config.spool_reserve = reserve;
	submit_look(submit);
	turn();
}

static void
expect_space(char space)
{
	struct slice payload;

	ck_assert_int_eq(next_frame(&payload, NULL), SUBMIT_SPACE);
	ck_assert_uint_eq(payload.length, 1);
	ck_assert_int_eq(payload.data[0], space);
}

START_TEST(while_space_is_short_new_mail_is_refused)
{
	connect_smtpd();
	look_with_reserve(UINT64_MAX);
	expect_space(0);
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_NO_SPACE);
	send_numbers(SUBMIT_BODY_OPEN, first_id + 1, &(uint64_t){ 4 });
	expect_result(SUBMIT_BODY_REFUSED, SUBMIT_NO_SPACE);
	look_with_reserve(0);
	expect_space(1);
	send_message(first_id + 2, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
}
END_TEST

START_TEST(a_worker_that_comes_while_space_is_short_is_told)
{
	look_with_reserve(UINT64_MAX);
	connect_smtpd();
	expect_space(0);
}
END_TEST

START_TEST(the_space_is_told_only_when_it_changes)
{
	struct slice payload;

	connect_smtpd();
	look_with_reserve(UINT64_MAX);
	expect_space(0);
	look_with_reserve(UINT64_MAX);
	look_with_reserve(0);
	expect_space(1);
	look_with_reserve(0);
	ck_assert_int_eq(next_frame(&payload, NULL), 0);
}
END_TEST

START_TEST(a_body_that_would_take_the_reserve_is_refused_before_it_is_written)
{
	uint64_t bytes;

	connect_smtpd();
	ck_assert_int_eq(store_free_space(fixture.store, &bytes), 0);
	config.spool_reserve = bytes / 2;
	config.message_size_limit = bytes;
	send_numbers(SUBMIT_BODY_OPEN, first_id, &(uint64_t){ bytes / 4 * 3 });
	expect_result(SUBMIT_BODY_REFUSED, SUBMIT_NO_SPACE);
	close(open_body(first_id + 1, 1000));
}
END_TEST

START_TEST(messages_over_the_memory_limit_get_a_temporary_failure)
{
	config.queue_memory = 2;
	connect_smtpd();
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_TEMPORARY);
}
END_TEST

/* ---- ids ---- */

START_TEST(each_id_of_a_range_can_be_used_once)
{
	struct ids ids;

	ids_init(&ids);
	ck_assert_int_eq(ids_grant(&ids, 1000), 0);
	ck_assert_int_eq(ids_use(&ids, 999), -EPROTO);
	for (uint64_t id = 1000; id < 1000 + SUBMIT_IDS_COUNT; id++)
		ck_assert_int_eq(ids_use(&ids, id), 0);
	for (uint64_t id = 1000; id < 1000 + SUBMIT_IDS_COUNT; id++)
		ck_assert_int_eq(ids_use(&ids, id), -EPROTO);
	ck_assert_int_eq(ids_use(&ids, 1000 + SUBMIT_IDS_COUNT), -EPROTO);
	ids_free(&ids);
}
END_TEST

START_TEST(the_oldest_of_too_many_ranges_is_forgotten_but_no_violation)
{
	struct ids ids;

	ids_init(&ids);
	for (uint64_t i = 1; i <= IDS_RANGES_MAX + 1; i++)
		ck_assert_int_eq(ids_grant(&ids, i * 10000), 0);
	ck_assert_int_eq(ids_use(&ids, 10000), -ESTALE);
	ck_assert_int_eq(ids_use(&ids, 20000), 0);
	ck_assert(ids_contain(&ids, 10000));
	ck_assert(ids_contain(&ids, 20000));
	ck_assert(!ids_contain(&ids, 20000 + SUBMIT_IDS_COUNT));
	ids_free(&ids);
}
END_TEST

UNIT_MAIN_WITH("submit", setup, teardown, a_message_is_accepted_when_it_is_durable,
               an_id_outside_of_the_range_closes_the_channel, an_id_of_another_worker_closes_the_channel,
               an_id_that_is_used_twice_closes_the_channel, more_ids_are_given_when_asked_for,
               a_size_that_is_not_the_bodys_closes_the_channel, a_broken_envelope_closes_the_channel,
               a_client_cannot_say_that_its_message_is_our_last_report, a_message_cut_short_anywhere_closes_the_channel,
               a_type_that_is_not_known_closes_the_channel, a_large_body_goes_through_a_file,
               the_checksums_of_a_body_in_a_file_stand_in_its_record, checksums_of_a_body_that_is_in_no_file_close_the_channel,
               a_descriptor_of_a_body_cannot_be_read_from, a_body_that_is_shorter_than_said_is_refused_and_removed,
               a_message_that_names_a_body_which_was_never_opened_closes_the_channel,
               bodies_that_are_given_up_are_removed, what_is_too_big_is_refused,
               while_space_is_short_new_mail_is_refused, a_worker_that_comes_while_space_is_short_is_told,
               the_space_is_told_only_when_it_changes, a_body_that_would_take_the_reserve_is_refused_before_it_is_written,
               messages_over_the_memory_limit_get_a_temporary_failure,
               each_id_of_a_range_can_be_used_once, the_oldest_of_too_many_ranges_is_forgotten_but_no_violation)
