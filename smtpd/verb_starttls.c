/*
 * STARTTLS (RFC 3207).
 */
#include "smtpd/verb.h"

#include <stdlib.h>

#include "smtpd/session.h"

/* RFC 3207 4.2: what the client has said so far is forgotten, its name too. */
static void
forget(struct session *session)
{
	session_reset(session);
	session->state = SESSION_START;
	free(session->helo);
	session->helo = NULL;
	free(session->login);
	session->login = NULL;
	session->extended = false;
}

void
verb_starttls(struct session *session, struct slice arguments)
{
	const struct session_host *host = session->host;

	(void)arguments;
	if (session->secure) {
		session_reply(session, REPLY_ALREADY_TLS);
		return;
	}
	if (!session_offers_tls(session)) {
		session_reply(session, REPLY_NOT_IMPLEMENTED);
		return;
	}
	if (!host->tls_ready()) {
		session_reply(session, REPLY_TLS_UNAVAILABLE);
		return;
	}
	session_reply(session, REPLY_START_TLS);
	session_start_tls(session);
	forget(session);
}
