/*
 * The login role of pop3d: USER and PASS, the way to a session worker, and what a client may do before it is logged in.
 */
#include "t/unit/pop3_login_fixture.h"

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

UNIT_MAIN_WITH("pop3_login", setup, teardown,
	tabled_is_asked_with_the_clients_address_login_and_password,
	a_right_password_hands_the_socket_the_ticket_and_what_was_sent_ahead_to_a_session_worker,
	a_client_whom_no_session_worker_takes_is_told_so_and_closed,
	no_answer_of_tabled_is_a_temporary_failure_after_which_the_client_may_try_again,
	the_third_wrong_password_closes_the_connection,
	a_password_is_not_taken_in_the_clear_from_elsewhere,
	a_client_that_leaves_while_its_password_is_checked_is_forgotten,
	commands_before_login_are_user_pass_capa_utf8_and_quit,
	too_many_mistakes_close_the_connection,
	one_connection_too_many_is_told_so_and_closed,
	a_client_that_reads_no_replies_is_not_listened_to_until_it_does)
