/*
 * TLS connections: keys that are elsewhere, what came in the clear, names, tickets, and ends.
 */
#include <event2/event.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/conn.h"
#include "common/io/tls_certificate.h"
#include "common/io/tls_key.h"
#include "common/io/tls_ticket.h"
#include "t/unit/tls_peer.h"
#include "t/unit/unit.h"

enum { DAY = 86400, BIG = 3 * 1024 * 1024 };

/* The server: echoes lines, except "tls", which begins TLS. */
static struct server {
	struct event_base *base;
	struct tls_context *context;
	struct conn *conn;
	char lines[4096];
	size_t taken;
	bool swallow; /* counts, and does not echo */
	bool ended, secured;
	enum conn_end end;
	const char *failure;
	struct tls_info info;
} server;

static struct tls_pair pairs[4];
static size_t pair_count;
static int client_fd;
static SSL_CTX *client_context;
static SSL *client;

static size_t
on_input(void *context, struct conn *conn, struct slice input)
{
	size_t end = slice_find(input, '\n');

	(void)context;
	server.taken += input.length;
	if (server.swallow)
		return input.length;
	server.taken -= input.length;
	if (end == input.length)
		return 0;
	strncat(server.lines, input.data, end);
	strlcat(server.lines, "|", sizeof(server.lines));
	if (slice_equal(slice_first(input, end), SLICE("tls"))) {
		ck_assert_int_eq(conn_printf(conn, "go\n"), 0);
		ck_assert_int_eq(conn_start_tls(conn, server.context), 0);
	} else if (slice_equal(slice_first(input, end), SLICE("bye"))) {
		conn_printf(conn, "bye\n");
		conn_close_after_flush(&server.conn);
	} else {
		conn_write(conn, input.data, end + 1);
	}
	return end + 1;
}

static void
on_ended(void *context, struct conn *conn, enum conn_end end)
{
	(void)context;
	server.ended = true;
	server.end = end;
	server.failure = conn_tls_failure(conn);
	conn_close(&server.conn);
}

static void
on_secured(void *context, struct conn *conn)
{
	(void)context;
	server.secured = true;
	ck_assert(conn_tls_info(conn, &server.info));
}

static const struct conn_protocol protocol = {
	.input = on_input, .ended = on_ended, .secured = on_secured, .input_limit = 65536
};

static void
add_pair(const char *type, const char *names)
{
	tls_pair_make(&pairs[pair_count++], type, names, 0, DAY);
	tls_peer_sign_with(pairs, pair_count);
}

static void
make_context(bool version_1_3)
{
	struct slice chains[4];
	const char *reason;
	size_t at;

	for (size_t i = 0; i < pair_count; i++)
		chains[i] = slice_from_string(pairs[i].chain);
	tls_context_free(&server.context);
	ck_assert_int_eq(tls_context_new(chains, pair_count, version_1_3, &server.context, &at, &reason), 0);
}

static void
new_ticket_keys(size_t count)
{
	char keys[TLS_TICKET_KEY_SIZE * TLS_TICKET_KEYS];

	RAND_bytes((unsigned char *)keys, sizeof(keys));
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(keys, count * TLS_TICKET_KEY_SIZE)), 0);
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(tls_prepare(), 0);
	new_ticket_keys(1);
	server.base = event_base_new();
	client_context = SSL_CTX_new(TLS_client_method());
	client_fd = -1;
}

static void
connect_client(void)
{
	int ends[2];

	if (client != NULL)
		SSL_shutdown(client); /* a session that was cut off is not resumed */
	SSL_free(client);
	if (client_fd >= 0)
		close(client_fd);
	conn_close(&server.conn);
	server.ended = server.secured = false;
	server.lines[0] = '\0';
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	client_fd = ends[1];
	server.conn = conn_new(server.base, ends[0], &protocol, NULL);
	client = SSL_new(client_context);
	SSL_set_fd(client, client_fd);
	SSL_set_connect_state(client);
}

static void
teardown(void)
{
	conn_close(&server.conn);
	SSL_free(client);
	SSL_CTX_free(client_context);
	if (client_fd >= 0)
		close(client_fd);
	tls_context_free(&server.context);
	for (size_t i = 0; i < pair_count; i++)
		tls_pair_free(&pairs[i]);
	event_base_free(server.base);
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++)
		event_base_loop(server.base, EVLOOP_NONBLOCK);
}

/* True when the client's handshake is done. */
static bool
shake(void)
{
	for (int i = 0; i < 20; i++) {
		if (SSL_do_handshake(client) == 1) {
			turn();
			return server.secured;
		}
		turn();
	}
	return false;
}

static bool
shake_at_once(void)
{
	connect_client();
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	return shake();
}

static const char *
receive(void)
{
	static char text[4096];
	size_t total = 0;

	for (int i = 0; i < 20; i++) {
		int got = SSL_read(client, text + total, (int)(sizeof(text) - 1 - total));

		if (got > 0)
			total += (size_t)got;
		turn();
	}
	text[total] = '\0';
	return text;
}

static const char *
receive_plain(void)
{
	static char text[256];
	ssize_t got = recv(client_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static void
say(const char *text)
{
	ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
	turn();
}

/* What the client saw of the server's certificate. */
static bool
server_is(const char *name)
{
	X509 *certificate = SSL_get1_peer_certificate(client);
	bool same = X509_check_host(certificate, name, 0, 0, NULL) == 1;

	X509_free(certificate);
	return same;
}

static bool
server_key_is(const char *type)
{
	X509 *certificate = SSL_get1_peer_certificate(client);
	bool same = EVP_PKEY_is_a(X509_get0_pubkey(certificate), type);

	X509_free(certificate);
	return same;
}

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

START_TEST(the_server_name_chooses_the_certificate)
{
	static const char *const names[][2] = {
		{ "one.example", "one.example" },      { "ONE.example", "one.example" },
		{ "a.two.example", "*.two.example" },  { "a.b.two.example", "one.example" },
		{ "nobody.example", "one.example" },   { "", "one.example" },
	};

	add_pair("EC", "DNS:one.example");
	add_pair("EC", "DNS:*.two.example");
	make_context(false);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		connect_client();
		ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
		if (names[i][0][0] != '\0')
			SSL_set_tlsext_host_name(client, names[i][0]);
		ck_assert(shake());
		ck_assert_msg(server_is(names[i][1]), "%s", names[i][0]);
	}
}
END_TEST

START_TEST(ecdsa_and_rsa_are_used_together)
{
	add_pair("EC", "DNS:one.example");
	add_pair("EC", "DNS:two.example");
	add_pair("RSA", "DNS:two.example,DNS:one.example");
	make_context(false);
	for (int i = 0; i < 4; i++) {
		bool ecdsa = i % 2 == 0;
		const char *name = i < 2 ? "one.example" : "two.example";

		SSL_CTX_set1_sigalgs_list(client_context, ecdsa ? "ECDSA+SHA256:RSA-PSS+SHA256" : "RSA-PSS+SHA256");
		connect_client();
		ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
		SSL_set_tlsext_host_name(client, name);
		ck_assert(shake());
		ck_assert(server_is(name));
		ck_assert(server_key_is(ecdsa ? "EC" : "RSA"));
	}
}
END_TEST

/* A session that can be resumed. */
static SSL_SESSION *
first_session(void)
{
	ck_assert(shake_at_once());
	say("x\n");
	receive();
	ck_assert(SSL_SESSION_is_resumable(SSL_get0_session(client)));
	return SSL_get1_session(client);
}

static bool
resumes(SSL_SESSION *session)
{
	connect_client();
	SSL_set_session(client, session);
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	ck_assert(shake());
	ck_assert_int_eq(server.info.resumed, SSL_session_reused(client));
	return server.info.resumed;
}

static void
set_version(int version)
{
	SSL_CTX_set_min_proto_version(client_context, version);
	SSL_CTX_set_max_proto_version(client_context, version);
}

START_TEST(a_session_resumes_in_another_worker_with_the_same_ticket_keys)
{
	SSL_SESSION *session;

	set_version(_i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	session = first_session();
	make_context(false); /* has nothing of the first one's but the keys */
	ck_assert(resumes(session));
	SSL_SESSION_free(session);
}
END_TEST

/* Server and client would bind a login to the same certificate. */
static void
assert_same_end_point(void)
{
	struct tls_binding binding;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length;

	ck_assert_int_eq(X509_digest(SSL_get0_peer_certificate(client), EVP_sha256(), digest, &length), 1);
	ck_assert(conn_tls_binding(server.conn, &binding));
	ck_assert_uint_eq(binding.end_point_length, length);
	ck_assert_mem_eq(binding.end_point, digest, length);
}

START_TEST(the_end_point_of_a_resumed_session_is_the_certificate_that_it_began_with)
{
	SSL_SESSION *session;

	set_version(_i / 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set1_sigalgs_list(client_context, _i % 2 == 0 ? "ECDSA+SHA256:RSA-PSS+SHA256" : "RSA-PSS+SHA256");
	add_pair("EC", "DNS:mail.example");
	add_pair("RSA", "DNS:mail.example");
	make_context(false);
	session = first_session();
	ck_assert(server_key_is(_i % 2 == 0 ? "EC" : "RSA"));
	assert_same_end_point();
	for (int again = 0; again < 3; again++) {
		if (again == 1) { /* a reload has brought other certificates */
			tls_pair_free(&pairs[0]);
			tls_pair_free(&pairs[1]);
			pair_count = 0;
			add_pair("EC", "DNS:mail.example");
			add_pair("RSA", "DNS:mail.example");
			make_context(false);
		}
		ck_assert(resumes(session));
		assert_same_end_point();
		say("x\n");
		receive();
		SSL_SESSION_free(session);
		session = SSL_get1_session(client); /* TLS 1.3: by the ticket that came with this one */
	}
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(tickets_live_as_long_as_their_key)
{
	char keys[3][TLS_TICKET_KEY_SIZE];
	char both[2 * TLS_TICKET_KEY_SIZE];
	SSL_SESSION *session;

	set_version(_i == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
	RAND_bytes((unsigned char *)keys, sizeof(keys));
	add_pair("EC", "DNS:mail.example");
	make_context(false);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(keys[0], TLS_TICKET_KEY_SIZE)), 0);
	session = first_session();
	memcpy(both, keys[1], TLS_TICKET_KEY_SIZE);
	memcpy(both + TLS_TICKET_KEY_SIZE, keys[0], TLS_TICKET_KEY_SIZE);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(both, sizeof(both))), 0);
	ck_assert(resumes(session));
	memcpy(both, keys[2], TLS_TICKET_KEY_SIZE);
	memcpy(both + TLS_TICKET_KEY_SIZE, keys[1], TLS_TICKET_KEY_SIZE);
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(both, sizeof(both))), 0);
	ck_assert(!resumes(session));
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(ticket_keys_of_a_wrong_size_are_refused)
{
	char keys[TLS_TICKET_KEY_SIZE * 3] = { 0 };

	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, 0)), 0);
	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, TLS_TICKET_KEY_SIZE - 1)), 0);
	ck_assert_int_ne(tls_ticket_set_keys(slice_of(keys, sizeof(keys))), 0);
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

START_TEST(a_pair_that_is_not_one_is_refused_with_a_reason)
{
	struct tls_certificate certificate;
	const char *reason = NULL;

	add_pair("EC", "DNS:mail.example");
	add_pair("EC", "DNS:mail.example");
	ck_assert_int_ne(tls_certificate_parse(SLICE("nonsense"), &certificate, &reason), 0);
	ck_assert_ptr_nonnull(strstr(reason, "no certificate"));
	ck_assert_int_ne(tls_certificate_parse(SLICE(""), &certificate, &reason), 0);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert_int_eq(tls_certificate_check_key(&certificate, slice_from_string(pairs[0].private_key), &reason), 0);
	ck_assert_int_ne(tls_certificate_check_key(&certificate, slice_from_string(pairs[1].private_key), &reason), 0);
	ck_assert_ptr_nonnull(strstr(reason, "does not belong"));
	ck_assert_int_ne(tls_certificate_check_key(&certificate, slice_from_string(pairs[0].chain), &reason), 0);
	ck_assert(!tls_certificate_expired(&certificate));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(an_expired_certificate_is_known_as_such)
{
	struct tls_certificate certificate;
	const char *reason;

	tls_pair_make(&pairs[pair_count++], "EC", "DNS:mail.example", -2 * DAY, -DAY);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert(tls_certificate_expired(&certificate));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(the_common_name_counts_only_without_other_names)
{
	struct tls_certificate certificate;
	const char *reason;

	add_pair("EC", NULL);
	add_pair("EC", "DNS:mail.example");
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[0].chain), &certificate, &reason), 0);
	ck_assert(tls_certificate_is_for(&certificate, SLICE("common.example")));
	tls_certificate_free(&certificate);
	ck_assert_int_eq(tls_certificate_parse(slice_from_string(pairs[1].chain), &certificate, &reason), 0);
	ck_assert(!tls_certificate_is_for(&certificate, SLICE("common.example")));
	ck_assert(tls_certificate_is_for(&certificate, SLICE("MAIL.example")));
	tls_certificate_free(&certificate);
}
END_TEST

START_TEST(a_key_signs_only_what_fits_it)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	char digest[64] = { 0 };
	size_t length;

	add_pair("EC", "DNS:mail.example");
	add_pair("RSA", "DNS:mail.example");
	ck_assert_int_eq(tls_key_sign(pairs[0].key, TLS_SIGN_ECDSA, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_eq(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PSS, slice_of(digest, 48), signature, &length), 0);
	ck_assert_int_eq(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PKCS1, slice_of(digest, 64), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[0].key, TLS_SIGN_RSA_PSS, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, TLS_SIGN_ECDSA, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, TLS_SIGN_RSA_PKCS1, slice_of(digest, 20), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, (enum tls_signature)7, slice_of(digest, 32), signature, &length), 0);
	ck_assert_int_ne(tls_key_sign(pairs[1].key, (enum tls_signature)0, slice_of(digest, 32), signature, &length), 0);
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
	tcase_add_test(tls, the_server_name_chooses_the_certificate);
	tcase_add_test(tls, ecdsa_and_rsa_are_used_together);
	tcase_add_loop_test(tls, a_session_resumes_in_another_worker_with_the_same_ticket_keys, 0, 2);
	tcase_add_loop_test(tls, the_end_point_of_a_resumed_session_is_the_certificate_that_it_began_with, 0, 4);
	tcase_add_loop_test(tls, tickets_live_as_long_as_their_key, 0, 2);
	tcase_add_test(tls, ticket_keys_of_a_wrong_size_are_refused);
	tcase_add_loop_test(tls, old_versions_are_refused, 0, 4);
	tcase_add_test(tls, rsa_key_exchange_is_off);
	tcase_add_loop_test(tls, large_output_and_input_pass_whole, 0, 2);
	tcase_add_test(tls, a_signer_that_refuses_ends_the_handshake_and_nothing_else);
	tcase_add_test(tls, the_end_is_said_with_close_notify);
	tcase_add_loop_test(tls, an_end_of_the_client_is_an_end_with_and_without_close_notify, 0, 2);
	tcase_add_test(tls, the_last_words_before_the_end_are_heard);
	tcase_add_test(tls, a_paused_connection_goes_on_with_what_was_read_already);
	tcase_add_test(tls, a_pair_that_is_not_one_is_refused_with_a_reason);
	tcase_add_test(tls, an_expired_certificate_is_known_as_such);
	tcase_add_test(tls, the_common_name_counts_only_without_other_names);
	tcase_add_test(tls, a_key_signs_only_what_fits_it);
	suite_add_tcase(suite, tls);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
