/*
 * Finds out the sizes of messages whose names do not tell them (those that other programs have delivered):
 * STAT and LIST need them. Each such file is read once in a session.
 */
#include <errno.h>
#include <unistd.h>

#include "pop3d/session.h"

enum {
	CHUNK_SIZE = 64 * 1024, /* bytes read at a time */
};

/* One for all sessions of the process; holds nothing between two calls. */
static char chunk[CHUNK_SIZE];

static enum session_progress
counted(struct session *session, uint64_t octets)
{
	struct session_work *work = &session->work;

	if (work->file >= 0)
		close(work->file);
	work->file = -1;
	maildrop_set_octets(session->maildrop, work->next++, octets);
	return SESSION_MORE;
}

static enum session_progress
begin_message(struct session *session)
{
	struct session_work *work = &session->work;
	int fd = session_open_message(session, work->next);

	if (fd == -EAGAIN)
		return SESSION_MORE;
	if (fd < 0)
		return counted(session, 0); /* it is listed without a size; RETR will say what is wrong with it */
	work->file = fd;
	work->text = multiline_all();
	return SESSION_MORE;
}

static enum session_progress
step_size(struct session *session)
{
	struct session_work *work = &session->work;
	ssize_t length;

	while (work->file < 0 && work->next < work->end && maildrop_sized(session->maildrop, work->next))
		work->next++;
	if (work->next >= work->end) {
		work->step = work->then;
		return SESSION_MORE;
	}
	if (work->file < 0)
		return begin_message(session);
	length = read(work->file, chunk, sizeof(chunk));
	if (length <= 0)
		return counted(session, work->text.octets);
	multiline_count(&work->text, slice_of(chunk, (size_t)length));
	return SESSION_MORE;
}

void
verb_size(struct session *session, uint32_t first, uint32_t end, session_step *then)
{
	session->work.next = first;
	session->work.end = end;
	session->work.then = then;
	session->work.step = maildrop_unsized(session->maildrop) == 0 ? then : step_size;
}
