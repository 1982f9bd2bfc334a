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
#include "smtpd/submit.h"
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
begin(struct session *session, struct slice arguments)
{
	struct mail_parameters parameters;
	struct address address;
	char sender[ADDRESS_MAX + 1];
	enum reply reply = parse_sender(&arguments, &address);

	/* RFC 6409 4.3: a submission is a user's, or comes from a network that we know. */
	if (session->submission && session->login == NULL && !session->may_relay)
		return REPLY_AUTH_REQUIRED;
	if (reply == REPLY_NONE)
		reply = parameters_refusal(parameters_mail(arguments, &parameters));
	if (reply != REPLY_NONE)
		return reply;
	if (address.utf8 && (parameters.flags & ENVELOPE_SMTPUTF8) == 0)
		return REPLY_SENDER_NOT_ASCII;
	/* RFC 1870 6.1 */
	if (parameters.size > session->host->config->message_size_limit)
		return REPLY_TOO_BIG;
	/* RFC 5321 4.2.3: before the client has sent it all in vain. */
	if (!submit_has_space(session->host->submit))
		return REPLY_NO_SPACE;
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

static void
answer(struct session *session, enum reply reply, struct slice arguments)
{
	if (reply == REPLY_SENDER_OK)
		session->state = SESSION_MAIL;
	else if (reply != REPLY_MESSAGE_RATE && reply != REPLY_MEMORY_FULL) /* which are logged, but not each time */
		log_event(LOG_INFO, "smtp.refuse_sender", LOG_STRING("session", session->id),
		          LOG_STRING("client", session->client), LOG_SLICE("arguments", arguments),
		          LOG_SLICE("reply", reply_text(reply)));
	session_reply(session, reply);
}

static void
asked(struct may_send *question, enum table_may_send said)
{
	static const enum reply replies[] = {
		[TABLE_MAY_SEND_YES] = REPLY_SENDER_OK,
		[TABLE_MAY_SEND_NO] = REPLY_SENDER_NOT_YOURS,
		[TABLE_MAY_SEND_LATER] = REPLY_LOOKUP_FAILED,
	};
	struct session *session = question->context;

	answer(session, replies[said], slice_from_string(session->transaction->sender));
	if (said != TABLE_MAY_SEND_YES)
		session_reset(session);
	session_wake(session, SESSION_WAIT_SENDER);
}

/* Whether a user may send as this sender is tabled's to say. The null reverse-path is free to all: receipts have it (RFC 8098 3). */
static enum reply
ask(struct session *session)
{
	struct transaction *transaction = session->transaction;

	if (session->login == NULL || transaction->sender[0] == '\0')
		return REPLY_SENDER_OK;
	transaction->may_send.answered = asked;
	transaction->may_send.context = session;
	if (may_send_ask(session->host->tabled, session->login, transaction->sender, &transaction->may_send) == 0)
		return REPLY_NONE;
	session_reset(session);
	return REPLY_LOOKUP_FAILED;
}

void
verb_mail(struct session *session, struct slice arguments)
{
	enum reply reply = begin(session, arguments);

	if (reply == REPLY_SENDER_OK)
		reply = ask(session);
	if (reply == REPLY_NONE)
		session_wait(session, SESSION_WAIT_SENDER);
	else
		answer(session, reply, arguments);
}
