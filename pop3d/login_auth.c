/*
 * Asks tabled whether a password is right. A wrong one is answered after a delay, by a timer: guessing is
 * slow, and nobody else waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "pop3d/login.h"

enum {
	AUTH_TIMEOUT_MS = 30 * 1000, /* hashes may queue up in tabled, and what failed is answered late */
	FRAME_MAX = 4 * 1024,        /* bytes of a question's or an answer's payload */
	UNSENT_MAX = 1024 * 1024,    /* bytes of questions that wait for tabled */
};

const struct link_protocol login_tabled_protocol = {
	.channel = "tabled-login",
	.timeout_ms = AUTH_TIMEOUT_MS,
	.input_limit = FRAME_MAX,
	.output_limit = UNSENT_MAX,
};

static void
refuse(struct login *login)
{
	if (login->failures >= LOGIN_FAILURES_MAX) {
		conn_printf(login->conn, "-ERR [AUTH] wrong user name or password; too many attempts\r\n");
		login_close(login);
		return;
	}
	conn_printf(login->conn, "-ERR [AUTH] wrong user name or password\r\n");
	login->state = LOGIN_NO_USER;
	conn_resume(login->conn);
}

static void
delay_over(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	refuse(context);
}

static void
refuse_later(struct login *login)
{
	uint32_t wait = LOGIN_DELAY_MS + arc4random_uniform(LOGIN_DELAY_SPREAD_MS);
	struct timeval delay = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };

	log_event(LOG_NOTICE, "pop3.auth_failed", LOG_STRING("session", login->session), LOG_STRING("client", login->client),
	          LOG_STRING("user", login->user));
	login->failures++;
	if (login->delay == NULL)
		login->delay = evtimer_new(process_base(login->worker->process), delay_over, login);
	if (login->delay == NULL || evtimer_add(login->delay, &delay) != 0) {
		login_close_temporary(login);
		return;
	}
	login->state = LOGIN_DELAYED;
}

/* Not a matter of the password: the client may try again at once. */
static void
refuse_temporary(struct login *login, int error)
{
	log_event(LOG_WARNING, "pop3.auth_temporary", LOG_STRING("session", login->session), LOG_ERROR(error));
	conn_printf(login->conn, "-ERR [SYS/TEMP] passwords cannot be checked at the moment; please try again later\r\n");
	login->state = LOGIN_NO_USER;
	conn_resume(login->conn);
}

static int
read_answer(struct login *login, struct channel_frame *frame, uint8_t *result_r)
{
	char canonical[TABLE_ADDRESS_MAX + 1];
	struct slice ticket;

	if (frame->type != TABLE_AUTH_REPLY)
		return -EPROTO;
	*result_r = wire_get_u8(&frame->body);
	if (*result_r != TABLE_AUTH_OK)
		return wire_done(&frame->body) ? 0 : -EPROTO;
	ticket = wire_get_slice(&frame->body);
	wire_get_string(&frame->body, canonical, sizeof(canonical));
	(void)wire_get_slice(&frame->body);
	if (!wire_done(&frame->body) || ticket.length != TABLE_TICKET_SIZE)
		return -EPROTO;
	memcpy(login->ticket, ticket.data, TABLE_TICKET_SIZE);
	return 0;
}

static int
answered(void *context, int status, struct channel_frame *frame)
{
	struct login *login = context;
	uint8_t result = TABLE_AUTH_TEMPORARY;
	int error = status;

	if (status == 0)
		error = read_answer(login, frame, &result);
	if (error != 0 || result == TABLE_AUTH_TEMPORARY) {
		refuse_temporary(login, error == 0 ? -EAGAIN : error);
	} else if (result == TABLE_AUTH_OK) {
		login->state = LOGIN_LEAVING;
		login_handoff(login);
	} else {
		refuse_later(login);
	}
	return status == 0 ? error : 0;
}

void
login_authenticate(struct login *login, struct slice password)
{
	struct wire_writer writer = link_begin(login->worker->tabled, TABLE_AUTH, -1);
	int error;

	wire_put_string(&writer, "pop3");
	wire_put_string(&writer, login->client);
	wire_put_string(&writer, login->user);
	wire_put_slice(&writer, password);
	conn_pause(login->conn);
	login->state = LOGIN_CHECKING;
	error = link_send(login->worker->tabled, &writer, answered, login, &login->request);
	if (error != 0)
		refuse_temporary(login, error);
}

void
login_authenticate_cancel(struct login *login)
{
	if (login->state == LOGIN_CHECKING)
		link_cancel(login->worker->tabled, login->request);
	if (login->delay != NULL)
		event_free(login->delay);
	explicit_bzero(login->ticket, sizeof(login->ticket));
}
