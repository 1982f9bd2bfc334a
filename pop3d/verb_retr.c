/*
 * RETR and TOP (RFC 1939 sections 5 and 7): a message as a multi-line response, read and sent piece by piece,
 * as fast as the client takes it.
 *
 * The messages stay where they are: RETR moves nothing from new/ to cur/ and sets no flag (see maildrop.h).
 */
#include <errno.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/mail/maildir.h"
#include "pop3d/session.h"

enum {
	CHUNK_SIZE = 32 * 1024, /* bytes of a message read at a time */
};

/* One for all sessions of the process; hold nothing between two calls. */
static char chunk[CHUNK_SIZE];
static char response[RETRIEVE_SIZE(CHUNK_SIZE)];

static void
close_message(struct session *session)
{
	if (session->work.file >= 0)
		close(session->work.file);
	session->work.file = -1;
}

/* Nothing of the response is out yet. */
static enum session_progress
refuse(struct session *session, int error)
{
	bool temporary = error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EIO;
	char name[MAILDIR_NAME_SIZE];

	close_message(session);
	maildrop_name(session->maildrop, session->work.next, name);
	log_event(LOG_WARNING, "pop3.message_failed", LOG_STRING("session", session->name),
	          LOG_STRING("user", session->user), LOG_STRING("file", name), LOG_ERROR(error));
	if (error == -ENOENT)
		session_printf(session, "-ERR [SYS/PERM] the message has been removed by another program\r\n");
	else
		session_printf(session, "-ERR [%s] the message cannot be read\r\n", temporary ? "SYS/TEMP" : "SYS/PERM");
	return SESSION_DONE;
}

/* Part of the response is out: only the end of the connection tells the client that the rest will not come. */
static enum session_progress
break_off(struct session *session, int error)
{
	log_event(LOG_ERR, "pop3.message_broken", LOG_STRING("session", session->name), LOG_STRING("user", session->user),
	          LOG_ERROR(error));
	session_end(session, "unreadable");
	return SESSION_ENDED;
}

/* The whole message was read: its size is known for certain now. */
static void
check_size(struct session *session)
{
	struct maildrop *maildrop = session->maildrop;
	uint32_t message = session->work.next;
	uint64_t octets = session->work.text.octets;
	char name[MAILDIR_NAME_SIZE];

	if (maildrop_sized(maildrop, message) && maildrop_octets(maildrop, message) == octets)
		return;
	if (maildrop_sized(maildrop, message)) {
		maildrop_name(maildrop, message, name);
		log_event(LOG_NOTICE, "pop3.wrong_size", LOG_STRING("session", session->name),
		          LOG_STRING("user", session->user), LOG_STRING("file", name),
		          LOG_UINT("listed", maildrop_octets(maildrop, message)), LOG_UINT("octets", octets));
	}
	maildrop_set_octets(maildrop, message, octets);
}

/* The whole of message work.next is in the output; its size is what it was said to be. */
static enum session_progress
finish(struct session *session)
{
	session->retrieved++;
	ahead_plan(session, session->work.next + 1);
	return SESSION_DONE;
}

/* The next piece of the open message. A small one is one read, and one piece of the output. */
static enum session_progress
send_piece(struct session *session)
{
	struct session_work *work = &session->work;
	ssize_t got = work->unread == 0 ? 0 : read(work->file, chunk, sizeof(chunk));
	size_t length = 0;
	bool last;

	if (got < 0)
		return work->begun ? break_off(session, -errno) : refuse(session, -errno);
	if (!work->begun)
		length = retrieve_begin(session, work->next, &work->text, response);
	work->begun = true;
	length += multiline_put(&work->text, slice_of(chunk, (size_t)got), response + length);
	work->unread -= (uint64_t)got < work->unread ? (uint64_t)got : work->unread;
	last = got == 0 || work->unread == 0 || work->text.done;
	if (last)
		length += multiline_end(&work->text, response + length);
	session_reply(session, slice_of(response, length));
	session->retrieved_octets += (uint64_t)got;
	if (!last)
		return SESSION_MORE;
	close_message(session);
	if (work->text.limited)
		return SESSION_DONE;
	check_size(session);
	return finish(session);
}

/* The response was made ready before. */
static enum session_progress
send_ahead(struct session *session, const struct ahead *ahead)
{
	session_reply(session, slice_of(ahead->bytes, ahead->fetched.length));
	session->retrieved_octets += ahead->fetched.read;
	return finish(session);
}

/* The whole response in one go. False when that cannot be, and nothing is out. */
static bool
send_fetched(struct session *session)
{
	size_t size = fetch_room(session, session->work.next);
	struct fetched fetched;
	char *room;

	if (size == 0 || conn_reserve(session->conn, size, &room) != 0 ||
	    fetch(session, session->work.next, room, &fetched) != 0)
		return false;
	conn_commit(session->conn, fetched.length);
	session->retrieved_octets += fetched.read;
	return true;
}

static enum session_progress
step_piece(struct session *session)
{
	int fd;

	if (session->work.file < 0) {
		fd = session_open_message(session, session->work.next);
		if (fd == -EAGAIN)
			return SESSION_MORE;
		if (fd < 0)
			return refuse(session, fd);
		session->work.file = fd;
	}
	return send_piece(session);
}

static enum session_progress
step_whole(struct session *session)
{
	const struct ahead *ahead = ahead_find(session, session->work.next);

	if (ahead != NULL)
		return send_ahead(session, ahead);
	if (pipeline_help(session, session->work.next))
		return SESSION_MORE;
	if (send_fetched(session))
		return finish(session);
	session->work.step = step_piece;
	return SESSION_MORE;
}

static void
retrieve(struct session *session, uint32_t message, struct multiline text)
{
	session->work.next = message;
	session->work.text = text;
	session->work.begun = false;
	session->work.step = text.limited ? step_piece : step_whole;
}

void
verb_retr(struct session *session, struct slice arguments)
{
	uint32_t message;

	if (session_get_message(session, &arguments, &message) && session_no_more(session, arguments))
		retrieve(session, message, multiline_all());
}

void
verb_top(struct session *session, struct slice arguments)
{
	uint32_t message;
	uint64_t lines;

	if (!session_get_message(session, &arguments, &message))
		return;
	if (command_number(&arguments, &lines) != 0)
		session_printf(session, "-ERR TOP needs a message number and a number of lines\r\n");
	else if (session_no_more(session, arguments))
		retrieve(session, message, multiline_top(lines));
}
