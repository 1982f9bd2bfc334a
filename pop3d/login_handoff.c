/*
 * Gives a client whose password was right to a session worker. Until that worker has said that it has it, we
 * keep a duplicate of the socket, so that the client gets an answer in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "pop3d/login.h"
#include "pop3d/relay.h"

enum {
	HANDOFF_TIMEOUT_MS = 5 * 1000, /* less than a ticket's life (TABLE_TICKET_SECONDS) */
};

/* A client on its way. */
struct passage {
	struct login_worker *worker;
	int fd; /* the duplicate, owned */
	char session[HANDOFF_SESSION_SIZE];
};

static void
passage_free(struct passage *passage)
{
	if (passage->fd >= 0)
		close(passage->fd);
	free(passage);
}

/* Nobody took the client. */
static void
passage_failed(struct passage *passage, int error)
{
	struct conn *conn = conn_new(process_base(passage->worker->process), passage->fd, &login_protocol, NULL);

	passage->fd = -1;
	log_event(LOG_WARNING, "pop3.handoff_failed", LOG_STRING("session", passage->session), LOG_ERROR(error));
	if (conn != NULL) {
		conn_printf(conn, "-ERR [SYS/TEMP] the maildrop cannot be opened at the moment; please try again later\r\n");
		conn_close_after_flush(&conn); /* shuts the socket down, also for a worker that took it too late */
	}
	passage_free(passage);
}

static int
answered(void *context, int status, struct channel_frame *frame)
{
	struct passage *passage = context;
	uint8_t result = HANDOFF_FULL;

	if (status == 0) {
		result = wire_get_u8(&frame->body);
		if (frame->type != HANDOFF_REPLY || !wire_done(&frame->body))
			status = -EPROTO;
	}
	if (status == 0 && result == HANDOFF_TAKEN)
		passage_free(passage);
	else
		passage_failed(passage, status == 0 ? -EBUSY : status);
	return status == -EPROTO ? status : 0;
}

/* The next session worker that is there, or NULL. */
static struct link *
next_session_worker(struct login_worker *worker)
{
	for (unsigned i = 0; i < worker->session_count; i++) {
		struct link *link = worker->sessions[worker->turn++ % worker->session_count];

		if (link_is_up(link))
			return link;
	}
	return NULL;
}

/* SOCKET is the one that is given away, borrowed. */
static struct passage *
passage_new(const struct login *login, int socket)
{
	struct passage *passage = calloc(1, sizeof(*passage));

	if (passage == NULL)
		return NULL;
	passage->worker = login->worker;
	memcpy(passage->session, login->session, sizeof(passage->session));
	passage->fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	if (passage->fd < 0) {
		free(passage);
		return NULL;
	}
	return passage;
}

/* What a client is when it leaves: a socket, and what it has sent ahead (allocated, or NULL). */
struct leaving {
	int fd;
	char *input;
	size_t length;
};

/* Takes the client's socket out; one with TLS stays, and its clear side goes. 0 or a negative errno value. */
static int
leave(struct login *login, struct leaving *leaving_r)
{
	*leaving_r = (struct leaving){ .input = NULL };
	if (login->tls)
		leaving_r->fd = relay_begin(login);
	else
		leaving_r->fd = conn_detach(&login->conn, &leaving_r->input, &leaving_r->length);
	return leaving_r->fd < 0 ? leaving_r->fd : 0;
}

void
login_handoff(struct login *login)
{
	struct link *link = next_session_worker(login->worker);
	struct passage *passage;
	struct wire_writer writer;
	struct leaving leaving;
	int error;

	if (conn_unsent(login->conn) > 0)
		return; /* login_drained calls again */
	error = link == NULL ? -ENOTCONN : leave(login, &leaving);
	if (error != 0) {
		login_close_temporary(login);
		return;
	}
	passage = passage_new(login, leaving.fd);
	if (passage == NULL) {
		close(leaving.fd); /* out of descriptors or memory: nothing is left to say it with */
		free(leaving.input);
		login_close(login);
		return;
	}
	writer = link_begin(link, HANDOFF_TAKE, leaving.fd);
	wire_put_slice(&writer, slice_of(login->ticket, sizeof(login->ticket)));
	wire_put_string(&writer, login->session);
	wire_put_string(&writer, login->client);
	wire_put_u8(&writer, login->utf8 ? HANDOFF_UTF8 : 0);
	wire_put_slice(&writer, slice_of(leaving.input, leaving.length));
	error = link_send(link, &writer, answered, passage, NULL);
	free(leaving.input);
	if (error != 0)
		passage_failed(passage, error);
	login_close(login);
}

int
login_handoff_links(struct login_worker *worker)
{
	uint32_t count = process_config(worker->process)->pop3_session_workers;

	worker->session_count = count == 0 ? config_cores() : count;
	if (worker->session_count > LOGIN_SESSION_WORKERS_MAX)
		worker->session_count = LOGIN_SESSION_WORKERS_MAX;
	for (unsigned i = 0; i < worker->session_count; i++) {
		snprintf(worker->session_names[i], sizeof(worker->session_names[i]), "session/%u", i);
		worker->session_protocols[i] = (struct link_protocol){
			.channel = worker->session_names[i],
			.timeout_ms = HANDOFF_TIMEOUT_MS,
			.input_limit = HANDOFF_FRAME_MAX,
			.output_limit = HANDOFF_UNSENT_MAX,
		};
		worker->sessions[i] = link_new(worker->process, &worker->session_protocols[i], worker);
		if (worker->sessions[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}
