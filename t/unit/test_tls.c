/*
 * TLS connections: keys that are elsewhere, what came in the clear, versions, and ends.
 */
#include "t/unit/tls_world.h"

START_TEST(a_handshake_is_done_with_a_key_that_is_elsewhere)
{
	static const struct {
		const char *type;
		int version;
		const char *signatures;
	} cases[] = {
		{ "EC", TLS1_3_VERSION, "ECDSA+SHA256" },   { "EC", TLS1_2_VERSION, "ECDSA+SHA256" },
		{ "EC", TLS1_2_VERSION, "ECDSA+SHA512" },   { "RSA", TLS1_3_VERSION, "RSA-PSS+SHA256" },
		{ "RSA", TLS1_3_VERSION, "RSA-PSS+SHA384" }, { "RSA", TLS1_2_VERSION, "RSA-PSS+SHA512" },
		{ "RSA", TLS1_2_VERSION, "RSA+SHA256" },
	};

	add_pair(cases[_i].type, "DNS:mail.example");
	make_context(false);
	SSL_CTX_set_min_proto_version(client_context, cases[_i].version);
	SSL_CTX_set_max_proto_version(client_context, cases[_i].version);
	ck_assert_int_eq(SSL_CTX_set1_sigalgs_list(client_context, cases[_i].signatures), 1);
	ck_assert(shake_at_once());
	say("hello\n");
	ck_assert_str_eq(receive(), "hello\n");
	ck_assert_str_eq(server.info.version, cases[_i].version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
	ck_assert_int_ge(server.info.bits, 128);
	ck_assert(strncmp(server.info.cipher, "TLS_", 4) == 0);
	ck_assert_str_eq(server.info.group, "x25519");
	ck_assert(!server.info.resumed);
}
END_TEST

START_TEST(what_came_in_the_clear_after_the_command_is_thrown_away)
{
	const char *injected = "one\ntls\nevil\nevil again\n";

	add_pair("EC", "DNS:mail.example");
	make_context(false);
	connect_client();
	ck_assert_int_eq(send(client_fd, injected, strlen(injected), 0), (ssize_t)strlen(injected));
	turn();
	ck_assert_str_eq(receive_plain(), "one\ngo\n");
	ck_assert(shake());
	say("good\n");
	ck_assert_str_eq(receive(), "good\n");
	ck_assert_str_eq(server.lines, "one|tls|good|");
}
END_TEST

START_TEST(what_was_kept_of_earlier_reads_is_thrown_away_too)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	connect_client();
	ck_assert_int_eq(send(client_fd, "tl", 2, 0), 2);
	turn();
	ck_assert_int_eq(send(client_fd, "s\nevil\nev", 8, 0), 8);
	turn();
	ck_assert_str_eq(receive_plain(), "go\n");
	ck_assert(shake());
	say("good\n");
	ck_assert_str_eq(server.lines, "tls|good|");
}
END_TEST

START_TEST(plaintext_instead_of_a_handshake_ends_the_connection)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	connect_client();
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	ck_assert_int_eq(send(client_fd, "EHLO x\r\n", 8, 0), 8);
	turn();
	ck_assert(server.ended);
	ck_assert_int_eq(server.end, CONN_ERROR);
	ck_assert_ptr_nonnull(server.failure);
}
END_TEST

START_TEST(a_greeting_waits_for_the_handshake)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	connect_client();
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	conn_printf(server.conn, "welcome\n");
	turn();
	ck_assert_str_eq(receive_plain(), "");
	ck_assert(shake());
	ck_assert_str_eq(receive(), "welcome\n");
}
END_TEST

START_TEST(a_connection_that_ends_before_the_handshake_says_nothing_in_the_clear)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	connect_client();
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	conn_printf(server.conn, "secret\n");
	conn_close_after_flush(&server.conn);
	turn();
	ck_assert_int_eq(recv(client_fd, &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	close(client_fd);
	client_fd = -1;
	turn();
}
END_TEST

START_TEST(old_versions_are_refused)
{
	static const struct {
		int version;
		bool only_1_3, accepted;
	} cases[] = {
		{ TLS1_1_VERSION, false, false }, { TLS1_2_VERSION, false, true },
		{ TLS1_2_VERSION, true, false },  { TLS1_3_VERSION, true, true },
	};

	add_pair("EC", "DNS:mail.example");
	make_context(cases[_i].only_1_3);
	SSL_CTX_set_security_level(client_context, 0);
	set_version(cases[_i].version);
	ck_assert_int_eq(shake_at_once(), cases[_i].accepted);
	ck_assert_int_eq(server.ended, !cases[_i].accepted);
}
END_TEST

START_TEST(rsa_key_exchange_is_off)
{
	add_pair("RSA", "DNS:mail.example");
	make_context(false);
	set_version(TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(client_context, "AES128-GCM-SHA256:AES256-SHA"), 1);
	ck_assert(!shake_at_once());
}
END_TEST

START_TEST(large_output_and_input_pass_whole)
{
	static char block[BIG];
	static char got[BIG];
	size_t sent = 0, received = 0;

	add_pair("EC", "DNS:mail.example");
	make_context(false);
	set_version(_i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	ck_assert(shake_at_once());
	RAND_bytes((unsigned char *)block, sizeof(block));
	ck_assert_int_eq(conn_write(server.conn, block, sizeof(block)), 0);
	for (int i = 0; i < 100000 && received < sizeof(got); i++) {
		int count = SSL_read(client, got + received, 10000);

		if (count > 0)
			received += (size_t)count;
		else
			turn();
	}
	ck_assert_uint_eq(received, sizeof(got));
	ck_assert(memcmp(got, block, sizeof(got)) == 0);

	server.swallow = true;
	for (int i = 0; i < 100000 && sent < sizeof(block); i++) {
		int count = SSL_write(client, block + sent, (int)(sizeof(block) - sent > 16000 ? 16000 : sizeof(block) - sent));

		if (count > 0)
			sent += (size_t)count;
		else
			turn();
	}
	turn();
	for (int i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(server.taken, sizeof(block));
}
END_TEST

START_TEST(a_signer_that_refuses_ends_the_handshake_and_nothing_else)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	tls_peer_refuse = true;
	ck_assert(!tls_key_ready());
	ck_assert(!shake_at_once());
	ck_assert(server.ended);
	ck_assert_int_eq(server.end, CONN_ERROR);
	tls_peer_refuse = false;
	ck_assert(shake_at_once());
}
END_TEST

START_TEST(the_end_is_said_with_close_notify)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert(shake_at_once());
	say("bye\n");
	ck_assert_str_eq(receive(), "bye\n");
	ck_assert_int_eq(SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	close(client_fd);
	client_fd = -1;
	turn();
}
END_TEST

START_TEST(an_end_of_the_client_is_an_end_with_and_without_close_notify)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert(shake_at_once());
	if (_i == 0)
		SSL_shutdown(client);
	else
		shutdown(client_fd, SHUT_WR);
	turn();
	ck_assert(server.ended);
	ck_assert_int_eq(server.end, CONN_EOF);
}
END_TEST

START_TEST(the_last_words_before_the_end_are_heard)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert(shake_at_once());
	ck_assert_int_eq(SSL_write(client, "last\n", 5), 5);
	SSL_shutdown(client);
	close(client_fd);
	client_fd = -1;
	turn();
	ck_assert_str_eq(server.lines, "last|");
	ck_assert(server.ended);
}
END_TEST

START_TEST(a_paused_connection_goes_on_with_what_was_read_already)
{
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert(shake_at_once());
	conn_pause(server.conn);
	ck_assert_int_eq(SSL_write(client, "one\n", 4), 4);
	ck_assert_int_eq(SSL_write(client, "two\n", 4), 4);
	turn();
	ck_assert_str_eq(server.lines, "");
	conn_resume(server.conn);
	turn();
	ck_assert_str_eq(server.lines, "one|two|");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tls = tcase_create("tls");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tls, setup, teardown);
	tcase_set_timeout(tls, 60);
	tcase_add_loop_test(tls, a_handshake_is_done_with_a_key_that_is_elsewhere, 0, 7);
	tcase_add_test(tls, what_came_in_the_clear_after_the_command_is_thrown_away);
	tcase_add_test(tls, what_was_kept_of_earlier_reads_is_thrown_away_too);
	tcase_add_test(tls, plaintext_instead_of_a_handshake_ends_the_connection);
	tcase_add_test(tls, a_greeting_waits_for_the_handshake);
	tcase_add_test(tls, a_connection_that_ends_before_the_handshake_says_nothing_in_the_clear);
	tcase_add_loop_test(tls, old_versions_are_refused, 0, 4);
	tcase_add_test(tls, rsa_key_exchange_is_off);
	tcase_add_loop_test(tls, large_output_and_input_pass_whole, 0, 2);
	tcase_add_test(tls, a_signer_that_refuses_ends_the_handshake_and_nothing_else);
	tcase_add_test(tls, the_end_is_said_with_close_notify);
	tcase_add_loop_test(tls, an_end_of_the_client_is_an_end_with_and_without_close_notify, 0, 2);
	tcase_add_test(tls, the_last_words_before_the_end_are_heard);
	tcase_add_test(tls, a_paused_connection_goes_on_with_what_was_read_already);
	suite_add_tcase(suite, tls);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
