/*
 * DATA (RFC 5321 4.1.1.4).
 */
#include "smtpd/verb.h"

#include "smtpd/content.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

void
verb_data(struct session *session, struct slice arguments)
{
	enum reply refusal;

	(void)arguments;
	/* RFC 3030 3: BINARYMIME can only be sent by BDAT. */
	if ((session->transaction->flags & ENVELOPE_BINARYMIME) != 0) {
		session_reply(session, REPLY_BINARY_DATA);
		return;
	}
	refusal = content_begin(session);
	if (refusal != REPLY_NONE) {
		content_end(session, refusal);
		return;
	}
	data_begin(&session->data);
	session->mode = SESSION_DATA;
	session_reply(session, REPLY_GO_ON);
}
