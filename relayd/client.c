/*
 * Sessions: their beginning, their end, and what is written.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relayd/client_private.h"

enum { LINE_SIZE = 2048 }; /* bytes of a command that is formatted */

static void
client_free(struct client *client)
{
	content_close(&client->content);
	free(client);
}

void
client_hold(struct client *client)
{
	client->depth++;
}

void
client_release(struct client *client)
{
	if (client->broken && !client->closed && client->state != CLIENT_OVER)
		client_give_up(client, "4.3.0", "No memory for the session");
	if (--client->depth == 0 && client->closed)
		client_free(client);
}

/* What client_send left to be done. */
static void
client_on_later(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;

	(void)fd;
	(void)what;
	client_hold(client);
	client_later(client);
	client_release(client);
}

struct client *
client_new(struct event_base *base, int fd, const struct client_settings *settings, const struct client_callbacks *callbacks, void *context)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return NULL;
	}
	client->settings = settings;
	client->callbacks = callbacks;
	client->context = context;
	client->conn = conn_new(base, fd, &client_protocol, client);
	if (client->conn == NULL || evtimer_assign(&client->later, base, client_on_later, client) != 0) {
		conn_close(&client->conn);
		free(client);
		return NULL;
	}
	if (!settings->tls_at_once) {
		client->unanswered = 1;
		client_enter(client, CLIENT_GREETING);
		return client;
	}
	if (conn_start_tls_client(client->conn, settings->tls_context, settings->tls_settings) != 0) {
		conn_close(&client->conn);
		free(client);
		return NULL;
	}
	client_enter(client, CLIENT_HANDSHAKE);
	return client;
}

void
client_close(struct client **client_p)
{
	struct client *client = *client_p;

	*client_p = NULL;
	if (client == NULL)
		return;
	conn_close(&client->conn);
	event_del(&client->later);
	client->closed = true;
	client->state = CLIENT_OVER;
	if (client->depth == 0)
		client_free(client);
}

void
client_quit(struct client **client_p)
{
	struct client *client = *client_p;

	if (client != NULL && client->conn != NULL && (client->state == CLIENT_READY || client->in_step)) {
		client_write(client, SLICE("QUIT\r\n"));
		conn_close_after_flush(&client->conn);
	}
	client_close(client_p);
}

bool
client_tls_info(const struct client *client, struct tls_info *info_r)
{
	return client->conn != NULL && conn_tls_info(client->conn, info_r);
}

void
client_write(struct client *client, struct slice data)
{
	if (client->conn != NULL && conn_write(client->conn, data.data, data.length) != 0)
		client->broken = true;
}

void
client_command(struct client *client, struct slice line)
{
	client_write(client, line);
	client->unanswered++;
}

void
client_printf(struct client *client, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line))
		client->broken = true;
	else
		client_command(client, slice_of(line, (size_t)length));
	explicit_bzero(line, sizeof(line)); /* it may have been a password */
}

void
client_result_set(struct client_result *out, enum relay_result result, const char *status, const char *text)
{
	out->result = result;
	snprintf(out->status, sizeof(out->status), "%s", status);
	snprintf(out->text, sizeof(out->text), "%s", text);
}

void
client_end_session(struct client *client, const struct client_result *result)
{
	struct client_end end = { .ready = client->state == CLIENT_READY, .busy = client->busy, .tls_failed = client->tls_failed };

	client->state = CLIENT_OVER;
	if (!client->in_step)
		conn_close(&client->conn);
	else
		conn_set_deadline(client->conn, 0);
	if (client->transaction != NULL) {
		client_settle_all(client, CLIENT_WAITING, result);
		client_settle_all(client, CLIENT_ACCEPTED, result);
		client_finish(client);
		return;
	}
	end.result = *result;
	client->callbacks->ended(client->context, client, &end);
}

void
client_give_up(struct client *client, const char *status, const char *text)
{
	struct client_result result;

	client_result_set(&result, RELAY_TEMPORARY, status, text);
	client_end_session(client, &result);
}
