/*
 * For the tests of TLS connections of a client: the client, and a server that is OpenSSL as it comes, with certificates that the test makes.
 */
#ifndef ANGARIUM_TEST_TLS_CLIENT_WORLD_H
#define ANGARIUM_TEST_TLS_CLIENT_WORLD_H

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

static inline size_t
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

static inline void
on_ended(void *context, struct conn *conn, enum conn_end end)
{
	(void)context;
	client.ended = true;
	client.end = end;
	client.failure = conn_tls_failure(conn);
	conn_close(&client.conn);
}

static inline void
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

static inline void
issue(struct issued *issued, const char *names, const struct issued *issuer, long from, long to)
{
	struct issue wanted = { .subject = "common.example", .names = names, .issuer = issuer, .from = from, .to = to };

	tls_issued_free(issued);
	tls_issue(&wanted, issued);
}

static inline void
issue_authority(struct issued *issued, const char *subject, const struct issued *issuer)
{
	struct issue wanted = { .subject = subject, .issuer = issuer, .authority = true, .from = -DAY, .to = DAY };

	tls_issue(&wanted, issued);
}

/* The context of a client that trusts AUTHORITY, or nobody. */
static inline void
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

static inline int
on_name(SSL *ssl, int *alert, void *argument)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	(void)argument;
	ck_assert_int_eq(slice_to_string(slice_from_string(name), asked_name, sizeof(asked_name)), 0);
	return SSL_TLSEXT_ERR_OK;
}

/* The server shows LEAF, and MIDDLE and ROOT when they are not NULL. */
static inline void
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

static inline void
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

static inline void
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

static inline void
turn(void)
{
	for (int i = 0; i < 5; i++)
		event_base_loop(client.base, EVLOOP_NONBLOCK);
}

/* A new connection, in the clear. */
static inline void
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
static inline bool
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

static inline bool
shake_at_once(void)
{
	connect_client();
	ck_assert_int_eq(conn_start_tls_client(client.conn, client.context, &client.settings), 0);
	return shake();
}

static inline void
want(enum tls_client_check check, struct slice name, struct slice second)
{
	client.settings = (struct tls_client_settings){ .check = check, .tlsa = records, .tlsa_count = record_count };
	if (name.length > 0)
		client.settings.names[client.settings.name_count++] = name;
	if (second.length > 0)
		client.settings.names[client.settings.name_count++] = second;
}

static inline bool
is_authority(const char *name)
{
	want(TLS_CLIENT_AUTHORITY, slice_from_string(name), NO_NAME);
	if (!shake_at_once())
		return false;
	ck_assert_int_eq(client.info.peer, TLS_PEER_AUTHORITY);
	return true;
}

static inline void
publish(const struct issued *issued, uint8_t usage, uint8_t selector, uint8_t matching)
{
	ck_assert_uint_lt(record_count, RECORDS_MAX);
	records[record_count++] = tls_record_make(issued, usage, selector, matching);
}

static inline void
publish_nothing(void)
{
	while (record_count > 0)
		tls_record_free(&records[--record_count]);
}

/* With the records that are published. */
static inline bool
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

static inline const char *
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

static inline void
server_says(const char *text)
{
	ck_assert_int_eq(SSL_write(server, text, (int)strlen(text)), (int)strlen(text));
	turn();
}

static inline void
server_says_plain(const char *text)
{
	ck_assert_int_eq(send(server_fd, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
}

#endif
