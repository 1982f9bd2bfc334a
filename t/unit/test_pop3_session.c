/*
 * The session role of pop3d, with a parent, a tabled and a login worker that this test plays.
 */
#include "pop3d/session.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/unit.h"

enum {
	REPLIES_MAX = 16 * 1024 * 1024, /* bytes that a client may get */
};

struct link {
	const struct link_protocol *protocol;
	struct buffer out;
	link_reply *reply; /* of the question that waits, or NULL */
	void *context;
};

static char directory[64];
static int root;
static struct event_base *base;
static struct config config;
static struct link tabled;
static bool tabled_is_down;
static void (*on_login_worker)(void *context, int fd);
static void *on_login_worker_context;
static int login_worker; /* our end of the channel */
static int client;       /* our end of the connection */
static struct buffer replies;

/* ---- the parent ---- */

struct event_base *
process_base(struct process *process)
{
	(void)process;
	return base;
}

const struct config *
process_config(const struct process *process)
{
	(void)process;
	return &config;
}

const char *
process_directory(const struct process *process)
{
	(void)process;
	return directory;
}

void
process_on_channel(struct process *process, const char *name, void (*callback)(void *context, int fd), void *context)
{
	(void)process;
	ck_assert_str_eq(name, "session");
	on_login_worker = callback;
	on_login_worker_context = context;
}

int
process_run(struct process *process)
{
	(void)process;
	return 0;
}

/* ---- tabled ---- */

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	(void)process;
	(void)context;
	tabled.protocol = protocol;
	buffer_init(&tabled.out, protocol->output_limit);
	return &tabled;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	(void)fd;
	ck_assert_uint_eq(type, TABLE_REDEEM);
	buffer_clear(&link->out);
	return wire_begin(&link->out, type, 0, 1);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	ck_assert_int_eq(wire_end(writer), 0);
	if (tabled_is_down)
		return -ENOTCONN;
	link->reply = reply;
	link->context = context;
	*request_r = 1;
	return 0;
}

void
link_cancel(struct link *link, uint32_t request)
{
	(void)request;
	link->reply = NULL;
}

static void
turn(void)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
answer(struct buffer *payload)
{
	struct channel_frame frame = { .type = TABLE_REDEEM_REPLY, .request = 1, .fd = -1 };
	link_reply *reply = tabled.reply;
	int error;

	ck_assert_ptr_nonnull(reply);
	tabled.reply = NULL;
	frame.body = wire_read(buffer_slice(payload));
	error = reply(tabled.context, 0, &frame);
	buffer_free(payload);
	turn();
	return error;
}

static void
redeem(const char *folder, const char *path)
{
	struct buffer payload;
	struct wire_writer writer;

	buffer_init(&payload, 4096);
	writer = wire_begin_bare(&payload);
	wire_put_u8(&writer, TABLE_AUTH_OK);
	wire_put_string(&writer, "u@example.org");
	wire_put_string(&writer, folder);
	wire_put_string(&writer, path);
	wire_put_u64(&writer, 0);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_int_eq(answer(&payload), 0);
}

/* ---- the login worker ---- */

static void
open_channel(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	on_login_worker(on_login_worker_context, pair[0]);
	login_worker = pair[1];
}

/* Sends BYTES with the descriptor FD, unless that is -1. */
static void
send_bytes(struct slice bytes, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec vector = { (void *)(uintptr_t)bytes.data, bytes.length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	ck_assert_int_eq(sendmsg(login_worker, &message, 0), (ssize_t)bytes.length);
	turn();
}

static void
hand_over_as(int fd, size_t ticket_length, const char *input)
{
	static const char ticket[64];
	struct wire_writer writer;
	struct buffer frame;

	buffer_init(&frame, 4096);
	writer = wire_begin(&frame, HANDOFF_TAKE, fd < 0 ? 0 : WIRE_DESCRIPTOR, 7);
	wire_put_slice(&writer, slice_of(ticket, ticket_length));
	wire_put_string(&writer, "0123456789abcdef");
	wire_put_string(&writer, "192.0.2.1");
	wire_put_u8(&writer, 0);
	wire_put_slice(&writer, slice_from_string(input));
	ck_assert_int_eq(wire_end(&writer), 0);
	send_bytes(buffer_slice(&frame), fd);
	buffer_free(&frame);
}

static enum handoff_result
handoff_result(void)
{
	char bytes[64];
	struct wire_header header;
	struct slice payload;
	ssize_t length = recv(login_worker, bytes, sizeof(bytes), 0);

	ck_assert_int_gt(length, 0);
	ck_assert_int_eq(wire_next(slice_of(bytes, (size_t)length), 64, &header, &payload), 1);
	ck_assert_uint_eq(header.type, HANDOFF_REPLY);
	ck_assert_uint_eq(header.request, 7);
	ck_assert_uint_eq(payload.length, 1);
	return (enum handoff_result)payload.data[0];
}

static void
hand_over(const char *input)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client = pair[1];
	buffer_clear(&replies);
	hand_over_as(pair[0], TABLE_TICKET_SIZE, input);
	close(pair[0]);
}

/* ---- the client ---- */

/* Reads what is there. False at the end of the connection. */
static bool
read_some(void)
{
	char *room;
	ssize_t length;

	turn();
	ck_assert_int_eq(buffer_reserve(&replies, 65536, &room), 0);
	length = recv(client, room, 65536, 0);
	if (length > 0)
		buffer_commit(&replies, (size_t)length);
	return length != 0;
}

static const char *
received(void)
{
	static char text[4096];

	read_some();
	ck_assert_int_eq(slice_to_string(buffer_slice(&replies), text, sizeof(text)), 0);
	buffer_clear(&replies);
	return text;
}

static void
say(const char *text)
{
	ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

#define expect(command, reply)                  \
	do {                                    \
		say(command);                   \
		ck_assert_str_eq(received(), (reply)); \
	} while (0)

static bool
is_closed(void)
{
	for (int i = 0; i < 100; i++)
		if (!read_some())
			return true;
	return false;
}

static void
log_in(const char *input)
{
	hand_over(input);
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
	redeem("", "example.org/u");
}

/* ---- the mailbox ---- */

static void
write_file(const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static bool
exists(const char *path)
{
	return faccessat(root, path, F_OK, 0) == 0;
}

static void
setup(void)
{
	static const char *const parts[] = { "example.org", "example.org/u", "example.org/u/new", "example.org/u/cur" };

	strlcpy(directory, "/tmp/test_pop3_session.XXXXXX", sizeof(directory));
	ck_assert_ptr_nonnull(mkdtemp(directory));
	root = open(directory, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_int_eq(mkdirat(root, parts[i], 0700), 0);
	config.pop3_sessions = 10;
	config.pop3_timeout = 600;
	base = event_base_new();
	buffer_init(&replies, REPLIES_MAX);
	ck_assert_int_eq(session_main(NULL), 0);
	open_channel();
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
teardown(void)
{
	buffer_free(&replies);
	close(root);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(a_redeemed_ticket_opens_the_maildrop_and_what_the_client_sent_ahead_is_answered)
{
	write_file("example.org/u/new/1.a,S=3,W=4", "hi\n");
	log_in("STAT\r\nRETR 1\r\nNO");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 4\r\n+OK 4 octets\r\nhi\r\n.\r\n");
	expect("OP\r\n", "+OK\r\n");
	expect("QUIT\r\n", "+OK bye\r\n");
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_ticket_that_is_not_known_opens_nothing)
{
	struct buffer payload;

	buffer_init(&payload, 16);
	ck_assert_int_eq(buffer_append(&payload, "\1", 1), 0);
	hand_over("");
	ck_assert_int_eq(answer(&payload), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_client_is_told_when_tabled_is_away)
{
	tabled_is_down = true;
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_malformed_answer_of_tabled_breaks_its_channel_and_opens_nothing)
{
	struct buffer payload;

	buffer_init(&payload, 16);
	ck_assert_int_eq(buffer_append(&payload, "\0\4\0\0\0u@e", 8), 0);
	hand_over("");
	ck_assert_int_lt(answer(&payload), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
}
END_TEST

START_TEST(a_path_or_folder_that_leads_elsewhere_opens_nothing)
{
	static const char *const pairs[][2] = {
		{ "", "../etc" },         { "", "/etc" },
		{ "", "" },               { "..", "example.org/u" },
		{ "a/../../v", "example.org/u" }, { "No", "example.org/u" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		hand_over("");
		ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
		redeem(pairs[i][0], pairs[i][1]);
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/PERM] "));
		ck_assert(is_closed());
		close(client);
	}
}
END_TEST

START_TEST(a_worker_with_all_its_sessions_takes_no_more)
{
	int first;

	config.pop3_sessions = 1;
	log_in("");
	first = client;
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_FULL);
	ck_assert(is_closed());
	client = first;
	received();
	expect("NOOP\r\n", "+OK\r\n");
}
END_TEST

static void
assert_channel_closed(void)
{
	char byte;

	turn();
	ck_assert_int_eq(recv(login_worker, &byte, 1, 0), 0);
	close(login_worker);
	open_channel();
}

START_TEST(a_login_worker_that_breaks_the_protocol_is_cut_off_and_hurts_no_session)
{
	static const char garbage[32] = { 1, 0, 0, 0, 99, 0 };
	int file = open(directory, O_RDONLY | O_DIRECTORY);
	int pair[2];

	log_in("");
	received();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	hand_over_as(pair[0], TABLE_TICKET_SIZE - 1, "");
	assert_channel_closed();
	hand_over_as(file, TABLE_TICKET_SIZE, ""); /* no socket */
	assert_channel_closed();
	hand_over_as(-1, TABLE_TICKET_SIZE, ""); /* nothing at all */
	assert_channel_closed();
	send_bytes(slice_of(garbage, sizeof(garbage)), -1);
	assert_channel_closed();
	expect("NOOP\r\n", "+OK\r\n");
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
}
END_TEST

START_TEST(a_client_that_leaves_after_quit_has_its_deletions_carried_out)
{
	write_file("example.org/u/new/1.a", "hi\n");
	log_in("");
	ck_assert_int_eq(send(client, "DELE 1\r\nQUIT\r\n", 14, 0), 14);
	close(client);
	turn();
	ck_assert(!exists("example.org/u/new/1.a"));
}
END_TEST

START_TEST(a_client_that_leaves_without_quit_deletes_nothing_and_frees_the_maildrop)
{
	int first;

	write_file("example.org/u/new/1.a", "hi\n");
	log_in("DELE 1\r\n");
	first = client;
	log_in("");
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [IN-USE] "));
	close(first);
	turn();
	log_in("STAT\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 4\r\n");
	ck_assert(exists("example.org/u/new/1.a"));
}
END_TEST

START_TEST(deletions_that_fail_are_reported_and_the_others_are_done)
{
	write_file("example.org/u/new/1.a", "hi\n");
	write_file("example.org/u/new/2.b", "hi\n");
	log_in("DELE 1\r\nDELE 2\r\n");
	received();
	/* A directory in the place of the file cannot be unlinked, not even by root. */
	ck_assert_int_eq(unlinkat(root, "example.org/u/new/1.a", 0), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/u/new/1.a", 0700), 0);
	expect("QUIT\r\n", "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
	ck_assert(!exists("example.org/u/new/2.b"));
}
END_TEST

START_TEST(sizes_that_no_name_tells_are_counted_when_they_are_asked_for)
{
	write_file("example.org/u/new/1.a", "a\nb\n");
	write_file("example.org/u/cur/2.b:2,S", "a\r\nb");
	write_file("example.org/u/new/3.c", "");
	log_in("");
	received();
	expect("LIST 2\r\n", "+OK 2 4\r\n");
	expect("STAT\r\n", "+OK 3 10\r\n");
	expect("LIST\r\n", "+OK 3 messages (10 octets)\r\n1 6\r\n2 4\r\n3 0\r\n.\r\n");
	expect("RETR 3\r\n", "+OK 0 octets\r\n.\r\n");
	expect("UIDL 3\r\n", "+OK 3 3.c\r\n");
}
END_TEST

START_TEST(a_size_that_the_name_tells_wrong_is_corrected_when_the_message_was_read)
{
	write_file("example.org/u/new/1.a,S=99,W=100", "a\n.b\n");
	log_in("LIST 1\r\nRETR 1\r\nLIST 1\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 100\r\n+OK 100 octets\r\na\r\n..b\r\n.\r\n+OK 1 7\r\n");
}
END_TEST

START_TEST(a_message_longer_than_its_name_tells_arrives_whole)
{
	write_file("example.org/u/new/1.a,W=3", "a\nb\n");
	write_file("example.org/u/new/2.b,W=4", "a\nb");
	log_in("RETR 1\r\nRETR 2\r\nLIST 1\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 2 messages\r\n+OK 3 octets\r\na\r\nb\r\n.\r\n+OK 4 octets\r\na\r\nb\r\n.\r\n+OK 1 6\r\n");
}
END_TEST

START_TEST(what_took_the_place_of_a_message_is_not_read)
{
	write_file("example.org/u/new/1.a,W=3", "1\n");
	write_file("example.org/u/new/2.b,W=3", "2\n");
	write_file("example.org/u/new/3.c,W=3", "3\n");
	log_in("");
	received();
	unlinkat(root, "example.org/u/new/1.a,W=3", 0);
	unlinkat(root, "example.org/u/new/2.b,W=3", 0);
	unlinkat(root, "example.org/u/new/3.c,W=3", 0);
	ck_assert_int_eq(mkfifoat(root, "example.org/u/new/1.a,W=3", 0600), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/u/new/2.b,W=3", 0700), 0);
	ck_assert_int_eq(symlinkat("1.a,W=3", root, "example.org/u/new/3.c,W=3"), 0);
	for (int i = 1; i <= 3; i++) {
		char command[16];

		snprintf(command, sizeof(command), "RETR %d\r\n", i);
		expect(command, "-ERR [SYS/PERM] the message cannot be read\r\n");
	}
}
END_TEST

START_TEST(a_large_message_arrives_whole_and_waits_for_its_reader)
{
	enum { LINES = 100000, LINE = 42 };
	int fd = openat(root, "example.org/u/new/1.a", O_WRONLY | O_CREAT, 0600);
	char line[LINE + 1];
	size_t expected;

	memset(line, '.', sizeof(line));
	line[LINE - 1] = '\n';
	for (int i = 0; i < LINES; i++)
		ck_assert_int_eq(write(fd, line, LINE), LINE);
	close(fd);
	log_in("RETR 1\r\n");
	expected = strlen("+OK the maildrop has 1 messages\r\n+OK\r\n.\r\n") + (size_t)LINES * (LINE + 2);
	while (buffer_length(&replies) < expected)
		ck_assert(read_some());
	ck_assert_uint_eq(buffer_length(&replies), expected);
	buffer_clear(&replies);
	expect("NOOP\r\n", "+OK\r\n");
}
END_TEST

START_TEST(a_message_that_was_read_ahead_is_the_one_that_is_asked_for)
{
	write_file("example.org/u/new/1.a,W=3", "1\n");
	write_file("example.org/u/new/2.b,W=4", ".2\n");
	write_file("example.org/u/new/3.c,W=9", "3\n");
	write_file("example.org/u/new/4.d,W=3", "4\n");
	log_in("");
	received();
	expect("RETR 1\r\n", "+OK 3 octets\r\n1\r\n.\r\n");
	/* Only what was read before can come now. */
	unlinkat(root, "example.org/u/new/2.b,W=4", 0);
	expect("DELE 1\r\n", "+OK marked as deleted\r\n");
	expect("RETR 2\r\n", "+OK 4 octets\r\n..2\r\n.\r\n");
	/* A size that was wrong is corrected here too; another message than the next is read as ever. */
	expect("TOP 3 0\r\n", "+OK\r\n3\r\n.\r\n");
	expect("RETR 4\r\n", "+OK 3 octets\r\n4\r\n.\r\n");
	expect("RETR 2\r\n", "-ERR [SYS/PERM] the message has been removed by another program\r\n");
	expect("RETR 3\r\n", "+OK 9 octets\r\n3\r\n.\r\n");
	expect("LIST 3\r\n", "+OK 3 3\r\n");
	expect("DELE 4\r\n", "+OK marked as deleted\r\n");
	expect("RETR 4\r\n", "-ERR the message is deleted\r\n");
}
END_TEST

START_TEST(wrong_commands_are_refused_one_by_one)
{
	write_file("example.org/u/new/1.a,W=4", "hi\n");
	log_in("");
	received();
	expect("DELE 1\r\n", "+OK marked as deleted\r\n");
	expect("RETR 1\r\n", "-ERR the message is deleted\r\n");
	expect("LIST 1\r\n", "-ERR the message is deleted\r\n");
	expect("RSET\r\n", "+OK 1 messages, none deleted\r\n");
	expect("RETR 0\r\n", "-ERR there is no such message\r\n");
	expect("RETR 2\r\n", "-ERR there is no such message\r\n");
	expect("RETR x\r\n", "-ERR a message number is needed\r\n");
	expect("RETR\r\n", "-ERR a message number is needed\r\n");
	expect("TOP 1\r\n", "-ERR TOP needs a message number and a number of lines\r\n");
	expect("STAT 1\r\n", "-ERR too many arguments\r\n");
	expect("USER a\r\n", "-ERR you are logged in already\r\n");
	expect("UTF8\r\n", "-ERR UTF8 comes before login\r\n");
	expect("\r\n", "-ERR unknown command\r\n");
	expect("stat\r\n", "+OK 1 4\r\n");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_redeemed_ticket_opens_the_maildrop_and_what_the_client_sent_ahead_is_answered,
		a_ticket_that_is_not_known_opens_nothing,
		a_client_is_told_when_tabled_is_away,
		a_malformed_answer_of_tabled_breaks_its_channel_and_opens_nothing,
		a_path_or_folder_that_leads_elsewhere_opens_nothing,
		a_worker_with_all_its_sessions_takes_no_more,
		a_login_worker_that_breaks_the_protocol_is_cut_off_and_hurts_no_session,
		a_client_that_leaves_after_quit_has_its_deletions_carried_out,
		a_client_that_leaves_without_quit_deletes_nothing_and_frees_the_maildrop,
		deletions_that_fail_are_reported_and_the_others_are_done,
		sizes_that_no_name_tells_are_counted_when_they_are_asked_for,
		a_size_that_the_name_tells_wrong_is_corrected_when_the_message_was_read,
		a_message_longer_than_its_name_tells_arrives_whole,
		what_took_the_place_of_a_message_is_not_read,
		a_large_message_arrives_whole_and_waits_for_its_reader,
		a_message_that_was_read_ahead_is_the_one_that_is_asked_for,
		wrong_commands_are_refused_one_by_one,
	};
	Suite *suite = suite_create("pop3_session");
	TCase *all = tcase_create("pop3_session");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_set_timeout(all, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(all, tests[i]);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
