/*
 * TLS connections of a client: what a server can do to it.
 */
#include "t/unit/tls_client_world.h"

/* ---- what a server does ---- */

START_TEST(what_came_in_the_clear_behind_the_reply_is_thrown_away)
{
	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	connect_client();
	server_says_plain("250 a\n220\n250 evil\n250 more");
	ck_assert(shake());
	server_says("250 good\n");
	ck_assert_str_eq(client.lines, "250 a|220|250 good|");
	connect_client();
	server_says_plain("22");
	server_says_plain("0\n250 evil\n250 mo");
	ck_assert(shake());
	server_says("250 good\n");
	ck_assert_str_eq(client.lines, "220|250 good|");
}
END_TEST

START_TEST(what_was_kept_for_later_is_thrown_away_too)
{
	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	connect_client();
	server_says_plain("wait\n250 evil\n250 mo");
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	conn_resume(client.conn);
	ck_assert(shake());
	server_says("250 good\n");
	ck_assert_str_eq(client.lines, "wait|250 good|");
}
END_TEST

START_TEST(what_comes_in_the_clear_later_ends_the_connection)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	connect_client();
	server_says_plain("220\n");
	server_says_plain("250 evil, and long enough for the header of a record\n");
	failed_with("wrong version number");
	ck_assert_str_eq(client.lines, "220|");
}
END_TEST

START_TEST(a_server_that_closes_in_the_handshake_is_an_error)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	connect_client();
	server_says_plain("220\n");
	close(server_fd);
	server_fd = -1;
	turn();
	ck_assert(client.ended && !client.secured);
	ck_assert_int_eq(client.end, CONN_ERROR);
	ck_assert_ptr_nonnull(client.failure);
}
END_TEST

START_TEST(nothing_is_said_to_a_server_that_is_not_the_right_one)
{
	const char secret[] = "AUTH PLAIN secret\r\n";
	char heard[8192];
	ssize_t got;

	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	want(TLS_CLIENT_AUTHORITY, SLICE("wrong.example"), NO_NAME);
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	ck_assert_int_eq(conn_printf(client.conn, "%s", secret), 0);
	turn();
	got = recv(server_fd, heard, sizeof(heard), MSG_PEEK | MSG_DONTWAIT);
	ck_assert_int_gt(got, 0);
	ck_assert_ptr_null(memmem(heard, (size_t)got, "secret", 6));
	ck_assert(!shake());
	failed_with("hostname mismatch");
}
END_TEST

START_TEST(a_greeting_that_comes_with_the_end_of_the_handshake_is_heard)
{
	/* Under TLS 1.2 the server's last message can come in one piece with what it says first. */
	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	server = SSL_new(server_context);
	SSL_set_fd(server, server_fd);
	SSL_set_accept_state(server);
	do
		turn();
	while (SSL_do_handshake(server) != 1);
	ck_assert(!client.secured);
	server_says("220 hello\n");
	ck_assert(client.secured);
	ck_assert_str_eq(client.lines, "220 hello|");
}
END_TEST

START_TEST(a_deadline_holds_for_the_handshake_too)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	connect_client();
	conn_set_deadline(client.conn, 20);
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	while (!client.ended)
		event_base_loop(client.base, EVLOOP_ONCE);
	ck_assert_int_eq(client.end, CONN_TIMEOUT);
}
END_TEST

START_TEST(tls_begins_once)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EALREADY);
	/* The context may go before the connection. */
	tls_client_context_free(&client.context);
	server_says("250 good\n");
	ck_assert_str_eq(client.lines, "250 good|");
}
END_TEST

START_TEST(client_and_server_are_bound_to_the_same_channel)
{
	unsigned char exporter[TLS_EXPORTER_SIZE];
	unsigned char digest[TLS_END_POINT_MAX];
	struct tls_binding binding;
	unsigned length;

	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert(conn_tls_binding(client.conn, &binding));
	ck_assert_int_eq(SSL_export_keying_material(server, exporter, sizeof(exporter), "EXPORTER-Channel-Binding", 24,
	                                            (const unsigned char *)"", 0, 1), 1);
	ck_assert_uint_eq(binding.exporter_length, sizeof(exporter));
	ck_assert_mem_eq(binding.exporter, exporter, sizeof(exporter));
	ck_assert_int_eq(X509_digest(leaf.certificate, EVP_sha256(), digest, &length), 1);
	ck_assert_uint_eq(binding.end_point_length, length);
	ck_assert_mem_eq(binding.end_point, digest, length);
}
END_TEST

UNIT_MAIN_WITH("tls client server", setup, teardown, what_came_in_the_clear_behind_the_reply_is_thrown_away,
               what_was_kept_for_later_is_thrown_away_too, what_comes_in_the_clear_later_ends_the_connection,
               a_server_that_closes_in_the_handshake_is_an_error, nothing_is_said_to_a_server_that_is_not_the_right_one,
               a_greeting_that_comes_with_the_end_of_the_handshake_is_heard, a_deadline_holds_for_the_handshake_too,
               tls_begins_once, client_and_server_are_bound_to_the_same_channel)
