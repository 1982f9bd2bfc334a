/*
 * From a ticket to an open maildrop, and with it the reply to PASS (RFC 1939 section 4).
 *
 * Whose mailbox it is, tabled says and nobody else: the login worker's word counts for nothing here. When the
 * maildrop cannot be opened the connection is closed after the reply, as section 4 allows: a session worker
 * could not check another password.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/mail/maildir.h"
#include "pop3d/session.h"

enum {
	INDEX_MAX = 256 * 1024 * 1024,    /* bytes of one maildrop's index: over two million messages */
	INDEXES_MAX = 1024 * 1024 * 1024, /* bytes of all indexes in a process */
	REDEEM_TIMEOUT_MS = 20 * 1000,
	FRAME_MAX = 4 * 1024,     /* bytes of a question's or an answer's payload */
	UNSENT_MAX = 1024 * 1024, /* bytes of questions that wait for tabled */
};

const struct link_protocol session_tabled_protocol = {
	.channel = "tabled-session",
	.timeout_ms = REDEEM_TIMEOUT_MS,
	.input_limit = FRAME_MAX,
	.output_limit = UNSENT_MAX,
};

/* What tabled says about a ticket. */
struct mailbox {
	uint8_t result;
	char login[TABLE_ADDRESS_MAX + 1];
	char folder[TABLE_FOLDER_MAX];
	char path[TABLE_PATH_MAX];
};

static enum session_progress
refuse(struct session *session, int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ EBUSY, "[IN-USE] another session has the maildrop open" },
		{ ENOENT, "[SYS/PERM] there is no such folder" },
		{ ENOMEM, "[SYS/TEMP] out of memory; please try again later" },
		{ ENOBUFS, "[SYS/TEMP] the maildrop holds too many messages for now; please try again later" },
		{ EIO, "[SYS/TEMP] the maildrop cannot be read; please try again later" },
		{ EMFILE, "[SYS/TEMP] too many open files; please try again later" },
		{ ENFILE, "[SYS/TEMP] too many open files; please try again later" },
		{ EAGAIN, "[SYS/TEMP] the maildrop cannot be opened at the moment; please try again later" },
	};
	const char *text = "[SYS/PERM] the maildrop cannot be opened";

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == -error)
			text = texts[i].text;
	log_event(error == -EBUSY ? LOG_NOTICE : LOG_WARNING, "pop3.open_failed", LOG_STRING("session", session->name),
	          LOG_STRING("user", session->user == NULL ? "" : session->user), LOG_ERROR(error));
	session_printf(session, "-ERR %s\r\n", text);
	session_end(session, "refused");
	return SESSION_ENDED;
}

/* What the index takes now, also while it grows. 0, or -ENOBUFS when all of them together take too much. */
static int
count_memory(struct session *session)
{
	size_t now = maildrop_memory(session->maildrop);

	session->worker->indexes = session->worker->indexes - session->index + now;
	session->index = now;
	return session->worker->indexes > INDEXES_MAX ? -ENOBUFS : 0;
}

static enum session_progress
step_open(struct session *session)
{
	int more = maildrop_scan(session->maildrop);

	if (more >= 0)
		more = count_memory(session) == 0 ? more : -ENOBUFS;
	if (more < 0)
		return refuse(session, more);
	if (more > 0)
		return SESSION_MORE;
	session->state = SESSION_TRANSACTION;
	log_event(LOG_INFO, "pop3.login", LOG_STRING("session", session->name), LOG_STRING("client", session->client),
	          LOG_STRING("user", session->user), LOG_UINT("messages", maildrop_count(session->maildrop)),
	          LOG_UINT("utf8", session->utf8));
	session_printf(session, "+OK the maildrop has %u messages\r\n", maildrop_count(session->maildrop));
	return SESSION_DONE;
}

/* The directory of the maildrop: a descriptor or a negative errno value. A mailbox that has never got a message is made. */
static int
open_directory(const struct session_worker *worker, const struct mailbox *mailbox, bool *folder_r)
{
	char path[MAILDIR_PATH_SIZE + MAILDIR_FOLDER_SIZE];
	char folder[MAILDIR_FOLDER_SIZE];
	bool made;
	int error;
	int fd;

	error = maildir_path_check(slice_from_string(mailbox->path));
	if (error == 0)
		error = maildir_folder_directory(slice_from_string(mailbox->folder), folder);
	if (error != 0)
		return error;
	*folder_r = folder[0] != '\0';
	if (snprintf(path, sizeof(path), "%s%s%s", mailbox->path, *folder_r ? "/" : "", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = maildir_open_directory(worker->root, path, O_RDONLY);
	if (fd != -ENOENT || *folder_r)
		return fd;
	error = maildir_make(worker->root, mailbox->path, "", &made);
	return error != 0 ? error : maildir_open_directory(worker->root, path, O_RDONLY);
}

static void
open_maildrop(struct session *session, const struct mailbox *mailbox)
{
	int error;
	int fd;

	session->user = slice_dup(slice_from_string(mailbox->login));
	fd = session->user == NULL ? -ENOMEM : open_directory(session->worker, mailbox, &session->folder);
	error = fd < 0 ? fd : maildrop_open(fd, INDEX_MAX, &session->maildrop);
	if (error != 0) {
		refuse(session, error);
		return;
	}
	session->state = SESSION_OPENING;
	session->work.step = step_open;
	session_work_begin(session->worker);
	session_continue(session);
}

static int
read_answer(struct channel_frame *frame, struct mailbox *mailbox_r)
{
	if (frame->type != TABLE_REDEEM_REPLY)
		return -EPROTO;
	mailbox_r->result = wire_get_u8(&frame->body);
	if (mailbox_r->result == TABLE_AUTH_OK) {
		wire_get_string(&frame->body, mailbox_r->login, sizeof(mailbox_r->login));
		wire_get_string(&frame->body, mailbox_r->folder, sizeof(mailbox_r->folder));
		wire_get_string(&frame->body, mailbox_r->path, sizeof(mailbox_r->path));
		wire_get_u64(&frame->body); /* the quota: only deliveries are measured by it */
	}
	return wire_done(&frame->body) ? 0 : -EPROTO;
}

static int
answered(void *context, int status, struct channel_frame *frame)
{
	struct session *session = context;
	struct mailbox mailbox = { .result = TABLE_AUTH_TEMPORARY };
	int error = status == 0 ? read_answer(frame, &mailbox) : status;

	/* A ticket that tabled does not know was late, or tabled has been restarted since: the password was right. */
	session->state = SESSION_OPENING;
	if (error == 0 && mailbox.result == TABLE_AUTH_OK)
		open_maildrop(session, &mailbox);
	else
		refuse(session, -EAGAIN);
	return status == 0 ? error : 0;
}

void
session_redeem(struct session *session, struct slice ticket)
{
	struct wire_writer writer = link_begin(session->worker->tabled, TABLE_REDEEM, -1);

	wire_put_slice(&writer, ticket);
	if (link_send(session->worker->tabled, &writer, answered, session, &session->request) == 0)
		return;
	session->state = SESSION_OPENING;
	refuse(session, -EAGAIN);
}
