/*
 * Reads one message ahead, of those that can be fetched in one go; whatever goes wrong is left to RETR.
 */
#include "pop3d/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pop3d/session.h"

/* One for all sessions of the process; holds nothing between two calls. */
static char response[RETRIEVE_SIZE(FETCH_SIZE_MAX)];

static void
drop(struct session *session)
{
	if (session->ahead.bytes != NULL)
		session->worker->aheads--;
	free(session->ahead.bytes);
	session->ahead.bytes = NULL;
}

/* What was read before makes place, also when nothing comes of it. */
static void
ahead_read(struct session *session)
{
	struct ahead *ahead = &session->ahead;
	struct fetched fetched;
	char *bytes = NULL;

	if (fetch(session, session->ahead_message, response, &fetched) == 0 && fetched.length <= AHEAD_SIZE_MAX)
		bytes = realloc(ahead->bytes, fetched.length);
	if (bytes == NULL) {
		drop(session);
		return;
	}
	if (ahead->bytes == NULL)
		session->worker->aheads++;
	memcpy(bytes, response, fetched.length);
	*ahead = (struct ahead){ bytes, session->ahead_message, fetched };
}

static void
on_planned(evutil_socket_t fd, short what, void *context)
{
	struct session_worker *worker = context;
	struct session *session;

	(void)fd;
	(void)what;
	while ((session = TAILQ_FIRST(&worker->planned)) != NULL) {
		ahead_cancel(session);
		ahead_read(session);
	}
}

int
ahead_prepare(struct session_worker *worker)
{
	TAILQ_INIT(&worker->planned);
	worker->ahead = evtimer_new(process_base(worker->process), on_planned, worker);
	return worker->ahead == NULL ? -ENOMEM : 0;
}

void
ahead_plan(struct session *session, uint32_t message)
{
	struct session_worker *worker = session->worker;

	ahead_cancel(session);
	if (message >= maildrop_count(session->maildrop) || maildrop_deleted(session->maildrop, message) ||
	    fetch_room(session, message) == 0)
		return;
	if (session->ahead.bytes == NULL && worker->aheads >= AHEAD_SESSIONS_MAX)
		return;
	session->ahead_message = message;
	session->ahead_planned = true;
	TAILQ_INSERT_TAIL(&worker->planned, session, next_planned);
	/* Behind the connection's own events of this turn: the response that is written now leaves first. */
	event_active(worker->ahead, EV_TIMEOUT, 0);
}

void
ahead_cancel(struct session *session)
{
	if (session->ahead_planned)
		TAILQ_REMOVE(&session->worker->planned, session, next_planned);
	session->ahead_planned = false;
}

const struct ahead *
ahead_find(const struct session *session, uint32_t message)
{
	return session->ahead.bytes != NULL && session->ahead.message == message ? &session->ahead : NULL;
}

void
ahead_free(struct session *session)
{
	ahead_cancel(session);
	drop(session);
}
