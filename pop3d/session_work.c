/*
 * Shares the process among its sessions. A command that needs long (a large message, a list of a million
 * lines, deleting ten thousand files) is carried out in steps; a session whose client does not read waits for
 * it, and one that has used its time waits for the others.
 */
#include <errno.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "pop3d/session.h"

void
session_work_begin(struct session_worker *worker)
{
	worker->turn_began = clock_monotonic_ms();
}

static bool
time_is_over(const struct session_worker *worker)
{
	return clock_monotonic_ms() - worker->turn_began >= SESSION_TURN_MS;
}

/* Each session that is in the list now goes on for a while; those that come back to it wait for the next turn. */
static void
on_turn(evutil_socket_t fd, short what, void *context)
{
	struct session_worker *worker = context;
	const struct session *last = TAILQ_LAST(&worker->ready, session_list);
	bool over = last == NULL;

	(void)fd;
	(void)what;
	while (!over) {
		struct session *session = TAILQ_FIRST(&worker->ready);

		over = session == last;
		session_work_cancel(session);
		session_work_begin(worker);
		session_continue(session);
	}
}

int
session_work_prepare(struct session_worker *worker)
{
	TAILQ_INIT(&worker->ready);
	worker->turn = evtimer_new(process_base(worker->process), on_turn, worker);
	return worker->turn == NULL ? -ENOMEM : 0;
}

static void
stop_reading(const struct session *session)
{
	if (session->conn != NULL)
		conn_pause(session->conn);
}

static void
go_on_later(struct session *session)
{
	stop_reading(session);
	if (session->ready)
		return;
	session->ready = true;
	TAILQ_INSERT_TAIL(&session->worker->ready, session, next_ready);
	event_add(session->worker->turn, &(struct timeval){ 0, 0 });
}

/* Until the client has read most of its replies: conn_protocol's drained goes on. */
static void
wait_for_client(struct session *session)
{
	stop_reading(session);
	session->waiting = true;
}

void
session_work_cancel(struct session *session)
{
	if (session->ready)
		TAILQ_REMOVE(&session->worker->ready, session, next_ready);
	session->ready = false;
}

/* A rescan in the middle of a command. When it fails, the command finds its message missing still, and says so. */
static void
rescan(struct session *session)
{
	int more = maildrop_scan(session->maildrop);

	if (more < 0)
		log_event(LOG_WARNING, "pop3.rescan", LOG_STRING("session", session->name), LOG_ERROR(more));
}

static enum session_progress
next_step(struct session *session)
{
	if (session->state != SESSION_OPENING && maildrop_scanning(session->maildrop)) {
		rescan(session);
		return SESSION_MORE;
	}
	return session->work.step(session);
}

bool
session_work(struct session *session)
{
	for (;;) {
		if (session->broken) {
			session_end(session, "out of memory");
			return false;
		}
		if (session->conn != NULL && conn_unsent(session->conn) > SESSION_UNSENT_HIGH) {
			wait_for_client(session);
			return false;
		}
		if (session->work.step == NULL)
			return true;
		switch (next_step(session)) {
		case SESSION_MORE:
			break;
		case SESSION_DONE:
			session->work.step = NULL;
			break;
		case SESSION_ENDED:
			return false;
		}
		if (time_is_over(session->worker)) {
			go_on_later(session);
			return false;
		}
	}
}

void
session_continue(struct session *session)
{
	if (!session_work(session))
		return;
	/* There is a client: one that left during UPDATE has no next command. */
	session_rearm(session);
	conn_resume(session->conn);
}

int
session_open_message(struct session *session, uint32_t message)
{
	struct session_work *work = &session->work;
	int fd = maildrop_open_message(session->maildrop, message, &work->unread);

	if (fd == -ENOENT && !work->moved && !maildrop_gone(session->maildrop, message)) {
		work->moved = true;
		maildrop_rescan(session->maildrop);
		return -EAGAIN;
	}
	work->moved = false;
	return fd;
}
