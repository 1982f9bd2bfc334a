/*
 * BDAT (RFC 3030 2). Its bytes follow at once, whatever is thought of it: they are read in any case, so that
 * they are never taken for commands.
 */
#include "smtpd/verb.h"

#include "smtpd/content.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

/* "size [LAST]" */
static bool
parse(struct slice arguments, uint64_t *size_r, bool *last_r)
{
	struct slice size = slice_word(&arguments);
	struct slice last = slice_trim(arguments);

	*last_r = last.length > 0;
	if (last.length > 0 && !slice_equal_nocase(last, SLICE("LAST")))
		return false;
	return slice_to_number(size, UINT64_MAX, size_r) == 0;
}

static void
refuse_syntax(struct session *session, struct slice arguments)
{
	if (arguments.length == 0) {
		session_reply(session, REPLY_ARGUMENTS);
		return;
	}
	/* Bytes follow, but how many is unknown. To read on would be to take content for commands. */
	session_reply(session, REPLY_CHUNK_SYNTAX);
	session_close(session, "bad chunk size");
}

void
verb_bdat(struct session *session, struct slice arguments)
{
	struct message *message;

	if (!parse(arguments, &session->chunk_left, &session->chunk_last)) {
		refuse_syntax(session, arguments);
		return;
	}
	session->mode = SESSION_CHUNK;
	session->progress = 0;
	session->chunk_reply = session_missing(session);
	if (session->chunk_reply == REPLY_NONE) {
		/* What fails here is in message->refusal, and answered after the chunk. */
		if (session->state == SESSION_RCPT)
			content_begin(session);
		session->state = SESSION_CHUNKS;
		message = &session->transaction->message;
		if (message->size > message->size_limit || session->chunk_left > message->size_limit - message->size)
			message_refuse(message, REPLY_TOO_BIG);
	}
	if (session->chunk_left == 0)
		content_end_chunk(session);
}
