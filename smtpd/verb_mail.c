/*
 * MAIL (RFC 5321 4.1.1.2).
 */
#include "smtpd/verb.h"

#include "common/base/log.h"
#include "common/mail/address.h"
#include "smtpd/command.h"
#include "smtpd/limit.h"
#include "smtpd/parameters.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

static enum reply
parse_sender(struct slice *arguments, struct address *address_r)
{
	enum address_result result;
	size_t used;

	if (!command_take_keyword(arguments, SLICE("FROM:")))
		return REPLY_SENDER_SYNTAX;
	/* Whether UTF-8 is allowed is said in the parameters behind it. */
	result = address_parse_path(*arguments, ADDRESS_UTF8 | ADDRESS_NULL, address_r, &used);
	if (result == ADDRESS_NOT_ASCII)
		return REPLY_SENDER_NOT_ASCII;
	if (result != ADDRESS_OK || (used < arguments->length && arguments->data[used] != ' '))
		return REPLY_SENDER_SYNTAX;
	*arguments = slice_from(*arguments, used);
	return REPLY_NONE;
}

static enum reply
parse_parameters(struct slice arguments, struct mail_parameters *parameters_r)
{
	switch (parameters_mail(arguments, parameters_r)) {
	case PARAMETERS_OK:
		return REPLY_NONE;
	case PARAMETERS_UNKNOWN:
		return REPLY_PARAMETER_UNKNOWN;
	case PARAMETERS_NOT_ASCII:
		return REPLY_PARAMETER_NOT_ASCII;
	case PARAMETERS_SYNTAX:
		break;
	}
	return REPLY_PARAMETER_SYNTAX;
}

static enum reply
begin(struct session *session, struct slice arguments)
{
	struct mail_parameters parameters;
	struct address address;
	char sender[ADDRESS_MAX + 1];
	enum reply reply = parse_sender(&arguments, &address);

	if (reply == REPLY_NONE)
		reply = parse_parameters(arguments, &parameters);
	if (reply != REPLY_NONE)
		return reply;
	if (address.utf8 && (parameters.flags & ENVELOPE_SMTPUTF8) == 0)
		return REPLY_SENDER_NOT_ASCII;
	/* RFC 1870 6.1 */
	if (parameters.size > session->host->config->message_size_limit)
		return REPLY_TOO_BIG;
	reply = limit_memory_new(session);
	if (reply == REPLY_NONE)
		reply = limit_message(session);
	if (reply != REPLY_NONE)
		return reply;
	address_format(&address, sender);
	session->transaction = transaction_new(slice_from_string(sender), slice_from_string(parameters.envid),
	                                       parameters.flags, parameters.size);
	return session->transaction == NULL ? REPLY_NO_MEMORY : REPLY_SENDER_OK;
}

void
verb_mail(struct session *session, struct slice arguments)
{
	enum reply reply = begin(session, arguments);

	if (reply == REPLY_SENDER_OK)
		session->state = SESSION_MAIL;
	else if (reply != REPLY_MESSAGE_RATE && reply != REPLY_MEMORY_FULL) /* which are logged, but not each time */
		log_event(LOG_INFO, "smtp.refuse_sender", LOG_STRING("session", session->id),
		          LOG_STRING("client", session->client), LOG_SLICE("arguments", arguments),
		          LOG_SLICE("reply", reply_text(reply)));
	session_reply(session, reply);
}
