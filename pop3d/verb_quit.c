/*
 * QUIT, and with it the UPDATE state (RFC 1939 section 6): the one place where messages are deleted. What was
 * marked goes by its name, so that nothing which arrived meanwhile is touched.
 */
#include <errno.h>

#include "common/base/log.h"
#include "common/mail/maildir.h"
#include "pop3d/session.h"

enum {
	FILES_IN_STEP = 64,
};

/* The lock is given back before the reply: a client that logs in again at once finds the maildrop free. */
static enum session_progress
finish(struct session *session)
{
	uint32_t deleted = maildrop_count(session->maildrop) - maildrop_left(session->maildrop) - session->work.failed;
	int error = maildrop_account(session->maildrop, session->folder ? "../maildirsize" : "maildirsize");

	if (error != 0)
		log_event(LOG_WARNING, "pop3.quota", LOG_STRING("session", session->name), LOG_STRING("user", session->user),
		          LOG_ERROR(error));
	if (deleted > 0 || session->work.failed > 0)
		log_event(LOG_INFO, "pop3.deleted", LOG_STRING("session", session->name), LOG_STRING("user", session->user),
		          LOG_UINT("deleted", deleted), LOG_UINT("failed", session->work.failed));
	if (session->work.failed > 0)
		session_printf(session, "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
	else
		session_printf(session, "+OK bye\r\n");
	conn_farewell(session->conn);
	session_end(session, "quit");
	return SESSION_ENDED;
}

/* Removes the message that is next. False when it must be looked for first. */
static bool
remove_next(struct session *session)
{
	struct session_work *work = &session->work;
	int error = maildrop_remove(session->maildrop, work->next);
	char name[MAILDIR_NAME_SIZE];

	if (error == -ENOENT && !work->moved) {
		work->moved = true;
		maildrop_rescan(session->maildrop);
		return false;
	}
	if (error != 0) {
		maildrop_name(session->maildrop, work->next, name);
		log_event(LOG_WARNING, "pop3.delete_failed", LOG_STRING("session", session->name),
		          LOG_STRING("user", session->user), LOG_STRING("file", name), LOG_ERROR(error));
		work->failed++;
	}
	work->moved = false;
	return true;
}

static enum session_progress
step_update(struct session *session)
{
	struct session_work *work = &session->work;

	for (unsigned files = 0; work->next < work->end; work->next++) {
		if (!maildrop_deleted(session->maildrop, work->next))
			continue;
		if (files++ == FILES_IN_STEP || !remove_next(session))
			return SESSION_MORE;
	}
	return finish(session);
}

void
verb_quit(struct session *session, struct slice arguments)
{
	if (!session_no_more(session, arguments))
		return;
	session->state = SESSION_UPDATE;
	session->work.next = 0;
	session->work.end = maildrop_count(session->maildrop);
	session->work.failed = 0;
	session->work.moved = false;
	session->work.step = step_update;
}
