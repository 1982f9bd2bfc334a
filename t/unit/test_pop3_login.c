/*
 * The login role of pop3d, with a parent, a tabled and a session worker that this test plays.
 */
#include "pop3d/login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/proc/listener.h"
#include "common/proc/role_tls.h"
#include "t/unit/unit.h"

enum {
	TABLED,
	SESSION,
	LINKS,
};

struct link {
	const struct link_protocol *protocol;
	struct buffer out; /* the last question, as a frame */
	link_reply *reply; /* of the question that waits, or NULL */
	void *context;
	int fd;            /* that went with it, ours, or -1 */
	bool down;
};

static struct event_base *base;
static struct config config;
static struct link links[LINKS];
static unsigned link_count;
static void (*on_accepted)(void *context, int client, const struct sockaddr *address, socklen_t length);
static void *on_accepted_context;
static int client; /* our end of the connection */

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

int
listener_set_update(struct listener_set *set, struct process *process, const char *name,
                    void (*accepted)(void *context, int client, const struct sockaddr *address, socklen_t length), void *context)
{
	(void)set;
	(void)process;
	if (strcmp(name, "pop3") == 0) {
		on_accepted = accepted;
		on_accepted_context = context;
	}
	return 0;
}

/* There is no certificate; t/suite/test_tls.py has some. */
struct tls_context *
role_tls_context(void)
{
	return NULL;
}

unsigned
process_clients(const struct process *process, unsigned wanted, unsigned each)
{
	(void)process;
	(void)each;
	return wanted;
}

void
process_on_reload(struct process *process, void (*callback)(void *context), void *context)
{
	(void)process;
	(void)callback;
	(void)context;
}

int
process_run(struct process *process)
{
	(void)process;
	return 0;
}

/* ---- links ---- */

struct link *
link_new(struct process *process, const struct link_protocol *protocol, void *context)
{
	struct link *link = &links[link_count++];

	(void)process;
	(void)context;
	link->protocol = protocol;
	link->fd = -1;
	buffer_init(&link->out, protocol->output_limit);
	return link;
}

bool
link_is_up(const struct link *link)
{
	return !link->down;
}

struct wire_writer
link_begin(struct link *link, uint16_t type, int fd)
{
	buffer_clear(&link->out);
	link->fd = fd;
	return wire_begin(&link->out, type, fd < 0 ? 0 : WIRE_DESCRIPTOR, 1);
}

int
link_send(struct link *link, struct wire_writer *writer, link_reply *reply, void *context, uint32_t *request_r)
{
	ck_assert_int_eq(wire_end(writer), 0);
	if (link->down)
		return -ENOTCONN;
	link->reply = reply;
	link->context = context;
	if (request_r != NULL)
		*request_r = 1;
	return 0;
}

void
link_cancel(struct link *link, uint32_t request)
{
	(void)request;
	link->reply = NULL;
}

/* What is said without a question is not heard here. */
struct channel *
link_channel(struct link *link)
{
	(void)link;
	return NULL;
}

static struct wire_reader
question(unsigned link, uint16_t type)
{
	struct wire_header header;
	struct slice payload;

	ck_assert_ptr_nonnull(links[link].reply);
	ck_assert_int_eq(wire_next(buffer_slice(&links[link].out), 65536, &header, &payload), 1);
	ck_assert_uint_eq(header.type, type);
	return wire_read(payload);
}

static void
turn(void)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
answer(unsigned link, int status, uint16_t type, struct slice payload)
{
	struct channel_frame frame = { .type = type, .request = 1, .fd = -1, .body = wire_read(payload) };
	link_reply *reply = links[link].reply;
	int error;

	ck_assert_ptr_nonnull(reply);
	links[link].reply = NULL;
	error = reply(links[link].context, status, status == 0 ? &frame : NULL);
	turn();
	return error;
}

/* ---- the client ---- */

static const char *
received(void)
{
	static char text[4096];
	ssize_t length;

	turn();
	length = recv(client, text, sizeof(text) - 1, 0);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static void
say(const char *text)
{
	ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

#define expect(command, reply)                         \
	do {                                           \
		say(command);                          \
		ck_assert_str_eq(received(), (reply)); \
	} while (0)

static bool
is_closed(void)
{
	char byte;

	turn();
	return recv(client, &byte, 1, 0) == 0;
}

static void
connect_client(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(0xC0000201) } };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client = pair[1];
	on_accepted(on_accepted_context, pair[0], (const struct sockaddr *)&address, sizeof(address));
}

static void
say_password(const char *password)
{
	char line[128];

	expect("USER u@example.org\r\n", "+OK now the password\r\n");
	snprintf(line, sizeof(line), "PASS %s\r\n", password);
	say(line);
}

#define RIGHT SLICE("\0\20\0\0\0" "0123456789abcdef" "\3\0\0\0" "u@e" "\0\0\0\0")

static void
setup(void)
{
	strlcpy(config.hostname, "mail.example.org", sizeof(config.hostname));
	config.pop3_sessions = 2;
	config.pop3_session_workers = 1;
	config.pop3_login_timeout = 600;
	config.auth_without_tls = CONFIG_YES;
	base = event_base_new();
	ck_assert_int_eq(login_main(NULL), 0);
	ck_assert_uint_eq(link_count, LINKS);
	connect_client();
	ck_assert_str_eq(received(), "+OK mail.example.org POP3 server ready\r\n");
}

static void
teardown(void)
{
	close(client);
}

START_TEST(tabled_is_asked_with_the_clients_address_login_and_password)
{
	struct wire_reader reader;
	char text[64];

	say_password(" two  blanks ");
	reader = question(TABLED, TABLE_AUTH);
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "pop3");
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1");
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "u@example.org");
	ck_assert_slice(wire_get_slice(&reader), " two  blanks ");
	ck_assert(wire_done(&reader));
	ck_assert_str_eq(received(), "");
}
END_TEST

START_TEST(a_right_password_hands_the_socket_the_ticket_and_what_was_sent_ahead_to_a_session_worker)
{
	struct wire_reader reader;
	char text[64];

	say("UTF8\r\nUSER u@example.org\r\nPASS x\r\nSTAT\r\nLI");
	received();
	ck_assert_int_eq(answer(TABLED, 0, TABLE_AUTH_REPLY, RIGHT), 0);
	reader = question(SESSION, HANDOFF_TAKE);
	ck_assert_slice(wire_get_slice(&reader), "0123456789abcdef");
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_uint_eq(strlen(text), HANDOFF_SESSION_SIZE - 1);
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1");
	ck_assert_uint_eq(wire_get_u8(&reader), HANDOFF_UTF8);
	ck_assert_slice(wire_get_slice(&reader), "STAT\r\nLI");
	ck_assert(wire_done(&reader));
	ck_assert_int_eq(answer(SESSION, 0, HANDOFF_REPLY, SLICE("\0")), 0);
	/* Nothing is said to the client, and the worker's descriptor is the only one that is left. */
	ck_assert_str_eq(received(), "");
	ck_assert_int_eq(send(links[SESSION].fd, "+OK\r\n", 5, 0), 5);
	ck_assert_str_eq(received(), "+OK\r\n");
	close(links[SESSION].fd);
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_client_whom_no_session_worker_takes_is_told_so_and_closed)
{
	static const struct {
		int status;
		uint16_t type;
		struct slice payload;
	} answers[] = {
		{ 0, HANDOFF_REPLY, { "\1", 1 } }, { 0, HANDOFF_REPLY, { "", 0 } }, { 0, 99, { "\0", 1 } },
		{ -ECONNRESET, 0, { "", 0 } },     { -ETIMEDOUT, 0, { "", 0 } },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		say_password("x");
		answer(TABLED, 0, TABLE_AUTH_REPLY, RIGHT);
		answer(SESSION, answers[i].status, answers[i].type, answers[i].payload);
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
		/* The socket is shut for a worker that took it too late, too. */
		ck_assert_int_lt(send(links[SESSION].fd, "+OK\r\n", 5, MSG_NOSIGNAL), 0);
		close(links[SESSION].fd);
		ck_assert(is_closed());
		close(client);
		connect_client();
		received();
	}
	links[SESSION].down = true;
	say_password("x");
	answer(TABLED, 0, TABLE_AUTH_REPLY, RIGHT);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	ck_assert(is_closed());
}
END_TEST

START_TEST(no_answer_of_tabled_is_a_temporary_failure_after_which_the_client_may_try_again)
{
	links[TABLED].down = true;
	say_password("x");
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	links[TABLED].down = false;
	say_password("x");
	answer(TABLED, -ECONNRESET, 0, SLICE(""));
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	say_password("x");
	answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\2"));
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	say_password("x");
	ck_assert_int_lt(answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\0\1\0\0\0x")), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	say_password("x");
	ck_assert_ptr_nonnull(links[TABLED].reply);
}
END_TEST

START_TEST(the_third_wrong_password_closes_the_connection)
{
	for (int attempt = 1; attempt <= LOGIN_FAILURES_MAX; attempt++) {
		say_password("x");
		ck_assert_int_eq(answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\1")), 0);
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [AUTH] "));
		ck_assert_int_eq(is_closed(), attempt == LOGIN_FAILURES_MAX);
	}
}
END_TEST

/* The fields of a question after service and client address. */
static struct wire_reader
login_question(uint16_t type)
{
	struct wire_reader reader = question(TABLED, type);

	ck_assert_slice(wire_get_slice(&reader), "pop3");
	ck_assert_slice(wire_get_slice(&reader), "192.0.2.1");
	return reader;
}

START_TEST(a_client_logs_in_by_plain_with_and_without_an_initial_response)
{
	static const char *const ways[] = { "AUTH PLAIN AHUAcA==\r\n", "AUTH plain\r\nAHUAcA==\r\n" };

	for (size_t i = 0; i < 2; i++) {
		struct wire_reader reader;

		say(ways[i]);
		reader = login_question(TABLE_AUTH);
		ck_assert_slice(wire_get_slice(&reader), "u");
		ck_assert_slice(wire_get_slice(&reader), "p");
		ck_assert_str_eq(received(), i == 0 ? "" : "+ \r\n");
		answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\1"));
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [AUTH] "));
	}
	say("AUTH PLAIN AHUAcA==\r\nSTAT\r\n");
	answer(TABLED, 0, TABLE_AUTH_REPLY, RIGHT);
	ck_assert_slice(slice_first(slice_from(slice_of(links[SESSION].out.data, buffer_length(&links[SESSION].out)), 16), 16), "0123456789abcdef");
	answer(SESSION, 0, HANDOFF_REPLY, SLICE("\0"));
}
END_TEST

START_TEST(a_client_logs_in_by_login_and_by_scram)
{
	struct wire_reader reader;

	expect("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
	expect("dQ==\r\n", "+ UGFzc3dvcmQ6\r\n");
	say("cA==\r\n");
	reader = login_question(TABLE_AUTH);
	ck_assert_slice(wire_get_slice(&reader), "u");
	ck_assert_slice(wire_get_slice(&reader), "p");
	answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\1"));
	received();
	say("AUTH SCRAM-SHA-256 biws\r\n");
	reader = login_question(TABLE_SCRAM_BEGIN);
	ck_assert_uint_eq(wire_get_u8(&reader), 0);
	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_slice(wire_get_slice(&reader), "n,,");
	answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\0\7\0\0\0\0\0\0\0\3\0\0\0foo"));
	ck_assert_str_eq(received(), "+ Zm9v\r\n");
	say("YmFy\r\n");
	reader = question(TABLED, TABLE_SCRAM_FINISH);
	ck_assert_uint_eq(wire_get_u64(&reader), 7);
	ck_assert_slice(wire_get_slice(&reader), "bar");
	answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\0\20\0\0\0" "0123456789abcdef" "\3\0\0\0" "u@e" "\3\0\0\0" "v=x"));
	ck_assert_str_eq(received(), "+ dj14\r\n");
	say("\r\n");
	question(SESSION, HANDOFF_TAKE);
	answer(SESSION, 0, HANDOFF_REPLY, SLICE("\0"));
}
END_TEST

START_TEST(what_is_wrong_in_a_sasl_exchange_ends_it_and_nothing_else)
{
	static char line[6000];

	expect("AUTH\r\n", "-ERR AUTH needs the name of a mechanism; CAPA lists them\r\n");
	expect("AUTH CRAM-MD5\r\n", "-ERR there is no such mechanism; CAPA lists them\r\n");
	expect("AUTH SCRAM-SHA-256-PLUS\r\n", "-ERR there is no such mechanism; CAPA lists them\r\n");
	expect("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR cancelled\r\n");
	expect("AUTH PLAIN\r\n*a\r\n", "+ \r\n-ERR that is malformed\r\n");
	expect("AUTH PLAIN =\r\n", "-ERR that is malformed\r\n");
	expect("AUTH PLAIN\r\n", "+ \r\n");
	memset(line, 'A', sizeof(line) - 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	expect(line, "-ERR that is malformed\r\n");
	expect("NOOP\r\n", "-ERR log in first\r\n");
	say("AUTH SCRAM-SHA-256 biws\r\n");
	answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\3"));
	ck_assert_str_eq(received(), "-ERR that is malformed\r\n");
	say("AUTH SCRAM-SHA-256 biws\r\n");
	ck_assert_int_lt(answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\0\7")), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
}
END_TEST

START_TEST(a_password_is_not_taken_in_the_clear_from_elsewhere)
{
	const char *capabilities;

	config.auth_without_tls = CONFIG_NO;
	expect("USER u\r\n", "-ERR a password is taken over TLS only; STLS comes first\r\n");
	expect("PASS p\r\n", "-ERR USER comes first\r\n");
	expect("AUTH PLAIN AHUAcA==\r\n", "-ERR a password is taken over TLS only; STLS comes first\r\n");
	say("CAPA\r\n");
	capabilities = received();
	ck_assert_ptr_nonnull(strstr(capabilities, "\r\nSASL SCRAM-SHA-256\r\n"));
	ck_assert_ptr_null(strstr(capabilities, "\r\nUSER\r\n"));
	ck_assert_ptr_null(links[TABLED].reply);
}
END_TEST

START_TEST(a_client_that_leaves_while_its_password_is_checked_is_forgotten)
{
	config.pop3_login_timeout = 1;
	connect_client();
	received();
	say_password("x");
	ck_assert_ptr_nonnull(links[TABLED].reply);
	event_base_loop(base, EVLOOP_ONCE); /* the deadline */
	ck_assert_str_eq(received(), "-ERR you took too long to log in\r\n");
	ck_assert(is_closed());
	ck_assert_ptr_null(links[TABLED].reply);
}
END_TEST

START_TEST(commands_before_login_are_user_pass_capa_utf8_and_quit)
{
	expect("NOOP\r\n", "-ERR log in first\r\n");
	expect("PASS x\r\n", "-ERR USER comes first\r\n");
	expect("USER\r\n", "-ERR USER needs a name\r\n");
	expect("USER a\r\nPASS\r\n", "+OK now the password\r\n-ERR PASS needs a password\r\n");
	expect("FROB\r\n", "-ERR unknown command\r\n");
	expect("UTF8 x\r\n", "-ERR UTF8 takes no argument\r\n");
	say("CAPA\r\n");
	ck_assert_ptr_nonnull(strstr(received(), "\r\nUTF8 USER\r\n"));
	expect("quit\r\n", "+OK bye\r\n");
	ck_assert(is_closed());
}
END_TEST

START_TEST(too_many_mistakes_close_the_connection)
{
	for (int i = 1; i < LOGIN_ERRORS_MAX; i++)
		expect("FROB\r\n", "-ERR unknown command\r\n");
	say("FROB\r\nNOOP\r\n");
	ck_assert_str_eq(received(), "-ERR unknown command\r\n-ERR too many mistakes; bye\r\n");
	ck_assert(is_closed());
}
END_TEST

START_TEST(one_connection_too_many_is_told_so_and_closed)
{
	connect_client();
	received();
	connect_client();
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] too many connections"));
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_client_that_reads_no_replies_is_not_listened_to_until_it_does)
{
	static const char command[] = "CAPA\r\n";
	const size_t limit = 16 * 1024 * 1024;
	size_t sent = 0;
	unsigned stuck = 0;
	ssize_t length;

	for (; stuck < 3 && sent < limit; stuck = length < 0 ? stuck + 1 : 0) {
		length = send(client, command, sizeof(command) - 1, 0);
		sent += length < 0 ? 0 : (size_t)length;
		turn();
	}
	ck_assert_uint_lt(sent, limit);
	while (received()[0] != '\0')
		;
	expect("USER\r\n", "-ERR USER needs a name\r\n");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		tabled_is_asked_with_the_clients_address_login_and_password,
		a_right_password_hands_the_socket_the_ticket_and_what_was_sent_ahead_to_a_session_worker,
		a_client_whom_no_session_worker_takes_is_told_so_and_closed,
		no_answer_of_tabled_is_a_temporary_failure_after_which_the_client_may_try_again,
		the_third_wrong_password_closes_the_connection,
		a_client_logs_in_by_plain_with_and_without_an_initial_response,
		a_client_logs_in_by_login_and_by_scram,
		what_is_wrong_in_a_sasl_exchange_ends_it_and_nothing_else,
		a_password_is_not_taken_in_the_clear_from_elsewhere,
		a_client_that_leaves_while_its_password_is_checked_is_forgotten,
		commands_before_login_are_user_pass_capa_utf8_and_quit,
		too_many_mistakes_close_the_connection,
		one_connection_too_many_is_told_so_and_closed,
		a_client_that_reads_no_replies_is_not_listened_to_until_it_does,
	};
	Suite *suite = suite_create("pop3_login");
	TCase *all = tcase_create("pop3_login");
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
