/*
 * Reads one message ahead. It is only a message that is read and sent in one piece and whose size is known; whatever goes wrong is left to RETR.
 */
#include "pop3d/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pop3d/session.h"

/* Also holds while it is read into: a session's turn has no more than one. */
static char content[AHEAD_SIZE_MAX];
static char response[RETRIEVE_SIZE(AHEAD_SIZE_MAX)];

/* Bytes of a message that is small enough, or a negative errno value. */
static ssize_t
read_message(const struct session *session, uint32_t message)
{
	uint64_t size;
	int fd = maildrop_open_message(session->maildrop, message, &size);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = size > sizeof(content) ? -EFBIG : read(fd, content, sizeof(content));
	close(fd);
	return got >= 0 && (uint64_t)got != size ? -EIO : got;
}

static void
ahead_read(struct session *session)
{
	struct ahead *ahead = &session->ahead;
	struct multiline text = multiline_all();
	ssize_t got = read_message(session, session->ahead_message);
	size_t length;
	char *bytes;

	if (got < 0)
		return;
	length = retrieve_begin(session, session->ahead_message, &text, response);
	length += multiline_put(&text, slice_of(content, (size_t)got), response + length);
	length += multiline_end(&text, response + length);
	bytes = length > AHEAD_SIZE_MAX ? NULL : realloc(ahead->bytes, length);
	if (bytes == NULL)
		return;
	if (ahead->bytes == NULL)
		session->worker->aheads++;
	memcpy(bytes, response, length);
	*ahead = (struct ahead){ bytes, session->ahead_message, (uint32_t)length, (uint32_t)got, text.octets };
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
	    !maildrop_sized(session->maildrop, message) || maildrop_octets(session->maildrop, message) > AHEAD_SIZE_MAX)
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
	if (session->ahead.bytes != NULL)
		session->worker->aheads--;
	free(session->ahead.bytes);
	session->ahead.bytes = NULL;
}
