/*
 * Channels: frames, descriptors, and what a misbehaving peer gets.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/ipc/channel.h"
#include "common/ipc/passing.h"
#include "t/unit/unit.h"

enum { TYPE_NUMBER = 1, TYPE_FILE = 2, TYPE_LATER = 3, TYPE_BROKEN = 4, FRAME_LIMIT = 1000 };

struct seen {
	struct event_base *base;
	struct channel *channel;
	uint64_t sum;
	unsigned frames;
	unsigned files;
	bool closed;
	int error;
};

static int
on_number(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct seen *seen = context;

	(void)channel;
	seen->sum += wire_get_u64(&frame->body);
	seen->frames++;
	return 0;
}

static int
on_file(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct seen *seen = context;
	char byte = 0;

	(void)channel;
	ck_assert_int_eq(read(frame->fd, &byte, 1), 1);
	ck_assert_int_eq(byte, (char)wire_get_u8(&frame->body));
	seen->files++;
	return 0;
}

static int
on_broken(struct channel *channel, void *context, struct channel_frame *frame)
{
	(void)channel;
	(void)context;
	(void)frame;
	return -EINVAL;
}

static void
on_closed(struct channel *channel, void *context, int error)
{
	struct seen *seen = context;

	(void)channel;
	seen->closed = true;
	seen->error = error;
	seen->channel = NULL;
	event_base_loopexit(seen->base, NULL);
}

static const struct channel_handler handlers[] = {
	{ TYPE_NUMBER, CHANNEL_ANY, false, on_number },
	{ TYPE_FILE, CHANNEL_ANY, true, on_file },
	{ TYPE_LATER, 1 << 1, false, on_number },
	{ TYPE_BROKEN, CHANNEL_ANY, false, on_broken },
};

static const struct channel_protocol protocol = {
	.name = "test",
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = FRAME_LIMIT,
	.output_limit = 1 << 20,
	.closed = on_closed,
};

static struct seen seen;
static int peer;

static void
setup(void)
{
	int pair[2];

	log_set_level(-1);
	seen = (struct seen){ .base = event_base_new() };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer = pair[1];
	seen.channel = channel_new(seen.base, pair[0], &protocol, &seen);
	ck_assert_ptr_nonnull(seen.channel);
}

static void
teardown(void)
{
	if (peer >= 0)
		close(peer);
	channel_close(&seen.channel);
	event_base_free(seen.base);
}

static void
run_until_quiet(void)
{
	for (int i = 0; i < 100 && !seen.closed; i++)
		event_base_loop(seen.base, EVLOOP_NONBLOCK);
}

static void
send_number(struct buffer *out, uint16_t type, uint64_t number)
{
	struct wire_writer writer = wire_begin(out, type, 0, 0);

	wire_put_u64(&writer, number);
	ck_assert_int_eq(wire_end(&writer), 0);
}

static void
send_raw(const void *data, size_t length)
{
	ck_assert_int_eq(write(peer, data, length), (ssize_t)length);
}

START_TEST(frames_arrive_whole_whatever_the_pieces_are)
{
	struct buffer out;

	buffer_init(&out, 1 << 16);
	for (uint64_t i = 1; i <= 10; i++)
		send_number(&out, TYPE_NUMBER, i);
	for (size_t at = 0; at < buffer_length(&out); at += 7) {
		struct slice piece = slice_first(slice_from(buffer_slice(&out), at), 7);

		send_raw(piece.data, piece.length);
		run_until_quiet();
	}
	ck_assert_uint_eq(seen.frames, 10);
	ck_assert_uint_eq(seen.sum, 55);
	ck_assert(!seen.closed);
	buffer_free(&out);
}
END_TEST

START_TEST(an_unknown_type_closes_the_channel)
{
	struct buffer out;

	buffer_init(&out, 1 << 16);
	send_number(&out, 99, 1);
	send_raw(buffer_slice(&out).data, buffer_length(&out));
	run_until_quiet();
	ck_assert(seen.closed);
	ck_assert_int_eq(seen.error, -ENOSYS);
	buffer_free(&out);
}
END_TEST

START_TEST(a_frame_in_a_wrong_state_closes_the_channel)
{
	struct buffer out;

	buffer_init(&out, 1 << 16);
	send_number(&out, TYPE_LATER, 1);
	send_raw(buffer_slice(&out).data, buffer_length(&out));
	run_until_quiet();
	ck_assert_int_eq(seen.error, -EPERM);
	ck_assert_uint_eq(seen.frames, 0);
	buffer_free(&out);
}
END_TEST

START_TEST(left_over_and_missing_fields_close_the_channel)
{
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, 1 << 16);
	writer = wire_begin(&out, TYPE_NUMBER, 0, 0);
	wire_put_u8(&writer, 1);
	ck_assert_int_eq(wire_end(&writer), 0);
	send_raw(buffer_slice(&out).data, buffer_length(&out));
	run_until_quiet();
	ck_assert_int_eq(seen.error, -EBADMSG);
	buffer_free(&out);
}
END_TEST

START_TEST(a_frame_over_the_limit_closes_the_channel_before_it_is_buffered)
{
	static const unsigned char header[] = { 0xff, 0xff, 0xff, 0x7f, TYPE_NUMBER, 0, 0, 0, 0, 0, 0, 0 };

	send_raw(header, sizeof(header));
	run_until_quiet();
	ck_assert_int_eq(seen.error, -EMSGSIZE);
}
END_TEST

START_TEST(a_handler_that_refuses_closes_the_channel)
{
	struct buffer out;

	buffer_init(&out, 1 << 16);
	send_number(&out, TYPE_BROKEN, 1);
	send_number(&out, TYPE_NUMBER, 1);
	send_raw(buffer_slice(&out).data, buffer_length(&out));
	run_until_quiet();
	ck_assert_int_eq(seen.error, -EINVAL);
	ck_assert_uint_eq(seen.frames, 0);
	buffer_free(&out);
}
END_TEST

START_TEST(a_promised_descriptor_that_does_not_come_closes_the_channel)
{
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, 1 << 16);
	writer = wire_begin(&out, TYPE_FILE, WIRE_DESCRIPTOR, 0);
	wire_put_u8(&writer, 'x');
	ck_assert_int_eq(wire_end(&writer), 0);
	send_raw(buffer_slice(&out).data, buffer_length(&out));
	run_until_quiet();
	ck_assert_int_eq(seen.error, -EBADF);
	buffer_free(&out);
}
END_TEST

/* Sends OUT with a descriptor, whatever its frames say. */
static void
send_with_descriptor(const struct buffer *out)
{
	int fd = dup(peer);

	ck_assert_int_eq(passing_send(peer, buffer_slice(out), fd), (ssize_t)buffer_length(out));
	close(fd);
}

START_TEST(a_descriptor_that_was_not_announced_closes_the_channel)
{
	struct buffer out;

	buffer_init(&out, 1 << 16);
	send_number(&out, TYPE_NUMBER, 1);
	send_with_descriptor(&out);
	run_until_quiet();
	ck_assert(seen.closed);
	ck_assert_int_eq(seen.error, -EBADF);
	buffer_free(&out);
}
END_TEST

START_TEST(descriptors_arrive_with_their_frames)
{
	struct seen other = { .base = seen.base };
	struct channel *sender = channel_new(seen.base, peer, &protocol, &other);
	struct wire_writer writer;

	peer = -1;
	for (int i = 0; i < 20; i++) {
		int ends[2];

		ck_assert_int_eq(pipe(ends), 0);
		ck_assert_int_eq(write(ends[1], &"abcdefghijklmnopqrst"[i], 1), 1);
		close(ends[1]);
		writer = channel_begin(sender, TYPE_FILE, 0, ends[0]);
		wire_put_u8(&writer, (uint8_t)("abcdefghijklmnopqrst"[i]));
		ck_assert_int_eq(channel_send(sender, &writer), 0);
		writer = channel_begin(sender, TYPE_NUMBER, 0, -1);
		wire_put_u64(&writer, 1);
		ck_assert_int_eq(channel_send(sender, &writer), 0);
	}
	run_until_quiet();
	ck_assert_uint_eq(seen.files, 20);
	ck_assert_uint_eq(seen.frames, 20);
	channel_close(&sender);
}
END_TEST

START_TEST(a_channel_more_than_its_kind_may_have_is_closed_at_once)
{
	static struct channel_count count = { .most = 1 };
	static const struct channel_protocol counted = { .name = "test", .count = &count };
	struct channel *only;
	int ends[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	only = channel_new(seen.base, dup(peer), &counted, NULL);
	ck_assert_ptr_nonnull(only);
	ck_assert_ptr_null(channel_new(seen.base, ends[0], &counted, NULL));
	ck_assert_int_eq(read(ends[1], &byte, 1), 0);
	close(ends[1]);
	channel_close(&only);
	only = channel_new(seen.base, dup(peer), &counted, NULL);
	ck_assert_ptr_nonnull(only);
	channel_close(&only);
}
END_TEST

START_TEST(the_end_of_the_peer_is_reported_without_error)
{
	close(peer);
	peer = -1;
	run_until_quiet();
	ck_assert(seen.closed);
	ck_assert_int_eq(seen.error, 0);
}
END_TEST

START_TEST(output_over_the_limit_is_refused_and_the_channel_goes_on)
{
	struct seen other = { .base = seen.base };
	struct channel *sender = channel_new(seen.base, peer, &protocol, &other);
	static char big[1 << 20];
	struct wire_writer writer = channel_begin(sender, TYPE_NUMBER, 0, -1);

	peer = -1;
	wire_put_slice(&writer, slice_of(big, sizeof(big)));
	ck_assert_int_eq(channel_send(sender, &writer), -ENOBUFS);
	writer = channel_begin(sender, TYPE_NUMBER, 0, -1);
	wire_put_u64(&writer, 7);
	ck_assert_int_eq(channel_send(sender, &writer), 0);
	run_until_quiet();
	ck_assert_uint_eq(seen.sum, 7);
	channel_close(&sender);
}
END_TEST

UNIT_MAIN_WITH("channel", setup, teardown,
	frames_arrive_whole_whatever_the_pieces_are,
	an_unknown_type_closes_the_channel,
	a_frame_in_a_wrong_state_closes_the_channel,
	left_over_and_missing_fields_close_the_channel,
	a_frame_over_the_limit_closes_the_channel_before_it_is_buffered,
	a_handler_that_refuses_closes_the_channel,
	a_promised_descriptor_that_does_not_come_closes_the_channel,
	a_descriptor_that_was_not_announced_closes_the_channel,
	descriptors_arrive_with_their_frames,
	a_channel_more_than_its_kind_may_have_is_closed_at_once,
	the_end_of_the_peer_is_reported_without_error,
	output_over_the_limit_is_refused_and_the_channel_goes_on)
