/*
 * TLS connections of a client: whom it takes for the server that it wanted, what it says when it does not, and what a server can do to it.
 */
#include <errno.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/conn.h"
#include "t/unit/tls_issue.h"
#include "t/unit/unit.h"

enum { DAY = 86400, RECORDS_MAX = 8 };

#define NO_NAME SLICE("")

/* The client: collects lines; "220" begins TLS, and "wait" pauses it. */
static struct client {
	struct event_base *base;
	struct tls_client_context *context;
	struct tls_client_settings settings;
	struct conn *conn;
	char lines[4096];
	bool secured, ended;
	enum conn_end end;
	const char *failure;
	struct tls_info info;
} client;

/* The server, OpenSSL as it comes, and its certificates. */
static struct issued root, middle, leaf, other;
static SSL_CTX *server_context;
static SSL *server;
static int server_fd = -1;
static char asked_name[256];

static struct tls_client_tlsa records[RECORDS_MAX];
static size_t record_count;

static size_t
on_input(void *context, struct conn *conn, struct slice input)
{
	size_t end = slice_find(input, '\n');

	(void)context;
	if (end == input.length)
		return 0;
	strncat(client.lines, input.data, end);
	strlcat(client.lines, "|", sizeof(client.lines));
	if (slice_equal(slice_first(input, end), SLICE("220")))
		ck_assert_int_eq(conn_start_tls_client(conn, client.context, &client.settings), 0);
	if (slice_equal(slice_first(input, end), SLICE("wait")))
		conn_pause(conn);
	return end + 1;
}

static void
on_ended(void *context, struct conn *conn, enum conn_end end)
{
	(void)context;
	client.ended = true;
	client.end = end;
	client.failure = conn_tls_failure(conn);
	conn_close(&client.conn);
}

static void
on_secured(void *context, struct conn *conn)
{
	(void)context;
	client.secured = true;
	ck_assert(conn_tls_info(conn, &client.info));
}

static const struct conn_protocol protocol = {
	.input = on_input, .ended = on_ended, .secured = on_secured, .input_limit = 65536
};

/* ---- the world ---- */

static void
issue(struct issued *issued, const char *names, const struct issued *issuer, long from, long to)
{
	struct issue wanted = { .subject = "common.example", .names = names, .issuer = issuer, .from = from, .to = to };

	tls_issued_free(issued);
	tls_issue(&wanted, issued);
}

static void
issue_authority(struct issued *issued, const char *subject, const struct issued *issuer)
{
	struct issue wanted = { .subject = subject, .issuer = issuer, .authority = true, .from = -DAY, .to = DAY };

	tls_issue(&wanted, issued);
}

/* The context of a client that trusts AUTHORITY, or nobody. */
static void
trust(const struct issued *authority)
{
	struct buffer text;
	const char *reason;

	buffer_init(&text, 1 << 20);
	if (authority != NULL)
		tls_issued_write(authority, &text);
	tls_client_context_free(&client.context);
	ck_assert_int_eq(tls_client_context_new(buffer_slice(&text), &client.context, &reason), 0);
	buffer_free(&text);
}

static int
on_name(SSL *ssl, int *alert, void *argument)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	(void)argument;
	ck_assert_int_eq(slice_to_string(slice_from_string(name), asked_name, sizeof(asked_name)), 0);
	return SSL_TLSEXT_ERR_OK;
}

/* The server shows LEAF, and MIDDLE and ROOT when they are not NULL. */
static void
show(const struct issued *shown, const struct issued *first, const struct issued *second)
{
	SSL_CTX_free(server_context);
	server_context = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(server_context, shown->certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_context, shown->key), 1);
	if (first != NULL)
		ck_assert_int_eq(SSL_CTX_add1_chain_cert(server_context, first->certificate), 1);
	if (second != NULL)
		ck_assert_int_eq(SSL_CTX_add1_chain_cert(server_context, second->certificate), 1);
	SSL_CTX_set_mode(server_context, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_tlsext_servername_callback(server_context, on_name);
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(tls_prepare(), 0);
	client.base = event_base_new();
	issue_authority(&root, "root", NULL);
	issue_authority(&middle, "middle", &root);
	issue_authority(&other, "other", NULL);
	issue(&leaf, "DNS:mail.example,DNS:*.wild.example", &middle, -DAY, DAY);
	trust(&root);
	show(&leaf, &middle, NULL);
}

static void
teardown(void)
{
	conn_close(&client.conn);
	tls_client_context_free(&client.context);
	event_base_free(client.base);
	SSL_free(server);
	SSL_CTX_free(server_context);
	if (server_fd >= 0)
		close(server_fd);
	for (size_t i = 0; i < record_count; i++)
		tls_record_free(&records[i]);
	tls_issued_free(&root);
	tls_issued_free(&middle);
	tls_issued_free(&leaf);
	tls_issued_free(&other);
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++)
		event_base_loop(client.base, EVLOOP_NONBLOCK);
}

/* A new connection, in the clear. */
static void
connect_client(void)
{
	int ends[2];

	conn_close(&client.conn);
	SSL_free(server);
	server = NULL;
	if (server_fd >= 0)
		close(server_fd);
	client.secured = client.ended = false;
	client.failure = NULL;
	client.lines[0] = '\0';
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	server_fd = ends[1];
	client.conn = conn_new(client.base, ends[0], &protocol, NULL);
	ck_assert_ptr_nonnull(client.conn);
}

/* True when the handshake is done on both sides. */
static bool
shake(void)
{
	bool done = false;

	server = SSL_new(server_context);
	SSL_set_fd(server, server_fd);
	SSL_set_accept_state(server);
	for (int i = 0; i < 20; i++) {
		turn();
		done = SSL_do_handshake(server) == 1;
	}
	turn();
	return done && client.secured;
}

static bool
shake_at_once(void)
{
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	return shake();
}

static void
want(enum tls_client_check check, struct slice name, struct slice second)
{
	client.settings = (struct tls_client_settings){ .check = check, .tlsa = records, .tlsa_count = record_count };
	if (name.length > 0)
		client.settings.names[client.settings.name_count++] = name;
	if (second.length > 0)
		client.settings.names[client.settings.name_count++] = second;
}

static bool
is_authority(const char *name)
{
	want(TLS_CLIENT_AUTHORITY, slice_from_string(name), NO_NAME);
	if (!shake_at_once())
		return false;
	ck_assert_int_eq(client.info.peer, TLS_PEER_AUTHORITY);
	return true;
}

static void
publish(const struct issued *issued, uint8_t usage, uint8_t selector, uint8_t matching)
{
	ck_assert_uint_lt(record_count, RECORDS_MAX);
	records[record_count++] = tls_record_make(issued, usage, selector, matching);
}

static void
publish_nothing(void)
{
	while (record_count > 0)
		tls_record_free(&records[--record_count]);
}

/* With the records that are published. */
static bool
is_dane(const char *name)
{
	want(TLS_CLIENT_DANE, slice_from_string(name), NO_NAME);
	if (!shake_at_once())
		return false;
	ck_assert_int_eq(client.info.peer, TLS_PEER_DANE);
	return true;
}

/* The handshake failed on the client's side, and for that reason. */
#define failed_with(reason)                                      \
	do {                                                     \
		ck_assert(client.ended && !client.secured);      \
		ck_assert_int_eq(client.end, CONN_ERROR);        \
		ck_assert_ptr_nonnull(client.failure);           \
		ck_assert_str_eq(client.failure, reason);        \
	} while (0)

static const char *
heard_by_server(void)
{
	static char text[4096];
	size_t total = 0;

	for (int i = 0; i < 10; i++) {
		int got;

		turn();
		got = SSL_read(server, text + total, (int)(sizeof(text) - 1 - total));
		if (got > 0)
			total += (size_t)got;
	}
	text[total] = '\0';
	return text;
}

static void
server_says(const char *text)
{
	ck_assert_int_eq(SSL_write(server, text, (int)strlen(text)), (int)strlen(text));
	turn();
}

static void
server_says_plain(const char *text)
{
	ck_assert_int_eq(send(server_fd, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

/* ---- without authentication ---- */

START_TEST(any_certificate_does_when_nobody_asks)
{
	issue(&leaf, "DNS:elsewhere.example", NULL, -2 * DAY, -DAY);
	show(&leaf, NULL, NULL);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_int_eq(client.info.peer, TLS_PEER_NONE);
	ck_assert_str_eq(client.info.version, "TLSv1.3");
	ck_assert_str_eq(asked_name, "mail.example");
	server_says("250 hello\n");
	ck_assert_str_eq(client.lines, "250 hello|");
	ck_assert_int_eq(conn_printf(client.conn, "MAIL FROM:<>\r\n"), 0);
	ck_assert_str_eq(heard_by_server(), "MAIL FROM:<>\r\n");
}
END_TEST

START_TEST(a_server_without_a_name_is_asked_for_none)
{
	want(TLS_CLIENT_ANY, NO_NAME, NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "");
	want(TLS_CLIENT_ANY, SLICE("192.0.2.1"), NO_NAME);
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "");
}
END_TEST

START_TEST(tls_1_2_will_do_and_nothing_older)
{
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	ck_assert(shake_at_once());
	ck_assert_str_eq(client.info.version, "TLSv1.2");
	ck_assert(is_authority("mail.example"));
	publish(&leaf, 3, 1, 1);
	ck_assert(is_dane("mail.example"));
	SSL_CTX_set_security_level(server_context, 0);
	SSL_CTX_set_min_proto_version(server_context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server_context, TLS1_1_VERSION);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	ck_assert(!shake_at_once());
	ck_assert(client.ended);
}
END_TEST

START_TEST(old_ciphers_of_tls_1_2_are_better_than_none)
{
	static const char *const ciphers[] = { "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA" };

	SSL_CTX_set_max_proto_version(server_context, TLS1_2_VERSION);
	want(TLS_CLIENT_ANY, SLICE("mail.example"), NO_NAME);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		ck_assert_int_eq(SSL_CTX_set_cipher_list(server_context, ciphers[i]), 1);
		ck_assert(shake_at_once());
	}
	ck_assert_int_eq(SSL_CTX_set_cipher_list(server_context, "aNULL:eNULL:@SECLEVEL=0"), 1);
	ck_assert(!shake_at_once());
}
END_TEST

/* ---- authorities ---- */

START_TEST(an_authority_stands_for_the_names_of_a_certificate)
{
	ck_assert(is_authority("mail.example"));
	ck_assert_str_eq(asked_name, "mail.example");
	ck_assert(is_authority("MAIL.Example"));
	ck_assert(is_authority("a.wild.example"));
	ck_assert(!is_authority("other.example"));
	failed_with("hostname mismatch");
	ck_assert(!is_authority("a.b.wild.example"));
	failed_with("hostname mismatch");
	ck_assert(!is_authority("wild.example"));
	ck_assert(!is_authority("common.example"));
	ck_assert(!is_authority("x.mail.example"));
}
END_TEST

START_TEST(a_wildcard_is_a_whole_label)
{
	issue(&leaf, "DNS:m*.example.org,DNS:*.a.example.org", &middle, -DAY, DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example.org"));
	ck_assert(is_authority("mail.a.example.org"));
}
END_TEST

START_TEST(one_of_the_names_is_enough)
{
	want(TLS_CLIENT_AUTHORITY, SLICE("mx.example"), SLICE("mail.example"));
	ck_assert(shake_at_once());
	ck_assert_str_eq(asked_name, "mx.example");
	ck_assert_int_eq(client.info.peer, TLS_PEER_AUTHORITY);
}
END_TEST

START_TEST(a_certificate_can_be_for_an_address)
{
	issue(&leaf, "IP:192.0.2.1,IP:2001:db8::1", &middle, -DAY, DAY);
	show(&leaf, &middle, NULL);
	ck_assert(is_authority("192.0.2.1"));
	ck_assert(is_authority("2001:db8::1"));
	ck_assert(!is_authority("192.0.2.2"));
	failed_with("IP address mismatch");
}
END_TEST

START_TEST(who_is_signed_by_nobody_known_is_refused)
{
	trust(&other);
	ck_assert(!is_authority("mail.example"));
	failed_with("unable to get local issuer certificate");
	trust(NULL);
	ck_assert(!is_authority("mail.example"));
	trust(&root);
	show(&leaf, NULL, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("unable to get local issuer certificate");
	issue(&leaf, "DNS:mail.example", NULL, -DAY, DAY);
	show(&leaf, NULL, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("self-signed certificate");
	/* Signed by somebody who is no authority. */
	issue(&other, "DNS:other.example", &middle, -DAY, DAY);
	issue(&leaf, "DNS:mail.example", &other, -DAY, DAY);
	show(&leaf, &other, &middle);
	ck_assert(!is_authority("mail.example"));
}
END_TEST

START_TEST(a_certificate_has_its_time)
{
	issue(&leaf, "DNS:mail.example", &middle, -2 * DAY, -DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("certificate has expired");
	issue(&leaf, "DNS:mail.example", &middle, DAY, 2 * DAY);
	show(&leaf, &middle, NULL);
	ck_assert(!is_authority("mail.example"));
	failed_with("certificate is not yet valid");
}
END_TEST

/* ---- DANE ---- */

START_TEST(a_record_of_the_certificate_itself_is_enough_whatever_stands_in_it)
{
	/* RFC 7672 3.1.1: neither names nor dates nor signers count. */
	issue(&leaf, "DNS:elsewhere.example", NULL, -2 * DAY, -DAY);
	show(&leaf, NULL, NULL);
	trust(NULL);
	for (uint8_t selector = 0; selector <= 1; selector++) {
		for (uint8_t matching = 0; matching <= 2; matching++) {
			publish_nothing();
			publish(&leaf, 3, selector, matching);
			ck_assert(is_dane("mail.example"));
			ck_assert_str_eq(asked_name, "mail.example");
			publish_nothing();
			publish(&other, 3, selector, matching);
			ck_assert(!is_dane("mail.example"));
			failed_with("no matching DANE TLSA records");
		}
	}
}
END_TEST

START_TEST(a_record_of_an_authority_needs_the_right_name)
{
	trust(NULL);
	show(&leaf, &middle, &root);
	for (uint8_t matching = 0; matching <= 2; matching++) {
		publish_nothing();
		publish(&root, 2, (uint8_t)(matching & 1), matching);
		ck_assert(is_dane("mail.example"));
		ck_assert(!is_dane("mx.example"));
		failed_with("hostname mismatch");
		want(TLS_CLIENT_DANE, SLICE("mx.example"), SLICE("mail.example"));
		ck_assert(shake_at_once());
		ck_assert_str_eq(asked_name, "mx.example");
		ck_assert_int_eq(client.info.peer, TLS_PEER_DANE);
	}
	publish_nothing();
	publish(&middle, 2, 0, 1);
	ck_assert(is_dane("mail.example"));
	publish_nothing();
	publish(&other, 2, 0, 1);
	ck_assert(!is_dane("mail.example"));
}
END_TEST

START_TEST(an_authority_by_record_needs_dates_and_signatures)
{
	publish(&root, 2, 0, 1);
	show(&leaf, &middle, NULL);
	/* A digest finds nothing that is not shown (RFC 7672 3.1.2), even when the client trusts it otherwise. */
	ck_assert(!is_dane("mail.example"));
	issue(&leaf, "DNS:mail.example", &middle, -2 * DAY, -DAY);
	show(&leaf, &middle, &root);
	ck_assert(!is_dane("mail.example"));
	failed_with("certificate has expired");
	issue(&leaf, "DNS:mail.example", NULL, -DAY, DAY);
	show(&leaf, &middle, &root);
	ck_assert(!is_dane("mail.example"));
}
END_TEST

START_TEST(one_right_record_among_wrong_and_unusable_ones_is_enough)
{
	publish(&leaf, 0, 0, 1);
	publish(&leaf, 1, 1, 1);
	publish(&other, 3, 1, 1);
	publish(&leaf, 3, 1, 3);
	publish(&leaf, 3, 2, 1);
	publish(&other, 2, 0, 2);
	ck_assert(!is_dane("mail.example"));
	failed_with("no matching DANE TLSA records");
	publish(&leaf, 3, 1, 2);
	ck_assert(is_dane("mail.example"));
}
END_TEST

START_TEST(records_that_cannot_be_used_are_no_authentication)
{
	struct tls_client_tlsa record;

	publish(&leaf, 0, 0, 1);
	publish(&leaf, 1, 0, 1);
	publish(&leaf, 255, 255, 255);
	for (size_t i = 0; i < record_count; i++)
		ck_assert(!tls_client_tlsa_usable(&records[i]));
	want(TLS_CLIENT_DANE, SLICE("mail.example"), NO_NAME);
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	/* What is not what its type says. */
	for (uint8_t selector = 0; selector <= 1; selector++) {
		for (uint8_t matching = 0; matching <= 2; matching++) {
			record = tls_record_make(&leaf, 3, selector, matching);
			ck_assert(tls_client_tlsa_usable(&record));
			record.data.length--;
			ck_assert(!tls_client_tlsa_usable(&record));
			record.data.length = 0;
			ck_assert(!tls_client_tlsa_usable(&record));
			tls_record_free(&record);
		}
	}
	record = tls_record_make(&leaf, 3, 0, 0);
	record.selector = 1;
	ck_assert(!tls_client_tlsa_usable(&record));
	tls_record_free(&record);
}
END_TEST

START_TEST(settings_that_cannot_be_fulfilled_are_refused)
{
	char long_name[TLS_CLIENT_NAME_MAX + 1];
	const struct {
		enum tls_client_check check;
		struct slice names[2];
	} cases[] = {
		{ TLS_CLIENT_AUTHORITY, { NO_NAME, NO_NAME } },
		{ TLS_CLIENT_DANE, { NO_NAME, NO_NAME } },
		{ TLS_CLIENT_DANE, { SLICE("192.0.2.1"), NO_NAME } },
		{ TLS_CLIENT_AUTHORITY, { SLICE("192.0.2.1"), SLICE("mail.example") } },
		{ TLS_CLIENT_AUTHORITY, { SLICE(".example"), NO_NAME } },
		{ TLS_CLIENT_AUTHORITY, { SLICE("mail.example\0.evil.example"), NO_NAME } },
		{ TLS_CLIENT_ANY, { slice_of(long_name, sizeof(long_name)), NO_NAME } },
	};

	memset(long_name, 'a', sizeof(long_name));
	publish(&leaf, 3, 1, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		want(cases[i].check, cases[i].names[0], cases[i].names[1]);
		connect_client();
		ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	}
	want(TLS_CLIENT_AUTHORITY, SLICE("mail.example"), NO_NAME);
	client.settings.names[1] = SLICE("");
	client.settings.name_count = 2;
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
	client.settings.name_count = TLS_CLIENT_NAMES_MAX + 1;
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), -EINVAL);
}
END_TEST

START_TEST(authorities_that_cannot_be_read_are_refused_with_a_reason)
{
	struct tls_client_context *context = NULL;
	const char *reason;
	struct buffer text;

	ck_assert_int_eq(tls_client_context_new(SLICE("nothing"), &context, &reason), -EINVAL);
	ck_assert_str_eq(reason, "holds no certificate in PEM");
	buffer_init(&text, 1 << 20);
	buffer_append_string(&text, "# comment\n");
	tls_issued_write(&root, &text);
	buffer_append_string(&text, "# another\n");
	tls_issued_write(&other, &text);
	tls_issued_write(&other, &text);
	ck_assert_int_eq(tls_client_context_new(buffer_slice(&text), &context, &reason), 0);
	tls_client_context_free(&context);
	buffer_append_string(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	ck_assert_int_eq(tls_client_context_new(buffer_slice(&text), &context, &reason), -EINVAL);
	ck_assert_str_eq(reason, "has a certificate that cannot be read");
	buffer_free(&text);
}
END_TEST

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

int
main(void)
{
	const TTest *const tests[] = {
		any_certificate_does_when_nobody_asks,
		a_server_without_a_name_is_asked_for_none,
		tls_1_2_will_do_and_nothing_older,
		old_ciphers_of_tls_1_2_are_better_than_none,
		an_authority_stands_for_the_names_of_a_certificate,
		a_wildcard_is_a_whole_label,
		one_of_the_names_is_enough,
		a_certificate_can_be_for_an_address,
		who_is_signed_by_nobody_known_is_refused,
		a_certificate_has_its_time,
		a_record_of_the_certificate_itself_is_enough_whatever_stands_in_it,
		a_record_of_an_authority_needs_the_right_name,
		an_authority_by_record_needs_dates_and_signatures,
		one_right_record_among_wrong_and_unusable_ones_is_enough,
		records_that_cannot_be_used_are_no_authentication,
		settings_that_cannot_be_fulfilled_are_refused,
		authorities_that_cannot_be_read_are_refused_with_a_reason,
		what_came_in_the_clear_behind_the_reply_is_thrown_away,
		what_was_kept_for_later_is_thrown_away_too,
		what_comes_in_the_clear_later_ends_the_connection,
		a_server_that_closes_in_the_handshake_is_an_error,
		nothing_is_said_to_a_server_that_is_not_the_right_one,
		a_greeting_that_comes_with_the_end_of_the_handshake_is_heard,
		a_deadline_holds_for_the_handshake_too,
		tls_begins_once,
		client_and_server_are_bound_to_the_same_channel,
	};
	Suite *suite = suite_create("tls client");
	TCase *all = tcase_create("tls client");
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
