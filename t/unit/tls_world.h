/*
 * For the tests of TLS connections of a server: the server, and a client that is OpenSSL as it comes.
 */
#ifndef ANGARIUM_TEST_TLS_WORLD_H
#define ANGARIUM_TEST_TLS_WORLD_H

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

static inline size_t
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

static inline void
on_ended(void *context, struct conn *conn, enum conn_end end)
{
	(void)context;
	server.ended = true;
	server.end = end;
	server.failure = conn_tls_failure(conn);
	conn_close(&server.conn);
}

static inline void
on_secured(void *context, struct conn *conn)
{
	(void)context;
	server.secured = true;
	ck_assert(conn_tls_info(conn, &server.info));
}

static const struct conn_protocol protocol = {
	.input = on_input, .ended = on_ended, .secured = on_secured, .input_limit = 65536
};

static inline void
add_pair(const char *type, const char *names)
{
	tls_pair_make(&pairs[pair_count++], type, names, 0, DAY);
	tls_peer_sign_with(pairs, pair_count);
}

static inline void
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

static inline void
new_ticket_keys(size_t count)
{
	char keys[TLS_TICKET_KEY_SIZE * TLS_TICKET_KEYS];

	RAND_bytes((unsigned char *)keys, sizeof(keys));
	ck_assert_int_eq(tls_ticket_set_keys(slice_of(keys, count * TLS_TICKET_KEY_SIZE)), 0);
}

static inline void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(tls_prepare(), 0);
	new_ticket_keys(1);
	server.base = event_base_new();
	client_context = SSL_CTX_new(TLS_client_method());
	client_fd = -1;
}

static inline void
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

static inline void
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

static inline void
turn(void)
{
	for (int i = 0; i < 5; i++)
		event_base_loop(server.base, EVLOOP_NONBLOCK);
}

/* True when the client's handshake is done. */
static inline bool
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

static inline bool
shake_at_once(void)
{
	connect_client();
	ck_assert_int_eq(conn_start_tls(server.conn, server.context), 0);
	return shake();
}

static inline const char *
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

static inline const char *
receive_plain(void)
{
	static char text[256];
	ssize_t got = recv(client_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static inline void
say(const char *text)
{
	ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
	turn();
}

/* What the client saw of the server's certificate. */
static inline bool
server_is(const char *name)
{
	X509 *certificate = SSL_get1_peer_certificate(client);
	bool same = X509_check_host(certificate, name, 0, 0, NULL) == 1;

	X509_free(certificate);
	return same;
}

static inline bool
server_key_is(const char *type)
{
	X509 *certificate = SSL_get1_peer_certificate(client);
	bool same = EVP_PKEY_is_a(X509_get0_pubkey(certificate), type);

	X509_free(certificate);
	return same;
}

static inline void
set_version(int version)
{
	SSL_CTX_set_min_proto_version(client_context, version);
	SSL_CTX_set_max_proto_version(client_context, version);
}

#endif
