/*
 * Client connections: input in pieces, pausing, deadlines, and the last reply.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/io/conn.h"
#include "t/unit/unit.h"

enum { LINE_LIMIT = 4096 };

static struct {
	struct event_base *base;
	struct conn *conn;
	char lines[65536]; /* every line consumed, joined by "|" */
	bool pause_after_line;
	bool close_after_line;
	bool resume_when_drained;
	size_t answer; /* bytes written after each line */
	bool ended;
	enum conn_end end;
	int error;
	unsigned drained;
} state;

static int peer;
static bool kernel_is_full;

/* This stands before that of the C library, also for libevent. */
int
epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (kernel_is_full) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
}

static char answer[1024 * 1024];

static size_t
on_input(void *context, struct conn *conn, struct slice input)
{
	size_t end = slice_find(input, '\n');

	(void)context;
	if (end == input.length)
		return 0;
	strncat(state.lines, input.data, end);
	strlcat(state.lines, "|", sizeof(state.lines));
	if (state.answer > 0)
		conn_write(conn, answer, state.answer);
	if (state.pause_after_line)
		conn_pause(conn);
	if (state.close_after_line) {
		conn_printf(conn, "bye\n");
		conn_close_after_flush(&state.conn);
	}
	return end + 1;
}

static void
on_ended(void *context, struct conn *conn, enum conn_end end)
{
	(void)context;
	state.ended = true;
	state.end = end;
	state.error = conn_error(conn);
	conn_close(&state.conn);
}

static void
on_drained(void *context, struct conn *conn)
{
	static char block[10000];

	(void)context;
	if (state.resume_when_drained) {
		conn_resume(conn);
		return;
	}
	if (++state.drained < 50)
		conn_write(conn, block, sizeof(block));
}

static const struct conn_protocol protocol = {
	.input = on_input,
	.ended = on_ended,
	.drained = on_drained,
	.input_limit = LINE_LIMIT,
};

static void
setup(void)
{
	int pair[2];

	memset(&state, 0, sizeof(state));
	state.base = event_base_new();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[1];
	state.conn = conn_new(state.base, pair[0], &protocol, NULL);
	ck_assert_ptr_nonnull(state.conn);
}

static void
teardown(void)
{
	conn_close(&state.conn);
	if (peer >= 0)
		close(peer);
	event_base_free(state.base);
}

static void
turn(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(state.base, EVLOOP_NONBLOCK);
}

static void
say(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
	turn();
}

START_TEST(lines_are_delivered_whatever_the_pieces_are)
{
	say("on");
	say("e\ntwo\nth");
	say("ree\n");
	ck_assert_str_eq(state.lines, "one|two|three|");
}
END_TEST

START_TEST(a_paused_connection_keeps_its_input_for_later)
{
	state.pause_after_line = true;
	say("one\ntwo\n");
	ck_assert_str_eq(state.lines, "one|");
	say("three\n");
	ck_assert_str_eq(state.lines, "one|");
	state.pause_after_line = false;
	conn_resume(state.conn);
	turn();
	ck_assert_str_eq(state.lines, "one|two|three|");
}
END_TEST

START_TEST(input_over_the_limit_is_left_in_the_socket)
{
	static char block[3 * LINE_LIMIT];

	memset(block, 'x', sizeof(block));
	ck_assert_int_eq(write(peer, block, sizeof(block)), (ssize_t)sizeof(block));
	turn();
	ck_assert_str_eq(state.lines, "");
	ck_assert(!state.ended);
}
END_TEST

START_TEST(the_last_reply_arrives_before_the_end)
{
	char reply[16] = "";

	state.close_after_line = true;
	say("quit\nmore that nobody reads\n");
	ck_assert_int_eq(read(peer, reply, sizeof(reply)), 4);
	ck_assert_str_eq(reply, "bye\n");
	ck_assert_int_eq(read(peer, reply, sizeof(reply)), 0);
	ck_assert_str_eq(state.lines, "quit|");
	close(peer); /* which the lingering connection sees, and frees itself */
	peer = -1;
	turn();
}
END_TEST

START_TEST(a_deadline_ends_the_connection_even_when_bytes_drip)
{
	conn_set_deadline(state.conn, 50);
	while (!state.ended) {
		ck_assert_int_eq(write(peer, "x", 1), 1);
		event_base_loop(state.base, EVLOOP_ONCE);
	}
	ck_assert_int_eq(state.end, CONN_TIMEOUT);
}
END_TEST

START_TEST(the_end_of_the_peer_is_reported)
{
	close(peer);
	peer = -1;
	turn();
	ck_assert(state.ended);
	ck_assert_int_eq(state.end, CONN_EOF);
}
END_TEST

START_TEST(a_connection_that_was_reset_says_so)
{
	conn_write(state.conn, "unread", 6);
	turn();
	close(peer);
	peer = -1;
	turn();
	ck_assert(state.ended);
	ck_assert_int_eq(state.end, CONN_ERROR);
	ck_assert_msg(state.error == -ECONNRESET || state.error == -EPIPE, "%d", state.error);
}
END_TEST

START_TEST(a_connection_for_whose_events_the_kernel_has_no_room_ends)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn_close(&state.conn);
	kernel_is_full = true;
	state.conn = conn_new(state.base, pair[0], &protocol, NULL);
	conn_set_deadline(state.conn, 60 * 1000);
	ck_assert(!state.ended);
	turn();
	ck_assert(state.ended);
	ck_assert_int_eq(state.end, CONN_ERROR);
	ck_assert_int_eq(state.error, -ENOMEM);
	kernel_is_full = false;
	close(pair[1]);
}
END_TEST

START_TEST(a_stream_written_from_the_drained_callback_arrives_whole)
{
	size_t total = 0;
	char block[4096];

	conn_set_low_water(state.conn, 1000);
	on_drained(NULL, state.conn);
	for (int i = 0; i < 10000 && total < 490000; i++) {
		ssize_t got;

		event_base_loop(state.base, EVLOOP_NONBLOCK);
		while ((got = read(peer, block, sizeof(block))) > 0)
			total += (size_t)got;
	}
	ck_assert_uint_eq(total, 490000);
	ck_assert_uint_eq(state.drained, 50);
}
END_TEST

START_TEST(a_detached_connection_gives_its_socket_and_the_rest_of_its_input)
{
	char *input;
	size_t length;
	int fd;

	state.pause_after_line = true;
	say("PASS\nSTAT\n");
	fd = conn_detach(&state.conn, &input, &length);
	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_null(state.conn);
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(input, "STAT\n", 5);
	free(input);
	close(fd);
}
END_TEST

START_TEST(what_another_process_has_read_comes_before_what_is_read)
{
	conn_pause(state.conn);
	ck_assert_int_eq(conn_feed(state.conn, "one\ntw", 6), 0);
	say("o\nthree\n");
	ck_assert_str_eq(state.lines, "");
	conn_resume(state.conn);
	turn();
	ck_assert_str_eq(state.lines, "one|two|three|");
	ck_assert_int_eq(conn_feed(state.conn, "four\n", 5), 0);
	turn();
	ck_assert_str_eq(state.lines, "one|two|three|four|");
}
END_TEST

START_TEST(a_connection_resumed_when_its_output_is_drained_reads_again)
{
	static char block[LINE_LIMIT];

	state.resume_when_drained = true;
	conn_pause(state.conn);
	ck_assert_int_eq(conn_write(state.conn, block, sizeof(block)), 0);
	turn();
	say("one\n");
	ck_assert_str_eq(state.lines, "one|");
}
END_TEST

/* libevent adds no event that is active already: the arranged delivery must not keep the connection from reading. */
START_TEST(a_connection_resumed_with_input_left_over_reads_on)
{
	state.resume_when_drained = state.pause_after_line = true;
	state.answer = sizeof(answer);
	say("one\ntwo\nth");
	ck_assert_str_eq(state.lines, "one|");
	state.answer = 10;
	while (read(peer, answer, sizeof(answer)) > 0)
		turn();
	ck_assert_str_eq(state.lines, "one|two|");
	say("ree\n");
	ck_assert_str_eq(state.lines, "one|two|three|");
}
END_TEST

UNIT_MAIN_WITH("conn", setup, teardown,
	lines_are_delivered_whatever_the_pieces_are,
	a_paused_connection_keeps_its_input_for_later,
	input_over_the_limit_is_left_in_the_socket,
	the_last_reply_arrives_before_the_end,
	a_deadline_ends_the_connection_even_when_bytes_drip,
	the_end_of_the_peer_is_reported,
	a_connection_that_was_reset_says_so,
	a_connection_for_whose_events_the_kernel_has_no_room_ends,
	a_stream_written_from_the_drained_callback_arrives_whole,
	a_detached_connection_gives_its_socket_and_the_rest_of_its_input,
	what_another_process_has_read_comes_before_what_is_read,
	a_connection_resumed_when_its_output_is_drained_reads_again,
	a_connection_resumed_with_input_left_over_reads_on)
