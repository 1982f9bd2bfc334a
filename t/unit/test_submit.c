/*
 * What smtpd, deliverd and relayd may say to the queue, over real channels; what they may not, closes the channel and hurts nobody else.
 */
#include <event2/event.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/ipc/proto_deliver.h"
#include "common/ipc/proto_relay.h"
#include "queued/deliver.h"
#include "queued/relay.h"
#include "queued/ids.h"
#include "queued/submit.h"
#include "t/unit/store_fixture.h"

static struct config config;
static struct event_base *base;
static struct expander expander;
static struct workers *deliver;
static struct workers *relay;
static struct schedule *schedule;
static struct submit *submit;
static int peer;              /* our end of the channel */
static struct buffer input;   /* what came over it */
static uint64_t first_id;

/* ---- surroundings ---- */

static int
ask_nobody(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	(void)self;
	(void)address;
	(void)answered;
	(void)context;
	return -ENOTCONN;
}

static const struct config *
present_config(void *context)
{
	(void)context;
	return &config;
}

static int64_t
present_time(void *context)
{
	(void)context;
	return clock_wall();
}

static void
nothing(void *context)
{
	(void)context;
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		schedule_turn(schedule);
		store_flush(fixture.store);
		fixture_answer(0);
	}
}

static void
put_frame(struct buffer *out, uint16_t type, uint32_t request, struct slice payload)
{
	struct wire_writer writer = wire_begin(out, type, 0, request);

	ck_assert_int_eq(writer.error, 0);
	ck_assert_int_eq(buffer_append_slice(out, payload), 0);
	ck_assert_int_eq(wire_end(&writer), 0);
}

static void
send_frame(uint16_t type, uint32_t request, struct slice payload)
{
	struct buffer out;

	buffer_init(&out, 8 * 1024 * 1024);
	put_frame(&out, type, request, payload);
	ck_assert_int_eq(send(peer, out.data, buffer_length(&out), MSG_NOSIGNAL), (ssize_t)buffer_length(&out));
	buffer_free(&out);
	turn();
}

/* The next frame that came: its type, or 0 when there is none, or -1 when the channel was closed. */
static int
next_frame(struct slice *payload_r, int *fd_r)
{
	static char bytes[65536];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec vector = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes,
	                          .msg_controllen = sizeof(control.bytes) };
	struct wire_header header;
	ssize_t got;

	if (fd_r != NULL)
		*fd_r = -1;
	if (wire_next(buffer_slice(&input), UINT32_MAX, &header, payload_r) <= 0) {
		got = recvmsg(peer, &message, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return -1;
		if (got < 0)
			return 0;
		if (fd_r != NULL && CMSG_FIRSTHDR(&message) != NULL)
			memcpy(fd_r, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		ck_assert_int_eq(buffer_append(&input, bytes, (size_t)got), 0);
		if (wire_next(buffer_slice(&input), UINT32_MAX, &header, payload_r) <= 0)
			return 0;
	}
	input.start += WIRE_HEADER_SIZE + header.length; /* the payload stays where it is */
	return header.type;
}

static void
expect_closed(void)
{
	struct slice payload;
	int type;

	while ((type = next_frame(&payload, NULL)) > 0)
		continue;
	ck_assert_int_eq(type, -1);
}

static void
expect_result(int type, enum submit_result result)
{
	struct slice payload;

	ck_assert_int_eq(next_frame(&payload, NULL), type);
	ck_assert_uint_eq(payload.length, 1);
	ck_assert_int_eq(payload.data[0], (char)result);
}

static void
connect_to(void (*accept)(int fd))
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer = pair[1];
	buffer_clear(&input);
	accept(pair[0]);
	turn();
}

static void
accept_smtpd(int fd)
{
	submit_accept(submit, fd);
}

static void
accept_deliverd(int fd)
{
	workers_accept(deliver, fd);
}

static void
accept_relayd(int fd)
{
	workers_accept(relay, fd);
}

static void
connect_smtpd(void)
{
	struct wire_reader reader;
	struct slice payload;

	connect_to(accept_smtpd);
	ck_assert_int_eq(next_frame(&payload, NULL), SUBMIT_IDS);
	reader = wire_read(payload);
	first_id = wire_get_u64(&reader);
	ck_assert_uint_eq(wire_get_u32(&reader), SUBMIT_IDS_COUNT);
}

static void
setup(void)
{
	fixture_setup();
	config_defaults(&config);
	base = event_base_new();
	buffer_init(&input, 16 * 1024 * 1024);
	expander.ask = ask_nobody;
	deliver = workers_new(&deliver_protocol, base, nothing, NULL);
	relay = workers_new(&relay_protocol, base, nothing, NULL);
	schedule = schedule_new(&(struct schedule_hooks){ .store = fixture.store, .expander = &expander,
		.local = workers_transport(deliver), .remote = workers_transport(relay), .config = present_config, .now = present_time,
		.ticks = present_time, .wake = nothing });
	submit = submit_new(&(struct submit_hooks){ .base = base, .store = fixture.store, .schedule = schedule, .config = present_config });
	peer = -1;
}

static void
teardown(void)
{
	if (peer >= 0)
		close(peer);
	turn();
	submit_close(&submit);
	turn();
	workers_free(&deliver);
	workers_free(&relay);
	schedule_free(&schedule);
	event_base_free(base);
	buffer_free(&input);
	fixture_teardown();
}

/* ---- frames ---- */

static struct buffer frame;

static void
send_message_sized(uint64_t id, struct slice envelope, uint8_t where, uint64_t size, struct slice body)
{
	struct wire_writer writer;

	buffer_init(&frame, 8 * 1024 * 1024);
	writer = wire_begin_bare(&frame);
	wire_put_u64(&writer, id);
	wire_put_slice(&writer, envelope);
	wire_put_u8(&writer, where);
	wire_put_u64(&writer, size);
	wire_put_slice(&writer, body);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	send_frame(SUBMIT_MESSAGE, 77, buffer_slice(&frame));
	buffer_free(&frame);
}

static void
send_message(uint64_t id, uint8_t where, uint64_t size, struct slice body)
{
	struct buffer envelope;

	fixture_envelope(&envelope, 1);
	send_message_sized(id, buffer_slice(&envelope), where, size, body);
	buffer_free(&envelope);
}

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

START_TEST(while_space_is_short_new_mail_is_refused)
{
	connect_smtpd();
	submit_refuse(submit, true);
	send_message(first_id, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_NO_SPACE);
	send_numbers(SUBMIT_BODY_OPEN, first_id + 1, &(uint64_t){ 4 });
	expect_result(SUBMIT_BODY_REFUSED, SUBMIT_NO_SPACE);
	submit_refuse(submit, false);
	send_message(first_id + 2, 0, 4, SLICE("body"));
	expect_result(SUBMIT_REPLY, SUBMIT_OK);
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

/* ---- deliverd ---- */

static void
send_credit(uint32_t credit)
{
	char bytes[4];

	little_put_u32(bytes, credit);
	send_frame(DELIVER_READY, 0, slice_of(bytes, sizeof(bytes)));
}

START_TEST(a_delivery_worker_must_say_its_credit_once_and_first)
{
	connect_to(accept_deliverd);
	send_frame(DELIVER_REPLY, 1, SLICE("\0\0\0\0"));
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
	send_frame(DELIVER_REPLY, 1, SLICE("\0\0\0\0"));
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
	out.data[out.start + 4] = 3;
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
	send_frame(RELAY_REPLY, RELAY_CREDIT_MAX, SLICE("\0\0\0\0")); /* no job */
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
	char longest[RELAY_TEXT_MAX + 1];
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 4096);
	put_relay_reply(&out, RELAY_DESTINATION_UP, 1, RELAY_DONE, "250 ok");
	for (size_t cut = 0; cut <= buffer_length(&out); cut++) {
		reader = wire_read(slice_first(buffer_slice(&out), cut));
		ck_assert_int_eq(relay_check_reply(&reader, 2), cut == buffer_length(&out) ? 0 : -EPROTO);
	}
	buffer_free(&out);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UNKNOWN, 0, RELAY_PERMANENT, "", 2), 0);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UNKNOWN + 1, 0, RELAY_DONE, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 2, RELAY_DONE, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_PERMANENT + 1, "", 2), -EPROTO);
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_DONE, "", 1), -EPROTO);
	memset(longest, 'x', sizeof(longest));
	longest[RELAY_TEXT_MAX] = '\0';
	ck_assert_int_eq(check_relay_reply(RELAY_DESTINATION_UP, 0, RELAY_DONE, longest, 2), -EPROTO);
}
END_TEST

/* ---- parts ---- */

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

START_TEST(an_answer_of_the_table_is_checked_whole)
{
	struct route route = { .kind = ROUTE_SMTP, .port = 25, .host = SLICE("smarthost.example") };
	struct expand_answer answer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 4096);
	writer = wire_begin_bare(&out);
	wire_put_u8(&writer, TABLE_ALIAS);
	wire_put_u32(&writer, 2);
	wire_put_u8(&writer, TABLE_TARGET_MAILBOX);
	wire_put_string(&writer, "user@example.org");
	wire_put_string(&writer, "example.org/user");
	wire_put_u64(&writer, 7);
	wire_put_string(&writer, "Folder");
	wire_put_u8(&writer, TABLE_TARGET_REMOTE);
	wire_put_string(&writer, "far@elsewhere.example");
	route_put(&writer, &route);
	wire_put_u8(&writer, 1);
	for (size_t cut = 0; cut < buffer_length(&out); cut++) {
		reader = wire_read(slice_first(buffer_slice(&out), cut));
		ck_assert_int_eq(expand_parse(&reader, &answer), -EPROTO);
	}
	reader = wire_read(buffer_slice(&out));
	ck_assert_int_eq(expand_parse(&reader, &answer), 0);
	ck_assert_uint_eq(answer.count, 2);
	ck_assert_uint_eq(answer.targets[0].quota, 7);
	ck_assert(slice_equal(answer.targets[0].folder, SLICE("Folder")));
	ck_assert_uint_eq(answer.targets[1].kind, TABLE_TARGET_REMOTE);
	ck_assert(route_equal(&answer.targets[1].route, &route));
	ck_assert(answer.targets[1].backup);
	expand_answer_free(&answer);
	buffer_free(&out);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("submit");
	TCase *tests = tcase_create("submit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_message_is_accepted_when_it_is_durable);
	tcase_add_test(tests, an_id_outside_of_the_range_closes_the_channel);
	tcase_add_test(tests, an_id_of_another_worker_closes_the_channel);
	tcase_add_test(tests, an_id_that_is_used_twice_closes_the_channel);
	tcase_add_test(tests, more_ids_are_given_when_asked_for);
	tcase_add_test(tests, a_size_that_is_not_the_bodys_closes_the_channel);
	tcase_add_test(tests, a_broken_envelope_closes_the_channel);
	tcase_add_test(tests, a_client_cannot_say_that_its_message_is_our_last_report);
	tcase_add_test(tests, a_message_cut_short_anywhere_closes_the_channel);
	tcase_add_test(tests, a_type_that_is_not_known_closes_the_channel);
	tcase_add_test(tests, a_large_body_goes_through_a_file);
	tcase_add_test(tests, a_descriptor_of_a_body_cannot_be_read_from);
	tcase_add_test(tests, a_body_that_is_shorter_than_said_is_refused_and_removed);
	tcase_add_test(tests, a_message_that_names_a_body_which_was_never_opened_closes_the_channel);
	tcase_add_test(tests, bodies_that_are_given_up_are_removed);
	tcase_add_test(tests, what_is_too_big_is_refused);
	tcase_add_test(tests, while_space_is_short_new_mail_is_refused);
	tcase_add_test(tests, messages_over_the_memory_limit_get_a_temporary_failure);
	tcase_add_test(tests, a_delivery_worker_must_say_its_credit_once_and_first);
	tcase_add_test(tests, a_credit_out_of_bounds_closes_the_channel);
	tcase_add_test(tests, a_reply_to_no_job_closes_the_channel);
	tcase_add_test(tests, a_reply_is_checked_whole);
	tcase_add_test(tests, a_relay_worker_has_its_own_credit);
	tcase_add_test(tests, a_reply_of_a_relay_worker_is_checked_whole);
	tcase_add_test(tests, each_id_of_a_range_can_be_used_once);
	tcase_add_test(tests, the_oldest_of_too_many_ranges_is_forgotten_but_no_violation);
	tcase_add_test(tests, an_answer_of_the_table_is_checked_whole);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
