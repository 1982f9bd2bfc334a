/*
 * The session role's life: clients come from login workers, and leave. It holds the mail root and
 * authenticated sockets; it never sees a password.
 *
 * A session ends without UPDATE, deleting nothing, when the connection breaks or the client is silent for too
 * long (RFC 1939 section 3).
 */
#include "pop3d/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"

enum {
	INPUT_LIMIT = 4 * 1024, /* bytes: some hundred pipelined commands */
	LINE_SIZE = 512,        /* bytes of a reply's first line with its NUL (RFC 2449 section 4) */
};

static void
session_free(struct session *session)
{
	session_work_cancel(session);
	ahead_free(session);
	if (session->state == SESSION_REDEEMING)
		link_cancel(session->worker->tabled, session->request);
	if (session->work.file >= 0)
		close(session->work.file);
	pipeline_end(session);
	maildrop_close(&session->maildrop);
	session->worker->indexes -= session->index;
	session->worker->count--;
	TAILQ_REMOVE(&session->worker->sessions, session, next);
	free(session->user);
	free(session);
}

static void
log_end(const struct session *session, const char *result)
{
	uint32_t messages = session->maildrop == NULL ? 0 : maildrop_count(session->maildrop);

	log_event(LOG_INFO, "pop3.end", LOG_STRING("session", session->name),
	          LOG_STRING("user", session->user == NULL ? "" : session->user), LOG_STRING("result", result),
	          LOG_UINT("messages", messages), LOG_UINT("retrieved", session->retrieved),
	          LOG_UINT("octets", session->retrieved_octets));
}

void
session_end(struct session *session, const char *result)
{
	log_end(session, result);
	if (session->conn != NULL)
		conn_close_after_flush(&session->conn);
	session_free(session);
}

static void
session_ended(void *context, struct conn *conn, enum conn_end end)
{
	struct session *session = context;

	(void)conn;
	conn_close(&session->conn);
	if (session->state == SESSION_UPDATE) {
		/* The client has said QUIT: what it wanted deleted is deleted, whether or not it waits for the answer. */
		session->waiting = false;
		session_work_begin(session->worker);
		session_continue(session);
		return;
	}
	session_end(session, end == CONN_TIMEOUT ? "timeout" : end == CONN_EOF ? "disconnected" : "broken");
}

static void
session_drained(void *context, struct conn *conn)
{
	struct session *session = context;

	(void)conn;
	if (!session->waiting)
		return;
	session->waiting = false;
	session_rearm(session);
	session_work_begin(session->worker);
	session_continue(session);
}

static const struct conn_protocol session_protocol = {
	.input = session_input,
	.ended = session_ended,
	.drained = session_drained,
	.input_limit = INPUT_LIMIT,
	.stay_awake = true,
};

void
session_reply(struct session *session, struct slice bytes)
{
	if (session->conn != NULL && conn_write(session->conn, bytes.data, bytes.length) != 0)
		session->broken = true;
}

void
session_printf(struct session *session, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(line))
		session_reply(session, slice_of(line, (size_t)length));
}

void
session_rearm(struct session *session)
{
	if (session->conn != NULL)
		conn_set_deadline(session->conn, process_config(session->worker->process)->pop3_timeout * 1000);
}

/* ---- clients from login workers ---- */

struct handoff {
	struct slice ticket;
	struct slice input;
	uint8_t flags;
	char name[HANDOFF_SESSION_SIZE];
	char client[HANDOFF_CLIENT_SIZE];
};

static struct session *
session_new(struct session_worker *worker, int client, const struct handoff *handoff)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		close(client);
		return NULL;
	}
	session->conn = conn_new(process_base(worker->process), client, &session_protocol, session);
	if (session->conn == NULL) {
		free(session);
		return NULL;
	}
	conn_pause(session->conn);
	conn_set_low_water(session->conn, SESSION_UNSENT_LOW);
	if (conn_feed(session->conn, handoff->input.data, handoff->input.length) != 0) {
		conn_close(&session->conn);
		free(session);
		return NULL;
	}
	session->worker = worker;
	session->work.file = -1;
	session->utf8 = (handoff->flags & HANDOFF_UTF8) != 0;
	memcpy(session->name, handoff->name, sizeof(session->name));
	memcpy(session->client, handoff->client, sizeof(session->client));
	TAILQ_INSERT_TAIL(&worker->sessions, session, next);
	worker->count++;
	session_rearm(session);
	return session;
}

static bool
is_stream_socket(int fd)
{
	socklen_t length = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM)
		return false;
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static int
on_take(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct session_worker *worker = context;
	struct session *session = NULL;
	struct handoff handoff;
	struct wire_writer writer;
	int client = frame->fd;
	int error;

	handoff.ticket = wire_get_slice(&frame->body);
	wire_get_string(&frame->body, handoff.name, sizeof(handoff.name));
	wire_get_string(&frame->body, handoff.client, sizeof(handoff.client));
	handoff.flags = wire_get_u8(&frame->body);
	handoff.input = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body) || handoff.ticket.length != TABLE_TICKET_SIZE ||
	    handoff.input.length > HANDOFF_INPUT_MAX || !is_stream_socket(client))
		return -EPROTO;
	if (worker->count < process_config(worker->process)->pop3_sessions) {
		frame->fd = -1;
		session = session_new(worker, client, &handoff);
	}
	writer = channel_begin(channel, HANDOFF_REPLY, frame->request, -1);
	wire_put_u8(&writer, session != NULL ? HANDOFF_TAKEN : HANDOFF_FULL);
	error = channel_send(channel, &writer);
	if (session != NULL)
		session_redeem(session, handoff.ticket);
	return error;
}

static void
on_closed(struct channel *channel, void *context, int error)
{
	(void)channel;
	(void)context;
	(void)error; /* channel.c has logged it; the login worker asks for another */
}

static const struct channel_handler handoff_handlers[] = {
	{ HANDOFF_TAKE, CHANNEL_ANY, true, on_take },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };
static const struct channel_protocol handoff_protocol = {
	.name = "session",
	.count = &channels,
	.handlers = handoff_handlers,
	.handler_count = sizeof(handoff_handlers) / sizeof(handoff_handlers[0]),
	.input_limit = HANDOFF_FRAME_MAX,
	.output_limit = HANDOFF_UNSENT_MAX,
	.closed = on_closed,
};

static void
on_login_worker(void *context, int fd)
{
	struct session_worker *worker = context;

	channel_new(process_base(worker->process), fd, &handoff_protocol, worker);
}

int
session_main(struct process *process)
{
	static struct session_worker worker;

	worker.process = process;
	TAILQ_INIT(&worker.sessions);
	worker.root = open(process_directory(process), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (worker.root < 0) {
		log_event(LOG_ERR, "pop3.mail_directory", LOG_STRING("path", process_directory(process)), LOG_ERROR(errno));
		return EX_NOINPUT;
	}
	worker.tabled = link_new(process, &session_tabled_protocol, &worker);
	if (worker.tabled == NULL || session_work_prepare(&worker) != 0 || ahead_prepare(&worker) != 0)
		return EX_OSERR;
	process_on_channel(process, "session", on_login_worker, &worker);
	return process_run(process);
}
