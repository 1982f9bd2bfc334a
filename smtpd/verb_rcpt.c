/*
 * RCPT (RFC 5321 4.1.1.3). Each recipient is asked of tabled; meanwhile further RCPTs are taken. Replies leave
 * in the order of the commands: a recipient stays on the transaction's pending list until it and all before it
 * have their reply.
 */
#include "smtpd/verb.h"

#include <errno.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/mail/address.h"
#include "smtpd/command.h"
#include "smtpd/limit.h"
#include "smtpd/parameters.h"
#include "smtpd/session.h"
#include "smtpd/transaction.h"

/*
 * A way to somewhere else in the local-part, as relays of old understood it: user%host, host!user, "user@host" (RFC 5321 appendix F.2 and
 * F.3; RFC 1123 5.2.16). To us it is a name like any other.
 */
static bool
has_route_inside(struct slice address)
{
	struct slice local = slice_first(address, slice_find_last(address, '@'));

	return slice_find(local, '%') < local.length || slice_find(local, '!') < local.length || slice_find(local, '@') < local.length;
}

/*
 * May a message for an address that is not delivered here go on? Whoever is known may send to everywhere; everybody to RELAYED domains,
 * those that we are backup MX for. Their hosts trust us and might follow a way in the local-part; from strangers we pass on none. This is the
 * one place where relaying is decided.
 */
static enum reply
judge_remote(const struct session *session, struct slice address, bool relayed)
{
	if (session->may_relay || session->login != NULL || (relayed && !has_route_inside(address)))
		return REPLY_RECIPIENT_OK;
	return REPLY_RELAY_DENIED;
}

static enum reply
judge(const struct session *session, const struct recipient *recipient, enum table_class class)
{
	/* RFC 5321 4.5.1: "postmaster" without a domain is always accepted. */
	if (class != TABLE_TEMPORARY && slice_equal_nocase(recipient->address, SLICE("postmaster")))
		return REPLY_RECIPIENT_OK;
	switch (class) {
	case TABLE_LOCAL:
	case TABLE_ALIAS:
		return REPLY_RECIPIENT_OK;
	case TABLE_RELAY:
		return judge_remote(session, recipient->address, true);
	case TABLE_REMOTE:
		return judge_remote(session, recipient->address, false);
	case TABLE_NO_USER:
		return REPLY_NO_MAILBOX;
	case TABLE_DISABLED:
		return REPLY_DISABLED;
	case TABLE_LOOP:
		return REPLY_ALIAS_LOOP;
	case TABLE_TEMPORARY:
		break;
	}
	return REPLY_LOOKUP_FAILED;
}

static void
log_refused(const struct session *session, struct slice address, enum reply reply)
{
	log_event(LOG_INFO, "smtp.refuse_recipient", LOG_STRING("session", session->id),
	          LOG_STRING("client", session->client), LOG_STRING("from", session->transaction->sender),
	          LOG_SLICE("to", address), LOG_SLICE("reply", reply_text(reply)));
}

/* The reply to an address that may be a guess. */
static bool
is_no_recipient(enum reply reply)
{
	return reply == REPLY_NO_MAILBOX || reply == REPLY_DISABLED || reply == REPLY_RELAY_DENIED;
}

/* Sends the replies that are ready, as far as their order allows. */
static void
answer_ready(struct session *session)
{
	struct transaction *transaction = session->transaction;
	const struct recipient *first;

	while ((first = STAILQ_FIRST(&transaction->pending)) != NULL && first->reply != REPLY_NONE) {
		enum reply reply = first->reply;

		if (reply == REPLY_RECIPIENT_OK) {
			session->state = SESSION_RCPT;
		} else {
			session->refused++;
			transaction->refused_count++;
		}
		transaction_settle(transaction);
		session_reply(session, reply);
		if (is_no_recipient(reply) && !limit_error(session))
			session_end_by_errors(session);
	}
}

static void
looked_up(struct lookup *lookup, enum table_class class)
{
	size_t offset = offsetof(struct recipient, lookup);
	struct recipient *recipient = (struct recipient *)(void *)((char *)lookup - offset);
	struct session *session = recipient->session;

	recipient->reply = judge(session, recipient, class);
	if (recipient->reply != REPLY_RECIPIENT_OK)
		log_refused(session, recipient->address, recipient->reply);
	answer_ready(session);
	if (session->transaction->pending_count == 0)
		session_wake(session, SESSION_WAIT_LOOKUPS);
	else
		session_settle(session);
}

/* Parses the command. REPLY_NONE when it is sound. */
static enum reply
parse(const struct session *session, struct slice arguments, struct address *address_r,
      struct rcpt_parameters *parameters_r)
{
	bool utf8 = (session->transaction->flags & ENVELOPE_SMTPUTF8) != 0;
	enum address_result result;
	size_t used;

	if (!command_take_keyword(&arguments, SLICE("TO:")))
		return REPLY_RECIPIENT_SYNTAX;
	result = address_parse_path(arguments, ADDRESS_POSTMASTER | (utf8 ? ADDRESS_UTF8 : 0), address_r, &used);
	if (result == ADDRESS_NOT_ASCII)
		return REPLY_RECIPIENT_NOT_ASCII;
	if (result != ADDRESS_OK || (used < arguments.length && arguments.data[used] != ' '))
		return REPLY_RECIPIENT_SYNTAX;
	return parameters_refusal(parameters_rcpt(slice_from(arguments, used), utf8, parameters_r));
}

/*
 * Is there room for one more? The log hears of it only once, or a client with 10,000 recipients would fill it.
 */
static bool
has_room(struct session *session, size_t bytes)
{
	struct transaction *transaction = session->transaction;

	if (transaction->accepted_count + transaction->pending_count < session->host->config->recipients_limit &&
	    transaction_has_room(transaction, bytes))
		return true;
	if (!transaction->limit_logged)
		log_refused(session, SLICE("more"), REPLY_TOO_MANY_RECIPIENTS);
	transaction->limit_logged = true;
	return false;
}

/*
 * Puts the recipient on the pending list and asks about it. REPLY_NONE when its reply will come, now or later.
 */
static enum reply
add(struct session *session, const struct address *address, const struct rcpt_parameters *parameters)
{
	struct slice orcpt = slice_from_string(parameters->orcpt);
	struct recipient *recipient;
	char text[ADDRESS_MAX + 1];
	struct slice name;
	enum reply reply;

	address_format(address, text);
	name = slice_from_string(text);
	if (!has_room(session, name.length + orcpt.length))
		return REPLY_TOO_MANY_RECIPIENTS;
	reply = limit_memory_new(session);
	if (reply == REPLY_NONE)
		reply = limit_recipient(session);
	if (reply != REPLY_NONE)
		return reply;
	recipient = transaction_add(session->transaction, name, orcpt, parameters->notify);
	if (recipient == NULL)
		return REPLY_NO_MEMORY;
	recipient->session = session;
	recipient->lookup.answered = looked_up;
	if (lookup_ask(session->host->tabled, name, &recipient->lookup) != 0) {
		recipient->reply = REPLY_LOOKUP_FAILED;
		answer_ready(session);
	}
	return REPLY_NONE;
}

/* Answers a command that adds no recipient, after those before it: it takes a place on the list. */
static void
answer_in_order(struct session *session, enum reply reply)
{
	struct recipient *place = transaction_add(session->transaction, SLICE(""), SLICE(""), 0);

	if (place == NULL) {
		session_check(session, -ENOMEM);
		return;
	}
	place->session = session;
	place->reply = reply;
	answer_ready(session);
}

void
verb_rcpt(struct session *session, struct slice arguments)
{
	struct rcpt_parameters parameters;
	struct address address;
	enum reply reply = parse(session, arguments, &address, &parameters);

	if (reply != REPLY_NONE)
		log_refused(session, arguments, reply);
	else
		reply = add(session, &address, &parameters);
	if (reply != REPLY_NONE)
		answer_in_order(session, reply);
}
