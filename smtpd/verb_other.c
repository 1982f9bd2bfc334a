/*
 * RSET, NOOP, HELP, VRFY, EXPN, QUIT, and what is not implemented (RFC 5321 4.1.1.5 to 4.1.1.10).
 */
#include "smtpd/verb.h"

#include "common/base/utf8.h"
#include "smtpd/session.h"

void
verb_rset(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_reset(session);
	session_reply(session, REPLY_OK);
}

void
verb_noop(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_reply(session, REPLY_OK);
}

void
verb_help(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_reply(session, REPLY_HELP);
}

/* RFC 6531 3.7.4.2: bytes above 127 need the SMTPUTF8 parameter here, too. */
static bool
is_allowed_text(struct slice arguments)
{
	if (slice_ends_nocase(arguments, SLICE(" SMTPUTF8")))
		return utf8_valid(arguments);
	for (size_t i = 0; i < arguments.length; i++)
		if ((unsigned char)arguments.data[i] > 127)
			return false;
	return true;
}

void
verb_vrfy(struct session *session, struct slice arguments)
{
	/* RFC 5321 7.3: whoever wants to know must send. */
	session_reply(session, is_allowed_text(arguments) ? REPLY_VERIFY : REPLY_RECIPIENT_NOT_ASCII);
}

void
verb_expn(struct session *session, struct slice arguments)
{
	session_reply(session, is_allowed_text(arguments) ? REPLY_EXPAND : REPLY_RECIPIENT_NOT_ASCII);
}

void
verb_quit(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_reply(session, REPLY_BYE);
	conn_farewell(session->conn);
	session_close(session, "quit");
}

void
verb_not_implemented(struct session *session, struct slice arguments)
{
	(void)arguments;
	session_reply(session, REPLY_NOT_IMPLEMENTED);
}
