/*
 * EHLO and HELO (RFC 5321 4.1.1.1).
 */
#include "smtpd/verb.h"

#include <stdlib.h>

#include "smtpd/session.h"

enum { NAME_MAX_LENGTH = 255 }; /* bytes; RFC 5321 4.5.3.1.2 */

/*
 * A domain or an address literal, roughly: many clients send names that are neither, and RFC 5321 4.1.4 asks
 * not to refuse mail for it. But the name goes into Received: and the log, so it holds no characters that mean
 * something there.
 */
static bool
is_name(struct slice name)
{
	if (name.length == 0 || name.length > NAME_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_' || c == ':' || c == '[' || c == ']'))
			return false;
	}
	return true;
}

/* Takes the client's name and begins anew. False when that was answered with an error. */
static bool
introduce(struct session *session, struct slice name, bool extended)
{
	char *helo;

	if (!is_name(name)) {
		session_reply(session, REPLY_HELLO_SYNTAX);
		return false;
	}
	helo = slice_dup(name);
	if (helo == NULL) {
		session_reply(session, REPLY_NO_MEMORY);
		return false;
	}
	free(session->helo);
	session->helo = helo;
	session->extended = extended;
	/* RFC 5321 4.1.4: as if RSET had been said. */
	session_reset(session);
	session->state = SESSION_READY;
	return true;
}

void
verb_ehlo(struct session *session, struct slice arguments)
{
	const struct config *config = session->host->config;

	struct sasl_terms terms = session_terms(session);
	char mechanisms[SASL_NAMES_SIZE] = "";
	struct reply_extensions extensions = {
		.size_limit = config->message_size_limit,
		.recipients_limit = config->recipients_limit,
		.starttls = session_offers_tls(session),
		.mechanisms = mechanisms,
	};

	/* RFC 4954 4: once is enough. */
	if (session_offers_auth(session) && session->login == NULL)
		sasl_names(&terms, mechanisms);
	if (introduce(session, arguments, true))
		session_check(session, reply_ehlo(session->conn, config->hostname, &extensions));
}

void
verb_helo(struct session *session, struct slice arguments)
{
	if (introduce(session, arguments, false))
		session_check(session, reply_helo(session->conn, session->host->config->hostname));
}
