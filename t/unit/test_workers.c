/*
 * What deliverd and relayd may say to the queue, over real channels, and what becomes of a worker that says nothing.
 */
#include "common/ipc/proto_deliver.h"
#include "common/ipc/proto_jobs.h"
#include "common/ipc/proto_relay.h"
#include "t/unit/queue_peer.h"

static void
send_credit(uint32_t credit)
{
	char bytes[4];

	little_put_u32(bytes, credit);
	send_frame(JOBS_READY, 0, slice_of(bytes, sizeof(bytes)));
}

START_TEST(a_delivery_worker_must_say_its_credit_once_and_first)
{
	connect_to(accept_deliverd);
	send_frame(JOBS_REPLY, 1, SLICE("\0\0\0\0"));
	expect_closed();
	close(peer);
	connect_to(accept_deliverd);
	send_credit(10);
	ck_assert(workers_transport(deliver)->ready(workers_transport(deliver)));
	send_credit(10);
	expect_closed();
	ck_assert(!workers_transport(deliver)->ready(workers_transport(deliver)));
}
END_TEST

START_TEST(a_credit_out_of_bounds_closes_the_channel)
{
	connect_to(accept_deliverd);
	send_credit(0);
	expect_closed();
	close(peer);
	connect_to(accept_deliverd);
	send_credit(DELIVER_CREDIT_MAX + 1);
	expect_closed();
}
END_TEST

START_TEST(a_reply_to_no_job_closes_the_channel)
{
	connect_to(accept_deliverd);
	send_credit(10);
	send_frame(JOBS_REPLY, 1, SLICE("\0\0\0\0"));
	expect_closed();
}
END_TEST

START_TEST(a_reply_is_checked_whole)
{
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 4096);
	writer = wire_begin_bare(&out);
	wire_put_u32(&writer, 2);
	for (int i = 0; i < 2; i++) {
		wire_put_u8(&writer, DELIVER_DONE);
		wire_put_string(&writer, "2.1.5");
		wire_put_string(&writer, "");
	}
	for (size_t cut = 0; cut <= buffer_length(&out); cut++) {
		reader = wire_read(slice_first(buffer_slice(&out), cut));
		ck_assert_int_eq(deliver_check_reply(&reader, 2), cut == buffer_length(&out) ? 0 : -EPROTO);
	}
	reader = wire_read(buffer_slice(&out));
	ck_assert_int_eq(deliver_check_reply(&reader, 1), -EPROTO);
	out.data[out.start + 4] = DELIVER_DAMAGED;
	reader = wire_read(buffer_slice(&out));
	ck_assert_int_eq(deliver_check_reply(&reader, 2), 0);
	out.data[out.start + 4] = DELIVER_DAMAGED + 1;
	reader = wire_read(buffer_slice(&out));
	ck_assert_int_eq(deliver_check_reply(&reader, 2), -EPROTO);
	buffer_free(&out);
}
END_TEST

/* ---- relayd ---- */

START_TEST(a_relay_worker_has_its_own_credit)
{
	connect_to(accept_relayd);
	send_credit(RELAY_CREDIT_MAX);
	ck_assert(workers_transport(relay)->ready(workers_transport(relay)));
	ck_assert_uint_eq(workers_transport(relay)->capacity, RELAY_CREDIT_MAX);
	ck_assert(!workers_transport(deliver)->ready(workers_transport(deliver)));
	send_frame(JOBS_REPLY, RELAY_CREDIT_MAX, SLICE("\0\0\0\0")); /* no job */
	expect_closed();
	ck_assert_uint_eq(workers_transport(relay)->capacity, 0);
}
END_TEST

static void
put_relay_reply(struct buffer *out, uint8_t destination, uint8_t dsn, uint8_t result, const char *text)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u8(&writer, destination);
	wire_put_string(&writer, "mx.example.org [192.0.2.1]:25");
	wire_put_u8(&writer, dsn);
	wire_put_u32(&writer, 2);
	for (int i = 0; i < 2; i++) {
		wire_put_u8(&writer, result);
		wire_put_string(&writer, "2.0.0");
		wire_put_string(&writer, text);
	}
}

static int
check_relay_reply(uint8_t destination, uint8_t dsn, uint8_t result, const char *text, uint32_t count)
{
	struct wire_reader reader;
	struct buffer out;
	int error;

	buffer_init(&out, 4096);
	put_relay_reply(&out, destination, dsn, result, text);
	reader = wire_read(buffer_slice(&out));
	error = relay_check_reply(&reader, count);
	buffer_free(&out);
	return error;
}

START_TEST(a_reply_of_a_relay_worker_is_checked_whole)
{
	char longest[JOBS_TEXT_MAX + 1];
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 4096);
	put_relay_reply(&out, RELAY_DESTINATION_UP, 1, RELAY_DONE, "250 ok");
	for (size_t cut = 0; cut <= buffer_length(&out); cut++) {
		reader = wire_read(slice_first(buffer_slice(&out), cut));
		ck_assert_int_eq(relay_check_reply(&reader, 2), cut == buffer_length(&out) ? 0 : -EPROTO);
	}
	buffer_free(&out);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UNKNOWN, 0, RELAY_DAMAGED, "", 2), 0);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UNKNOWN + 1, 0, RELAY_DONE, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 2, RELAY_DONE, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_DAMAGED + 1, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_DONE, "", 1), -EPROTO);
	memset(longest, 'x', sizeof(longest));
	longest[JOBS_TEXT_MAX] = '\0';
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_DONE, longest, 2), -EPROTO);
}
END_TEST

/* ---- workers that hang ---- */

static expand_answered *answered_later;
static void *answered_context;

static int
ask_later(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	(void)self;
	(void)address;
	ck_assert_ptr_null(answered_later);
	answered_later = answered;
	answered_context = context;
	return 0;
}

static void
answer_local(void)
{
	struct expand_target target = { .kind = TABLE_TARGET_MAILBOX, .address = SLICE("a@example.org"), .path = SLICE("example.org/a") };
	struct expand_answer answer = { .class = TABLE_LOCAL, .count = 1, .targets = &target };
	expand_answered *answered = answered_later;

	ck_assert_ptr_nonnull(answered);
	answered_later = NULL;
	answered(answered_context, &answer);
	turn();
}

/* A message to a local mailbox, and a delivery worker that has it in hand. */
static void
hand_out_one(void)
{
	struct slice payload;

	expander.ask = ask_later;
	connect_smtpd();
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
	close(peer);
	connect_to(accept_deliverd);
	send_credit(10);
	answer_local();
	ck_assert_int_eq(next_frame(&payload, NULL), JOBS_JOB);
}

static void
look(int times)
{
	for (int i = 0; i < times; i++)
		workers_look(deliver);
	turn();
}

START_TEST(a_worker_that_says_nothing_any_more_loses_its_jobs_which_are_deferred)
{
	hand_out_one();
	look(JOBS_SILENCE_LOOKS);
	ck_assert_int_eq(schedule_due(schedule), INT64_MAX);
	look(1);
	expect_closed();
	ck_assert_int_gt(schedule_due(schedule), clock_wall());
	ck_assert_int_lt(schedule_due(schedule), INT64_MAX);
	ck_assert_int_eq(message_state(store_find(fixture.store, first_id), 0), RECIPIENT_WAITING);
	ck_assert(!workers_transport(deliver)->ready(workers_transport(deliver)));
}
END_TEST

START_TEST(a_worker_keeps_its_jobs_for_as_long_as_it_says_that_it_goes_on)
{
	struct slice payload;

	hand_out_one();
	for (int i = 0; i < 3 * JOBS_SILENCE_LOOKS; i++) {
		send_frame(JOBS_ALIVE, 0, SLICE(""));
		look(JOBS_SILENCE_LOOKS - 1);
	}
	ck_assert_int_eq(next_frame(&payload, NULL), 0);
	ck_assert_int_eq(schedule_due(schedule), INT64_MAX);
}
END_TEST

START_TEST(the_jobs_of_a_worker_whose_channel_breaks_go_to_another_at_once)
{
	struct slice payload;

	hand_out_one();
	close(peer);
	turn();
	connect_to(accept_deliverd);
	send_credit(10);
	ck_assert_int_eq(next_frame(&payload, NULL), JOBS_JOB);
}
END_TEST

START_TEST(a_worker_that_never_says_its_credit_is_closed)
{
	connect_to(accept_deliverd);
	send_frame(JOBS_ALIVE, 0, SLICE("")); /* not before READY */
	expect_closed();
	close(peer);
	connect_to(accept_deliverd);
	look(JOBS_SILENCE_LOOKS + 1);
	expect_closed();
}
END_TEST

UNIT_MAIN_WITH("workers", setup, teardown, a_delivery_worker_must_say_its_credit_once_and_first,
               a_credit_out_of_bounds_closes_the_channel, a_reply_to_no_job_closes_the_channel,
               a_reply_is_checked_whole, a_relay_worker_has_its_own_credit, a_reply_of_a_relay_worker_is_checked_whole,
               a_worker_that_says_nothing_any_more_loses_its_jobs_which_are_deferred,
               a_worker_keeps_its_jobs_for_as_long_as_it_says_that_it_goes_on,
               the_jobs_of_a_worker_whose_channel_breaks_go_to_another_at_once,
               a_worker_that_never_says_its_credit_is_closed)
