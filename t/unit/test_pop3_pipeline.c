/*
 * Pipelined RETR: whatever the reader's thread is at, the replies are what they would be without it.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "common/base/thread.h"
#include "t/unit/pop3_session_fixture.h"

enum {
	MESSAGES = 120,
	TEXT_MAX = 128 * 1024,   /* bytes of a message */
	COMMANDS_MAX = 4 * 1024, /* bytes of a pipeline */
};

static unsigned threads; /* that were made */
static bool no_threads;
static struct buffer commands;
static struct buffer expected;

/* In the place of common/base/thread.c. */
int
thread_start(pthread_t *thread_r, void *(*run)(void *context), void *context)
{
	if (no_threads)
		return -EAGAIN;
	threads++;
	return -pthread_create(thread_r, NULL, run, context);
}

static void
before(void)
{
	setup();
	buffer_init(&commands, COMMANDS_MAX);
	buffer_init(&expected, REPLIES_MAX);
}

static void
after(void)
{
	buffer_free(&commands);
	buffer_free(&expected);
	teardown();
}

/* The text of message NUMBER; some are empty, some too large to be read ahead. */
static void
put_text(struct buffer *out, unsigned number, const char *dot, const char *end)
{
	unsigned lines = number % 40 == 39 ? 1500 : number * 13 % 150;

	for (unsigned line = 0; line < lines; line++)
		ck_assert_int_eq(buffer_printf(out, "%sline %u of message %u%s", dot, line, number, end), 0);
}

static size_t
octets_of(unsigned number)
{
	struct buffer text;
	size_t octets;

	buffer_init(&text, TEXT_MAX);
	put_text(&text, number, ".", "\r\n");
	octets = buffer_length(&text);
	buffer_free(&text);
	return octets;
}

/* "MAILBOX/new/..." of message NUMBER. */
static const char *
path_of(const char *mailbox, unsigned number)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/new/%u.m,W=%zu", mailbox, 1000 + number, octets_of(number));
	return path;
}

static void
write_messages(const char *mailbox, unsigned first, unsigned count)
{
	for (unsigned number = first; number < first + count; number++) {
		struct buffer text;

		buffer_init(&text, TEXT_MAX);
		put_text(&text, number, ".", "\n");
		ck_assert_int_eq(buffer_append(&text, "", 1), 0);
		write_file(path_of(mailbox, number), buffer_slice(&text).data);
		buffer_free(&text);
	}
}

static void
ask(const char *command)
{
	ck_assert_int_eq(buffer_append_string(&commands, command), 0);
}

static void
await(const char *reply)
{
	ck_assert_int_eq(buffer_append_string(&expected, reply), 0);
}

static void
await_message(unsigned number)
{
	ck_assert_int_eq(buffer_printf(&expected, "+OK %zu octets\r\n", octets_of(number)), 0);
	put_text(&expected, number, "..", "\r\n");
	await(".\r\n");
}

static void
ask_message(unsigned index)
{
	ck_assert_int_eq(buffer_printf(&commands, "RETR %u\r\n", index), 0);
}

/* Messages 1 to COUNT of the maildrop. */
static void
ask_and_await(unsigned count)
{
	for (unsigned index = 1; index <= count; index++) {
		ask_message(index);
		await_message(index);
	}
}

static void
send_commands(void)
{
	struct slice all = buffer_slice(&commands);

	ck_assert_int_eq(send(client, all.data, all.length, 0), (ssize_t)all.length);
	buffer_clear(&commands);
}

static void
assert_replies(void)
{
	struct slice all = buffer_slice(&expected);

	while (buffer_length(&replies) < all.length)
		ck_assert(read_some());
	ck_assert_uint_eq(buffer_length(&replies), all.length);
	ck_assert_mem_eq(buffer_slice(&replies).data, all.data, all.length);
	buffer_clear(&replies);
	buffer_clear(&expected);
}

/* All that was asked for, in one go, and what it must give. */
static void
converse(void)
{
	send_commands();
	assert_replies();
}

static void
enter(void)
{
	log_in("");
	received();
}

START_TEST(pipelined_messages_come_whole_and_in_the_order_that_they_are_asked_for)
{
	write_messages("example.org/u", 1, MESSAGES);
	enter();
	for (unsigned round = 0; round < 3; round++) {
		ask_and_await(MESSAGES);
		converse();
		for (unsigned index = MESSAGES; index > 3; index -= 3) {
			ask_message(index);
			await_message(index);
		}
		for (unsigned times = 0; times < 2 * PIPELINE_MIN; times++) {
			ask_message(5);
			await_message(5);
		}
		converse();
	}
	ck_assert_uint_eq(threads, 1);
}
END_TEST

START_TEST(commands_that_come_in_pieces_cut_anywhere_are_a_pipeline_too)
{
	write_messages("example.org/u", 1, MESSAGES);
	enter();
	for (unsigned piece = 1; piece < 200; piece += 33) {
		ask_and_await(MESSAGES);
		while (buffer_length(&commands) > 0) {
			struct slice all = buffer_slice(&commands);
			size_t length = all.length < piece ? all.length : piece;

			ck_assert_int_eq(send(client, all.data, length, 0), (ssize_t)length);
			buffer_consume(&commands, length);
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		assert_replies();
	}
}
END_TEST

START_TEST(what_one_command_changes_holds_for_those_behind_it)
{
	write_messages("example.org/u", 1, 8);
	enter();
	ask("RETR 1\r\n");
	await_message(1);
	ask("DELE 2\r\n");
	await("+OK marked as deleted\r\n");
	ask("RETR 2\r\n");
	await("-ERR the message is deleted\r\n");
	ask("RETR 3\r\n");
	await_message(3);
	ask("RSET\r\n");
	await("+OK 8 messages, none deleted\r\n");
	ask("RETR 2\r\n");
	await_message(2);
	ask("NOOP\r\n");
	await("+OK\r\n");
	ask("RETR 9\r\n");
	await("-ERR there is no such message\r\n");
	ask("RETR 8\r\n");
	await_message(8);
	ask("DELE 4\r\n");
	await("+OK marked as deleted\r\n");
	ask("QUIT\r\n");
	await("+OK bye\r\n");
	ask("RETR 5\r\nRETR 6\r\nRETR 7\r\n");
	converse();
	ck_assert(is_closed());
	ck_assert(!exists(path_of("example.org/u", 4)));
	ck_assert(exists(path_of("example.org/u", 5)));
	ck_assert_uint_eq(threads, 1);
}
END_TEST

START_TEST(what_others_did_to_a_file_is_seen_as_without_a_pipeline)
{
	static const char *const names[] = { "1.a,W=3", "2.b,W=3", "3.c,W=3", "4.d,W=9", "5.e,W=3", "6.f,W=3", "7.g,W=3", "8.h,W=3" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "example.org/u/new/%s", names[i]);
		write_file(path, "x\n");
	}
	enter();
	ck_assert_int_eq(renameat(root, "example.org/u/new/1.a,W=3", root, "example.org/u/cur/1.a,W=3:2,S"), 0);
	unlinkat(root, "example.org/u/new/2.b,W=3", 0);
	write_file("example.org/u/new/3.c,W=3", "longer\n");
	unlinkat(root, "example.org/u/new/5.e,W=3", 0);
	unlinkat(root, "example.org/u/new/6.f,W=3", 0);
	unlinkat(root, "example.org/u/new/7.g,W=3", 0);
	ck_assert_int_eq(mkfifoat(root, "example.org/u/new/5.e,W=3", 0600), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/u/new/6.f,W=3", 0700), 0);
	ck_assert_int_eq(symlinkat("8.h,W=3", root, "example.org/u/new/7.g,W=3"), 0);
	ask("RETR 3\r\nRETR 4\r\nRETR 5\r\nRETR 6\r\nRETR 7\r\nRETR 8\r\nRETR 1\r\nRETR 2\r\nRETR 8\r\n");
	await("+OK 3 octets\r\nlonger\r\n.\r\n");
	await("+OK 9 octets\r\nx\r\n.\r\n");
	for (int i = 0; i < 3; i++)
		await("-ERR [SYS/PERM] the message cannot be read\r\n");
	await("+OK 3 octets\r\nx\r\n.\r\n");
	await("+OK 3 octets\r\nx\r\n.\r\n");
	await("-ERR [SYS/PERM] the message has been removed by another program\r\n");
	await("+OK 3 octets\r\nx\r\n.\r\n");
	converse();
}
END_TEST

/* A text of which 16 are more than a client can be sent while it reads nothing, and no more than is read ahead. */
static const char *
large_text(unsigned number)
{
	enum { LENGTH = 30000 };
	static char text[LENGTH + 1];

	memset(text, 'a' + (int)number, LENGTH - 1);
	text[LENGTH - 1] = '\n';
	return text;
}

static void
ask_and_await_large(unsigned number)
{
	const char *text = large_text(number);

	ask_message(number);
	ck_assert_int_eq(buffer_printf(&expected, "+OK %zu octets\r\n", strlen(text) + 1), 0);
	ck_assert_int_eq(buffer_append(&expected, text, strlen(text) - 1), 0);
	await("\r\n.\r\n");
}

START_TEST(a_file_that_could_not_be_read_ahead_is_read_when_it_is_asked_for)
{
	enum { COUNT = 16 };
	char last[64];

	for (unsigned number = 1; number <= COUNT; number++) {
		snprintf(last, sizeof(last), "example.org/u/new/%u.m,W=%zu", 1000 + number, strlen(large_text(number)) + 1);
		write_file(last, large_text(number));
	}
	enter();
	for (unsigned number = 1; number <= COUNT; number++)
		ask_and_await_large((number + COUNT / 2) % COUNT + 1); /* other messages in the same places */
	converse();
	for (unsigned number = 1; number <= COUNT; number++)
		ask_and_await_large(number);
	ck_assert_int_eq(renameat(root, last, root, "example.org/u/elsewhere"), 0);
	send_commands();
	turn();
	/* Time for the thread to fail; what comes is the same without it. */
	for (int i = 0; i < 1000; i++)
		sched_yield();
	ck_assert_int_eq(renameat(root, "example.org/u/elsewhere", root, last), 0);
	assert_replies();
}
END_TEST

START_TEST(two_sessions_that_pipeline_at_once_get_their_own_messages)
{
	enum { OTHERS = 41 };
	int first, second;

	ck_assert_int_eq(mkdirat(root, "example.org/v", 0700), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/v/new", 0700), 0);
	write_messages("example.org/u", 1, MESSAGES);
	write_messages("example.org/v", OTHERS, MESSAGES);
	enter();
	first = client;
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
	redeem("", "example.org/v");
	received();
	second = client;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned index = 1; index <= MESSAGES; index++)
			ask_message(index);
		send_commands();
		event_base_loop(base, EVLOOP_NONBLOCK);
		client = first;
		ask_and_await(MESSAGES);
		converse();
		client = second;
		for (unsigned index = 0; index < MESSAGES; index++)
			await_message(OTHERS + index);
		assert_replies();
	}
	ck_assert_uint_eq(threads, 1);
}
END_TEST

START_TEST(a_client_that_leaves_in_the_middle_harms_nobody)
{
	write_messages("example.org/u", 1, MESSAGES);
	for (int times = 0; times < 20; times++) {
		enter();
		for (unsigned index = 1; index <= MESSAGES; index++)
			ask_message(index);
		send_commands();
		for (int turns = 0; turns < times % 4; turns++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		close(client);
		turn();
	}
	enter();
	ask_and_await(MESSAGES);
	converse();
}
END_TEST

START_TEST(a_worker_that_can_make_no_thread_serves_as_ever)
{
	no_threads = true;
	write_messages("example.org/u", 1, MESSAGES);
	enter();
	ask_and_await(MESSAGES);
	converse();
}
END_TEST

START_TEST(a_thread_is_made_when_a_client_pipelines_messages_and_no_sooner)
{
	write_messages("example.org/u", 1, 8);
	enter();
	for (unsigned index = 1; index <= 8; index++) {
		ask_message(index);
		await_message(index);
		converse();
	}
	ask("STAT\r\nLIST 1\r\nUIDL 1\r\nNOOP\r\nTOP 1 0\r\nDELE 1\r\nDELE 2\r\nRETR 1\r\nRSET\r\n");
	send_commands();
	received();
	ask_and_await(PIPELINE_MIN - 1);
	converse();
	ck_assert_uint_eq(threads, 0);
	ask_and_await(PIPELINE_MIN + 1); /* one of them may have been read ahead */
	converse();
	ck_assert_uint_eq(threads, 1);
}
END_TEST

START_TEST(without_a_descriptor_left_each_message_is_refused_and_comes_later)
{
	int lowest = dup(root);
	struct rlimit limit, none;

	close(lowest);
	write_messages("example.org/u", 1, 8);
	log_in("");
	received();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ (rlim_t)lowest, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (unsigned index = 1; index <= 8; index++) {
		ask_message(index);
		await("-ERR [SYS/TEMP] the message cannot be read\r\n");
	}
	converse();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ask_and_await(8);
	converse();
}
END_TEST

UNIT_MAIN_WITH("pop3_pipeline", before, after,
	pipelined_messages_come_whole_and_in_the_order_that_they_are_asked_for,
	commands_that_come_in_pieces_cut_anywhere_are_a_pipeline_too,
	what_one_command_changes_holds_for_those_behind_it,
	what_others_did_to_a_file_is_seen_as_without_a_pipeline,
	a_file_that_could_not_be_read_ahead_is_read_when_it_is_asked_for,
	two_sessions_that_pipeline_at_once_get_their_own_messages,
	a_client_that_leaves_in_the_middle_harms_nobody,
	a_worker_that_can_make_no_thread_serves_as_ever,
	a_thread_is_made_when_a_client_pipelines_messages_and_no_sooner,
	without_a_descriptor_left_each_message_is_refused_and_comes_later)
