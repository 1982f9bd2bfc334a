/*
 * DELE and RSET (RFC 1939 section 5): marks in memory. No file is touched before QUIT.
 */
#include "pop3d/session.h"

void
verb_dele(struct session *session, struct slice arguments)
{
	uint32_t message;

	if (!session_get_message(session, &arguments, &message) || !session_no_more(session, arguments))
		return;
	maildrop_delete(session->maildrop, message);
	session_reply(session, SLICE("+OK marked as deleted\r\n"));
}

void
verb_rset(struct session *session, struct slice arguments)
{
	if (!session_no_more(session, arguments))
		return;
	maildrop_undelete_all(session->maildrop);
	session_printf(session, "+OK %u messages, none deleted\r\n", maildrop_count(session->maildrop));
}
