/*
 * Payloads of records, and the states of recipients that they give.
 */
#include <errno.h>

#include "common/mail/envelope.h"
#include "queued/message.h"
#include "queued/payload_deferral.h"
#include "t/unit/unit.h"

START_TEST(a_message_payload_is_read_back_and_refused_when_cut_short)
{
	struct message_payload in = {
		.arrival = 77,
		.body_size = 4,
		.recipients = 2,
		.ends = SLICE("ends"),
		.envelope = SLICE("envelope"),
		.body = SLICE("body"),
	};
	struct record *record = payload_message(9, &in);
	struct slice payload = record_payload_slice(record);
	struct message_payload out;

	ck_assert_int_eq(payload_message_parse(payload, &out), 0);
	ck_assert_int_eq(out.arrival, 77);
	ck_assert_uint_eq(out.recipients, 2);
	ck_assert(slice_equal(out.ends, in.ends));
	ck_assert(slice_equal(out.envelope, in.envelope));
	ck_assert(slice_equal(out.body, in.body));
	for (size_t length = 0; length < payload.length; length++)
		ck_assert_int_eq(payload_message_parse(slice_first(payload, length), &out), -EINVAL);
	record_release(&record);
}
END_TEST

START_TEST(results_are_read_back_entry_by_entry)
{
	struct payload_range one[] = { { 0, 3 }, { 7, 1 } };
	struct payload_range two[] = { { 5, 2 } };
	struct payload_results results;
	struct payload_range range;
	struct buffer out;

	buffer_init(&out, 4096);
	ck_assert_int_eq(payload_results_begin(&out), 0);
	ck_assert_int_eq(payload_results_add(&out, 11, RECIPIENT_DELIVERED, one, 2), 0);
	ck_assert_int_eq(payload_results_add(&out, 12, RECIPIENT_BOUNCED, two, 1), 0);
	payload_results_parse(buffer_slice(&out), &results);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(results.id, 11);
	ck_assert_uint_eq(range.count, 3);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(range.first, 7);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(results.id, 12);
	ck_assert_uint_eq(results.state, RECIPIENT_BOUNCED);
	ck_assert_int_eq(payload_results_next(&results, &range), 0);
	buffer_free(&out);
}
END_TEST

START_TEST(marks_stand_between_results)
{
	struct payload_range range = { 5, 2 };
	struct payload_results results;
	struct buffer out;

	buffer_init(&out, 4096);
	ck_assert_int_eq(payload_results_begin(&out), 0);
	ck_assert_int_eq(payload_results_mark(&out, 11, MARK_HELD), 0);
	ck_assert_int_eq(payload_results_add(&out, 12, RECIPIENT_BOUNCED, &range, 1), 0);
	ck_assert_int_eq(payload_results_mark(&out, 13, MARK_WARNED), 0);
	payload_results_parse(buffer_slice(&out), &results);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(results.id, 11);
	ck_assert_uint_eq(results.state, MARK_HELD);
	ck_assert_uint_eq(range.count, 0);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(results.id, 12);
	ck_assert_int_eq(payload_results_next(&results, &range), 1);
	ck_assert_uint_eq(results.id, 13);
	ck_assert_int_eq(payload_results_next(&results, &range), 0);
	buffer_free(&out);
}
END_TEST

START_TEST(results_with_an_index_over_the_limit_are_refused)
{
	struct payload_range bad[] = { { PAYLOAD_INDEXES_MAX - 1, 2 }, { UINT32_MAX, UINT32_MAX } };

	for (size_t i = 0; i < 2; i++) {
		struct payload_results results;
		struct payload_range range;
		struct buffer out;

		buffer_init(&out, 4096);
		ck_assert_int_eq(payload_results_begin(&out), 0);
		ck_assert_int_eq(payload_results_add(&out, 11, RECIPIENT_DELIVERED, &bad[i], 1), 0);
		payload_results_parse(buffer_slice(&out), &results);
		ck_assert_int_eq(payload_results_next(&results, &range), -EINVAL);
		buffer_free(&out);
	}
}
END_TEST

START_TEST(an_expansion_is_read_back_and_refused_when_cut_short)
{
	struct expansion_target targets[] = { { 0, SLICE("a@b") }, { 1, SLICE("c@d") } };
	struct record *record = payload_expansion(5, 1, 3, targets, 2);
	struct slice payload = record_payload_slice(record);
	struct expansion_payload out;

	ck_assert_int_eq(payload_expansion_parse(payload, &out), 0);
	ck_assert_uint_eq(out.recipient, 1);
	ck_assert_uint_eq(out.first, 3);
	ck_assert_uint_eq(out.count, 2);
	ck_assert(slice_equal(payload_expansion_next(&out).address, SLICE("a@b")));
	ck_assert_uint_eq(payload_expansion_next(&out).kind, 1);
	for (size_t length = 0; length < payload.length; length++)
		ck_assert_int_eq(payload_expansion_parse(slice_first(payload, length), &out), -EINVAL);
	record_release(&record);
}
END_TEST

/* The DEFERRAL of attempt NUMBER, with what EARLIER tells. */
static void
make_deferral(struct buffer *out, uint32_t number, struct slice text, struct slice earlier)
{
	struct payload_range ranges[] = { { 0, 2 }, { 5, 1 } };

	buffer_init(out, 1024 * 1024);
	ck_assert_int_eq(deferral_begin(out, number, 9000, 1000 + number), 0);
	ck_assert_int_eq(deferral_add(out, "4.2.2", SLICE(""), SLICE("mailbox full"), ranges, 2), 0);
	ck_assert_int_eq(deferral_add(out, "4.4.1", SLICE("mx.example.org [192.0.2.1]:25"), text, ranges, 1), 0);
	ck_assert_int_eq(deferral_add_history(out, earlier), 0);
}

START_TEST(a_deferral_tells_of_the_last_attempts_from_the_latest_on)
{
	struct buffer earlier, out;
	struct deferral deferral;
	struct deferral_reason reason;
	struct payload_range range;

	make_deferral(&out, 1, SLICE("450 later"), SLICE(""));
	for (uint32_t number = 2; number <= 12; number++) {
		earlier = out;
		make_deferral(&out, number, SLICE("450 later"), buffer_slice(&earlier));
		buffer_free(&earlier);
	}
	ck_assert_int_eq(deferral_parse(buffer_slice(&out), &deferral), 0);
	ck_assert_uint_eq(deferral.attempts, 12);
	ck_assert_int_eq(deferral.next, 9000);
	for (uint32_t number = 12; number > 2; number--) {
		ck_assert_int_eq(deferral_next(&deferral, &reason), 1);
		ck_assert_int_eq(reason.when, 1000 + number);
		ck_assert(slice_equal(reason.text, SLICE("mailbox full")));
		ck_assert(deferral_range(&reason, &range));
		ck_assert(deferral_range(&reason, &range));
		ck_assert_uint_eq(range.first, 5);
		ck_assert(!deferral_range(&reason, &range));
		ck_assert_int_eq(deferral_next(&deferral, &reason), 1);
		ck_assert(slice_equal(reason.remote, SLICE("mx.example.org [192.0.2.1]:25")));
	}
	ck_assert_int_eq(deferral_next(&deferral, &reason), 0);
	buffer_free(&out);
}
END_TEST

START_TEST(the_history_in_a_deferral_is_bounded_in_bytes)
{
	static char words[PAYLOAD_TEXT_MAX - 1];
	struct payload_range range = { 0, 1 };
	struct buffer earlier, out;

	memset(words, 'x', sizeof(words));
	buffer_init(&earlier, 1024 * 1024);
	for (uint32_t number = 1; number <= 20; number++) {
		buffer_init(&out, 1024 * 1024);
		ck_assert_int_eq(deferral_begin(&out, number, 1, 1), 0);
		for (size_t i = 0; i < 8; i++)
			ck_assert_int_eq(deferral_add(&out, "4.4.1", SLICE(""), slice_of(words, sizeof(words)), &range, 1), 0);
		ck_assert_int_eq(deferral_add_history(&out, buffer_slice(&earlier)), 0);
		buffer_free(&earlier);
		earlier = out;
	}
	ck_assert_uint_le(buffer_length(&earlier), DEFERRAL_HISTORY_MAX + 5000);
	ck_assert_uint_gt(buffer_length(&earlier), DEFERRAL_HISTORY_MAX / 2 + 5000);
	buffer_free(&earlier);
}
END_TEST

START_TEST(a_deferral_that_is_cut_short_says_its_time_and_no_more_than_is_there)
{
	struct deferral deferral;
	struct deferral_reason reason;
	struct buffer first, out;

	make_deferral(&first, 1, SLICE("450 later"), SLICE(""));
	make_deferral(&out, 2, SLICE("450 later"), buffer_slice(&first));
	for (size_t length = 0; length < buffer_length(&out); length++) {
		struct slice cut = slice_first(buffer_slice(&out), length);
		struct buffer copy;
		int found;

		ck_assert_int_eq(deferral_parse(cut, &deferral), length < 16 ? -EINVAL : 0);
		if (length < 16)
			continue;
		while ((found = deferral_next(&deferral, &reason)) > 0)
			continue;
		ck_assert_int_eq(found, -EINVAL);
		make_deferral(&copy, 3, SLICE("450 later"), cut);
		ck_assert_int_eq(deferral_parse(buffer_slice(&copy), &deferral), 0);
		while ((found = deferral_next(&deferral, &reason)) > 0)
			continue;
		ck_assert_int_eq(found, 0);
		buffer_free(&copy);
	}
	buffer_free(&first);
	buffer_free(&out);
}
END_TEST

START_TEST(a_final_state_never_changes)
{
	struct message *message = message_new(1);
	struct payload_range all = { 0, 20 };

	ck_assert_int_eq(message_open(message, &all), 0);
	ck_assert_uint_eq(message->live, 20);
	message_set_state(message, 19, RECIPIENT_DELIVERED);
	message_set_state(message, 19, RECIPIENT_WAITING);
	message_set_state(message, 19, RECIPIENT_BOUNCED);
	ck_assert_int_eq(message_state(message, 19), RECIPIENT_DELIVERED);
	ck_assert_uint_eq(message->live, 19);
	ck_assert_int_eq(message_open(message, &all), 0);
	ck_assert_uint_eq(message->live, 19);
	message_free(&message);
}
END_TEST

START_TEST(a_waiting_message_is_small)
{
	ck_assert_uint_le(sizeof(struct message), 256);
}
END_TEST

START_TEST(a_target_of_a_target_comes_from_the_first_recipient)
{
	struct expansion_target targets[] = { { 0, SLICE("a@b") }, { 0, SLICE("c@d") } };
	struct message *message = message_new(1);
	struct record *first = payload_expansion(1, 0, 2, targets, 2);
	struct record *second = payload_expansion(1, 3, 4, targets, 2);
	struct record *again = payload_expansion(1, 0, 9, targets, 2);
	struct expansion *expansion;

	ck_assert_int_eq(message_add_expansion(message, first, &expansion), 0);
	ck_assert_int_eq(message_add_expansion(message, second, &expansion), 0);
	ck_assert_int_eq(message_add_expansion(message, again, &expansion), -EEXIST);
	ck_assert_uint_eq(message_root(message, 5), 0);
	ck_assert_uint_eq(message_root(message, 1), 1);
	record_release(&first);
	record_release(&second);
	record_release(&again);
	message_free(&message);
}
END_TEST

UNIT_MAIN("payload",
	a_message_payload_is_read_back_and_refused_when_cut_short,
	results_are_read_back_entry_by_entry,
	marks_stand_between_results,
	results_with_an_index_over_the_limit_are_refused,
	an_expansion_is_read_back_and_refused_when_cut_short,
	a_deferral_tells_of_the_last_attempts_from_the_latest_on,
	the_history_in_a_deferral_is_bounded_in_bytes,
	a_deferral_that_is_cut_short_says_its_time_and_no_more_than_is_there,
	a_final_state_never_changes,
	a_waiting_message_is_small,
	a_target_of_a_target_comes_from_the_first_recipient)
