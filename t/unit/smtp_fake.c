/*
 * A world for an SMTP session without sockets and processes: the client, and what it was told.
 */
#include "t/unit/smtp_fake.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/conn.h"
#include "common/ipc/link.h"
#include "smtpd/limit.h"
#include "smtpd/lookup.h"
#include "smtpd/submit.h"

struct fake *fake_world;

enum { EVERYTHING = 64 * 1024 * 1024 }; /* bytes */

/* ---- the client's connection ---- */

struct conn {
	const struct conn_protocol *protocol;
	void *context;
	struct buffer in;
	bool paused;
	bool delivering;
	bool closed;
	bool tls;
};

struct conn *
conn_new(struct event_base *base, int fd, const struct conn_protocol *protocol, void *context)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	(void)base;
	(void)fd;
	conn->protocol = protocol;
	conn->context = context;
	buffer_init(&conn->in, EVERYTHING);
	fake_world->conn = conn;
	return conn;
}

static void
conn_gone(struct conn *conn)
{
	conn->closed = true;
	fake_world->conn = NULL;
	if (conn->delivering)
		return;
	buffer_free(&conn->in);
	free(conn);
}

void
conn_close(struct conn **conn)
{
	conn_gone(*conn);
	*conn = NULL;
}

void
conn_farewell(struct conn *conn)
{
	(void)conn;
}

void
conn_close_after_flush(struct conn **conn)
{
	conn_close(conn);
}

int
conn_write(struct conn *conn, const void *data, size_t length)
{
	(void)conn;
	return buffer_append(&fake_world->output, data, length);
}

int
conn_printf(struct conn *conn, const char *format, ...)
{
	char text[4096];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return conn_write(conn, text, (size_t)length);
}

size_t
conn_unsent(const struct conn *conn)
{
	(void)conn;
	return fake_world->unsent;
}

void
conn_set_low_water(struct conn *conn, size_t low)
{
	(void)conn;
	(void)low;
}

void
conn_pause(struct conn *conn)
{
	conn->paused = true;
}

void
conn_resume(struct conn *conn)
{
	conn->paused = false;
}

void
conn_set_deadline(struct conn *conn, uint32_t milliseconds)
{
	(void)conn;
	fake_world->deadline = milliseconds;
}

int
conn_start_tls(struct conn *conn, struct tls_context *context)
{
	(void)context;
	conn->tls = true;
	return 0;
}

bool
conn_tls_info(const struct conn *conn, struct tls_info *info_r)
{
	*info_r = (struct tls_info){ .version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256", .group = "x25519", .bits = 128 };
	return conn->tls;
}

bool
conn_tls_binding(const struct conn *conn, struct tls_binding *binding_r)
{
	(void)conn;
	*binding_r = (struct tls_binding){ .exporter_length = 0 };
	return false;
}

const char *
conn_tls_failure(const struct conn *conn)
{
	(void)conn;
	return NULL;
}

void
fake_deliver(struct fake *fake)
{
	struct conn *conn = fake->conn;

	if (conn == NULL)
		return;
	conn->delivering = true;
	while (!conn->closed && !conn->paused && buffer_length(&conn->in) > 0) {
		bool tls_before = conn->tls;
		size_t used = conn->protocol->input(conn->context, conn, buffer_slice(&conn->in));

		if (conn->closed || used == 0)
			break;
		buffer_consume(&conn->in, used);
		if (conn->tls && !tls_before)
			buffer_clear(&conn->in);
	}
	conn->delivering = false;
	if (conn->closed) {
		buffer_free(&conn->in);
		free(conn);
	} else if (buffer_length(&conn->in) > fake->longest_input) {
		fake->longest_input = buffer_length(&conn->in);
	}
}

/* ---- the world ---- */

static struct tls_context *
fake_tls(void)
{
	static char context;

	return fake_world->tls ? (struct tls_context *)(void *)&context : NULL;
}

static bool
fake_tls_ready(void)
{
	return !fake_world->keeper_down;
}

static void
session_gone(struct session_host *host, struct session *session)
{
	limits_leave(&host->limits, session->limited, 0);
	fake_world->session = NULL;
}

struct fake *
fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	log_set_level(-1);
	fake_world = fake;
	fake->next_id = 1;
	config_defaults(&fake->config);
	fake->config.smtp_message_rate_per_address.count = fake->config.smtp_recipient_rate_per_address.count = 0;
	strlcpy(fake->config.hostname, "mail.example.org", sizeof(fake->config.hostname));
	buffer_init(&fake->output, EVERYTHING);
	buffer_init(&fake->message.envelope, EVERYTHING);
	buffer_init(&fake->message.body, EVERYTHING);
	fake->host.config = &fake->config;
	limits_init(&fake->host.limits);
	fake->host.ended = session_gone;
	fake->host.tls = fake_tls;
	fake->host.tls_ready = fake_tls_ready;
	fake->host.tabled = lookup_link(NULL);
	fake->host.submit = submit_new(NULL);
	fake_bring_queue_up();
	return fake;
}

void
fake_connect(struct fake *fake, bool submission)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct limits_client *limited;

	inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	limit_rules(&fake->config, &fake->host.limits.rules);
	if (limits_enter(&fake->host.limits, (const struct sockaddr *)(const void *)&address, false, 0, &limited) != LIMITS_OK)
		abort();
	fake->session = session_new(&fake->host, -1, (const struct sockaddr *)(const void *)&address,
	                            submission ? SESSION_PORT_SUBMISSION : SESSION_PORT_SMTP);
	fake->session->limited = limited;
}

void
fake_free(struct fake *fake)
{
	if (fake->conn != NULL)
		fake_hang_up(fake);
	fake_answer_all(fake);
	limits_free(&fake->host.limits);
	submit_free(&fake->host.submit);
	link_free(&fake->host.tabled);
	buffer_free(&fake->output);
	buffer_free(&fake->message.envelope);
	buffer_free(&fake->message.body);
	fake_close_spool_file();
	free(fake);
}

void
fake_send(struct fake *fake, struct slice bytes)
{
	if (fake->conn == NULL)
		return;
	buffer_append_slice(&fake->conn->in, bytes);
	fake_deliver(fake);
	if (!fake->patient)
		fake_answer_all(fake);
}

void
fake_send_string(struct fake *fake, const char *string)
{
	fake_send(fake, slice_from_string(string));
}

static void
end(struct fake *fake, enum conn_end how)
{
	struct conn *conn = fake->conn;

	if (conn == NULL)
		return;
	conn->delivering = true;
	conn->protocol->ended(conn->context, conn, how);
	conn->delivering = false;
	if (!conn->closed)
		abort();
	buffer_free(&conn->in);
	free(conn);
}

void
fake_hang_up(struct fake *fake)
{
	end(fake, CONN_EOF);
}

void
fake_time_out(struct fake *fake)
{
	end(fake, CONN_TIMEOUT);
}

const char *
fake_replies(struct fake *fake)
{
	static char text[64 * 1024];

	if (slice_to_string(slice_first(buffer_slice(&fake->output), sizeof(text) - 1), text, sizeof(text)) != 0)
		abort();
	buffer_clear(&fake->output);
	return text;
}

/* Each reply's last line: three digits and a blank. */
const char *
fake_codes(struct fake *fake)
{
	static char codes[64 * 1024];
	struct slice rest = buffer_slice(&fake->output);
	size_t used = 0;

	while (rest.length > 0 && used + 5 < sizeof(codes)) {
		size_t end_of_line = slice_find(rest, '\n');

		if (rest.length < 6 || end_of_line == rest.length || rest.data[end_of_line - 1] != '\r' || end_of_line > 511)
			abort();
		if (rest.data[3] == ' ') {
			if (used > 0)
				codes[used++] = ' ';
			memcpy(codes + used, rest.data, 3);
			used += 3;
		}
		rest = slice_from(rest, end_of_line + 1);
	}
	codes[used] = '\0';
	buffer_clear(&fake->output);
	return codes;
}

const char *
fake_body(struct fake *fake)
{
	static char text[1024 * 1024];

	if (slice_to_string(buffer_slice(&fake->message.body), text, sizeof(text)) != 0)
		abort();
	return text;
}

