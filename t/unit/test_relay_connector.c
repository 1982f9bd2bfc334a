/*
 * The race of a host's addresses, on the loopback network.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "relayd/connector.h"
#include "t/unit/unit.h"

enum { FILLERS = 8 };

static struct event_base *base;
static struct connector_address addresses[8];
static int result_fd;
static size_t result_index;
static unsigned calls;

static void
on_done(void *context, int fd, size_t index)
{
	(void)context;
	result_fd = fd;
	result_index = index;
	calls++;
	event_base_loopbreak(base);
}

/* A socket on 127.0.0.LAST; nobody listens while BACKLOG is negative. Fills in addresses[index]. */
static int
bound(size_t index, unsigned last, int backlog)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&addresses[index].address;
	socklen_t length = sizeof(*in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0x7f000000 + last);
	addresses[index].length = sizeof(*in);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)in, sizeof(*in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)in, &length), 0);
	if (backlog >= 0)
		ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

/* A listener whose queue is full: whoever connects waits for an answer that does not come. */
static int
silent(size_t index, unsigned last)
{
	int fd = bound(index, last, 0);

	for (int i = 0; i < FILLERS; i++) {
		int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		(void)connect(filler, (struct sockaddr *)&addresses[index].address, addresses[index].length); /* left open until the test's process ends */
	}
	return fd;
}

static int64_t
run(size_t count, uint32_t timeout_ms)
{
	int64_t begin = clock_monotonic_ms();

	base = event_base_new();
	calls = 0;
	ck_assert_ptr_nonnull(connector_new(base, addresses, count, timeout_ms, on_done, NULL));
	ck_assert_uint_eq(calls, 0);
	event_base_dispatch(base);
	ck_assert_uint_eq(calls, 1);
	event_base_free(base);
	return clock_monotonic_ms() - begin;
}

START_TEST(the_first_address_that_answers_is_taken)
{
	bound(0, 2, 5);
	bound(1, 3, 5);
	run(2, 5000);
	ck_assert_int_ge(result_fd, 0);
	ck_assert_uint_eq(result_index, 0);
	close(result_fd);
}
END_TEST

START_TEST(a_refused_connection_costs_no_time)
{
	bound(0, 2, -1);
	bound(1, 3, -1);
	bound(2, 4, 5);
	ck_assert_int_lt(run(3, 60000), CONNECTOR_NEXT_MS * 4);
	ck_assert_int_ge(result_fd, 0);
	ck_assert_uint_eq(result_index, 2);
	close(result_fd);
}
END_TEST

START_TEST(a_silent_address_costs_a_quarter_of_a_second)
{
	int64_t took;

	silent(0, 2);
	bound(1, 3, 5);
	took = run(2, 60000);
	ck_assert_int_ge(took, CONNECTOR_NEXT_MS - 10);
	ck_assert_int_lt(took, 5000);
	ck_assert_int_ge(result_fd, 0);
	ck_assert_uint_eq(result_index, 1);
	close(result_fd);
}
END_TEST

START_TEST(silent_addresses_are_given_up)
{
	silent(0, 2);
	silent(1, 3);
	run(2, 300);
	ck_assert_int_eq(result_fd, -ETIMEDOUT);
	ck_assert_uint_eq(result_index, 1);
}
END_TEST

START_TEST(more_silent_addresses_than_are_tried_at_once_do_not_hide_the_last_one)
{
	for (unsigned i = 0; i < CONNECTOR_AT_ONCE + 1; i++)
		silent(i, 2 + i);
	bound(CONNECTOR_AT_ONCE + 1, 20, 5);
	run(CONNECTOR_AT_ONCE + 2, 1200);
	ck_assert_int_ge(result_fd, 0);
	ck_assert_uint_eq(result_index, CONNECTOR_AT_ONCE + 1);
	close(result_fd);
}
END_TEST

START_TEST(when_all_refuse_the_last_error_is_told)
{
	bound(0, 2, -1);
	bound(1, 3, -1);
	run(2, 5000);
	ck_assert_int_eq(result_fd, -ECONNREFUSED);
	ck_assert_uint_eq(result_index, 1);
}
END_TEST

START_TEST(one_that_is_cancelled_says_nothing)
{
	struct connector *connector;

	silent(0, 2);
	base = event_base_new();
	calls = 0;
	connector = connector_new(base, addresses, 1, 100, on_done, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	connector_cancel(&connector);
	ck_assert_ptr_null(connector);
	event_base_dispatch(base); /* returns: nothing is left to wait for */
	ck_assert_uint_eq(calls, 0);
	event_base_free(base);
}
END_TEST

UNIT_MAIN("relay_connector", the_first_address_that_answers_is_taken, a_refused_connection_costs_no_time,
          a_silent_address_costs_a_quarter_of_a_second, silent_addresses_are_given_up,
          more_silent_addresses_than_are_tried_at_once_do_not_hide_the_last_one, when_all_refuse_the_last_error_is_told,
          one_that_is_cancelled_says_nothing)
