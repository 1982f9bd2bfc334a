/*
 * For the tests of what other services say to the queue: store, scheduler, and channels of which the test holds the other end.
 */
#ifndef ANGARIUM_TEST_QUEUE_PEER_H
#define ANGARIUM_TEST_QUEUE_PEER_H

#include <event2/event.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/ipc/proto_submit.h"
#include "queued/deliver.h"
#include "queued/relay.h"
#include "queued/submit.h"
#include "t/unit/store_fixture.h"
#include "t/unit/unit.h"

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

static inline int
ask_nobody(struct expander *self, struct slice address, expand_answered *answered, void *context)
{
	(void)self;
	(void)address;
	(void)answered;
	(void)context;
	return -ENOTCONN;
}

static inline const struct config *
present_config(void *context)
{
	(void)context;
	return &config;
}

static inline int64_t
present_time(void *context)
{
	(void)context;
	return clock_wall();
}

static inline void
nothing(void *context)
{
	(void)context;
}

static inline void
turn(void)
{
	for (int i = 0; i < 5; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		schedule_turn(schedule);
		store_flush(fixture.store);
		fixture_answer(0);
	}
}

static inline void
put_frame(struct buffer *out, uint16_t type, uint32_t request, struct slice payload)
{
	struct wire_writer writer = wire_begin(out, type, 0, request);

	ck_assert_int_eq(writer.error, 0);
	ck_assert_int_eq(buffer_append_slice(out, payload), 0);
	ck_assert_int_eq(wire_end(&writer), 0);
}

static inline void
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
static inline int
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

static inline void
expect_closed(void)
{
	struct slice payload;
	int type;

	while ((type = next_frame(&payload, NULL)) > 0)
		continue;
	ck_assert_int_eq(type, -1);
}

static inline void
expect_result(int type, enum submit_result result)
{
	struct slice payload;

	ck_assert_int_eq(next_frame(&payload, NULL), type);
	ck_assert_uint_eq(payload.length, 1);
	ck_assert_int_eq(payload.data[0], (char)result);
}

static inline void
connect_to(void (*accept)(int fd))
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer = pair[1];
	buffer_clear(&input);
	accept(pair[0]);
	turn();
}

static inline void
accept_smtpd(int fd)
{
	submit_accept(submit, fd);
}

static inline void
accept_deliverd(int fd)
{
	workers_accept(deliver, fd);
}

static inline void
accept_relayd(int fd)
{
	workers_accept(relay, fd);
}

static inline void
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

static inline void
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

static inline void
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
static struct body_sums sums; /* of what is sent */

static inline void
send_message_sized(uint64_t id, struct slice envelope, uint8_t where, uint64_t size, struct slice body)
{
	struct wire_writer writer;

	buffer_init(&frame, 8 * 1024 * 1024);
	writer = wire_begin_bare(&frame);
	wire_put_u64(&writer, id);
	wire_put_slice(&writer, envelope);
	wire_put_u8(&writer, where);
	wire_put_u64(&writer, size);
	wire_put_u32(&writer, sums.whole);
	wire_put_u32(&writer, sums.beginning);
	wire_put_slice(&writer, body);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	send_frame(SUBMIT_MESSAGE, 77, buffer_slice(&frame));
	buffer_free(&frame);
}

static inline void
send_message(uint64_t id, uint8_t where, uint64_t size, struct slice body)
{
	struct buffer envelope;

	fixture_envelope(&envelope, 1);
	send_message_sized(id, buffer_slice(&envelope), where, size, body);
	buffer_free(&envelope);
}

#endif
