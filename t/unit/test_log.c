/*
 * The log: a line stays one line whatever a value holds, is bounded, and leaves as one write or datagram.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log_line.h"
#include "t/unit/unit.h"

static char big[5000];
static int pending_calls;

static void
count_pending(void)
{
	pending_calls++;
}

/* A line with one field. */
static struct slice
line_of(struct log_line *line, struct log_field field)
{
	log_line_begin(line);
	log_line_raw(line, "event=test");
	log_line_field(line, &field);
	log_line_end(line);
	return slice_of(line->data, line->length);
}

START_TEST(plain_values_stand_bare)
{
	struct log_line line;

	ck_assert_slice(line_of(&line, LOG_STRING("to", "user+tag@example.org")),
		        "event=test to=user+tag@example.org\n");
	ck_assert_slice(line_of(&line, LOG_STRING("client", "[2001:db8::1]:25")),
		        "event=test client=[2001:db8::1]:25\n");
	ck_assert_slice(line_of(&line, LOG_UINT("n", UINT64_MAX)), "event=test n=18446744073709551615\n");
	ck_assert_slice(line_of(&line, LOG_INT("n", INT64_MIN)), "event=test n=-9223372036854775808\n");
	ck_assert_slice(line_of(&line, LOG_INT("n", 0)), "event=test n=0\n");
}
END_TEST

START_TEST(a_value_with_a_blank_or_nothing_in_it_is_quoted)
{
	struct log_line line;

	ck_assert_slice(line_of(&line, LOG_STRING("v", "a b")), "event=test v=\"a b\"\n");
	ck_assert_slice(line_of(&line, LOG_STRING("v", "")), "event=test v=\"\"\n");
	ck_assert_slice(line_of(&line, LOG_STRING("v", NULL)), "event=test v=\"\"\n");
}
END_TEST

START_TEST(no_byte_of_a_value_can_end_it_or_the_line)
{
	struct log_line line;

	ck_assert_slice(line_of(&line, LOG_STRING("v", "x\" event=forged \\")),
			"event=test v=\"x\\\" event=forged \\\\\"\n");
	ck_assert_slice(line_of(&line, LOG_SLICE("v", SLICE("a\r\n\0\x1b\x7f\xc3\xa9"))),
	                "event=test v=\"a\\x0d\\x0a\\x00\\x1b\\x7f\\xc3\\xa9\"\n");
}
END_TEST

START_TEST(an_error_is_told_in_words_with_either_sign)
{
	struct log_line line;

	ck_assert_slice(line_of(&line, LOG_ERROR(-ENOENT)), "event=test error=\"No such file or directory\"\n");
	ck_assert_slice(line_of(&line, LOG_ERROR(ENOENT)), "event=test error=\"No such file or directory\"\n");
	ck_assert_slice(line_of(&line, LOG_ERROR(99999)), "event=test error=\"unknown error\"\n");
	ck_assert_slice(line_of(&line, LOG_ERROR(INT64_C(-9999999999))), "event=test error=\"unknown error\"\n");
}
END_TEST

START_TEST(a_long_value_is_cut_and_marked)
{
	struct log_line line;
	struct slice text;

	memset(big, 'x', sizeof(big));
	text = line_of(&line, LOG_SLICE("v", slice_of(big, LOG_VALUE_MAX)));
	ck_assert_uint_eq(text.length, strlen("event=test v=\n") + LOG_VALUE_MAX);
	text = line_of(&line, LOG_SLICE("v", slice_of(big, LOG_VALUE_MAX + 1)));
	ck_assert(slice_ends_nocase(text, SLICE("xxx...\"\n")));
}
END_TEST

START_TEST(a_line_never_passes_its_limit_and_says_what_is_missing)
{
	memset(big, '\n', sizeof(big));
	/* Every length before the value, so that the end of the line falls on every place of an escape. */
	for (size_t before = 0; before < LOG_LINE_MAX + 10; before++) {
		struct log_line line;
		const struct log_field field = LOG_SLICE("v", slice_of(big, 400));
		const struct log_field last = LOG_UINT("last", 1);

		log_line_begin(&line);
		for (size_t i = 0; i < before; i++)
			log_line_raw(&line, "y");
		log_line_field(&line, &field);
		log_line_field(&line, &last);
		log_line_end(&line);
		ck_assert_uint_le(line.length, LOG_LINE_MAX);
		ck_assert_uint_eq(slice_find(slice_of(line.data, line.length), '\n'), line.length - 1);
		ck_assert(slice_ends_nocase(slice_of(line.data, line.length), SLICE(" last=1\n")) ||
		          slice_ends_nocase(slice_of(line.data, line.length), SLICE("...\n")) ||
		          slice_ends_nocase(slice_of(line.data, line.length), SLICE("...\"\n")));
	}
}
END_TEST

/* Opens the log to one end of a socket pair. Returns the other. */
static int
open_to_socket(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	log_open("smtpd", "worker", LOG_TO_SOCKET, ends[0]);
	return ends[1];
}

/* The next datagram, or "". */
static struct slice
receive(int fd)
{
	static char datagram[LOG_DATAGRAM_MAX + 1];
	ssize_t length = recv(fd, datagram, sizeof(datagram), 0);

	return slice_of(datagram, length < 0 ? 0 : (size_t)length);
}

START_TEST(a_line_says_who_what_and_how_grave)
{
	int fd = open_to_socket();
	char expected[100];

	log_event(LOG_INFO, "smtp.accept", LOG_STRING("session", "1AB2"), LOG_UINT("size", 42));
	snprintf(expected, sizeof(expected), "<6>event=smtp.accept pid=%ld role=worker session=1AB2 size=42\n",
		 (long)getpid());
	ck_assert(slice_equal(receive(fd), slice_from_string(expected)));
}
END_TEST

START_TEST(events_above_the_level_are_not_written)
{
	int fd = open_to_socket();

	log_event(LOG_DEBUG, "quiet");
	ck_assert_slice(receive(fd), "");
	log_set_level(LOG_DEBUG);
	log_event(LOG_DEBUG, "loud");
	ck_assert(slice_starts_nocase(receive(fd), SLICE("<7>event=loud ")));
}
END_TEST

START_TEST(gathered_lines_leave_together_at_the_flush)
{
	int fd = open_to_socket();
	struct slice lines;

	log_on_pending(count_pending);
	log_set_gather(true);
	log_event(LOG_INFO, "one");
	log_event(LOG_NOTICE, "two");
	ck_assert_slice(receive(fd), "");
	ck_assert(log_pending());
	ck_assert_int_eq(pending_calls, 1);
	log_flush();
	ck_assert(!log_pending());
	lines = receive(fd);
	ck_assert(slice_starts_nocase(lines, SLICE("<6>event=one ")));
	ck_assert(slice_starts_nocase(slice_from(lines, slice_find(lines, '\n') + 1), SLICE("<5>event=two ")));
	log_event(LOG_INFO, "three");
	ck_assert_int_eq(pending_calls, 2);
}
END_TEST

START_TEST(a_grave_line_waits_for_nobody_and_keeps_the_order)
{
	int fd = open_to_socket();
	struct slice lines;

	log_set_gather(true);
	log_event(LOG_INFO, "before");
	log_event(LOG_ERR, "grave");
	lines = receive(fd);
	ck_assert(slice_starts_nocase(lines, SLICE("<6>event=before ")));
	ck_assert(slice_ends_nocase(slice_first(lines, lines.length - 1), SLICE("role=worker")));
	ck_assert(!log_pending());
}
END_TEST

START_TEST(what_is_gathered_is_never_more_than_a_datagram)
{
	int fd = open_to_socket();
	size_t count = 0;

	memset(big, 'x', sizeof(big));
	log_set_gather(true);
	for (int i = 0; i < 50; i++) {
		log_event(LOG_INFO, "big", LOG_SLICE("v", slice_of(big, 500)));
		for (struct slice lines = receive(fd); lines.length > 0; lines = receive(fd)) {
			ck_assert_uint_le(lines.length, LOG_DATAGRAM_MAX);
			ck_assert_int_eq(lines.data[lines.length - 1], '\n');
			count++;
		}
	}
	ck_assert_uint_ge(count, 6);
}
END_TEST

START_TEST(lost_lines_are_counted_and_told)
{
	int fd = open_to_socket();
	unsigned sent = 0;
	bool told = false;

	/* Nobody reads: the socket fills up, and logging goes on all the same. */
	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 5000; i++)
		log_event(LOG_INFO, "flood", LOG_SLICE("v", slice_of(big, 500)));
	while (receive(fd).length > 0)
		sent++;
	ck_assert_uint_lt(sent, 5000);
	log_event(LOG_INFO, "after");
	for (struct slice lines = receive(fd); lines.length > 0; lines = receive(fd)) {
		char expected[40];

		snprintf(expected, sizeof(expected), " lines=%u\n", 5000 - sent);
		told = told || (slice_starts_nocase(lines, SLICE("<4>event=log.lost ")) &&
		                slice_ends_nocase(lines, slice_from_string(expected)));
	}
	ck_assert(told);
}
END_TEST

UNIT_MAIN("log", plain_values_stand_bare, a_value_with_a_blank_or_nothing_in_it_is_quoted,
	  no_byte_of_a_value_can_end_it_or_the_line, an_error_is_told_in_words_with_either_sign,
	  a_long_value_is_cut_and_marked, a_line_never_passes_its_limit_and_says_what_is_missing,
	  a_line_says_who_what_and_how_grave, events_above_the_level_are_not_written,
	  gathered_lines_leave_together_at_the_flush, a_grave_line_waits_for_nobody_and_keeps_the_order,
	  what_is_gathered_is_never_more_than_a_datagram, lost_lines_are_counted_and_told)
