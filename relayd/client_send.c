/*
 * The envelope of a transaction: what cannot be sent is found out first, then MAIL and RCPT, all at once where PIPELINING is
 * offered (RFC 2920).
 */
#include <errno.h>
#include <stdio.h>

#include "common/mail/mime.h"
#include "relayd/client_private.h"
#include "relayd/command.h"

enum {
	COMMANDS_MAX = 1024 * 1024, /* bytes of all commands before a message */
	AHEAD_MAX = 64 * 1024,      /* bytes of a message that is sent before its recipients are accepted */
};

/* ---- Recipients ---- */

size_t
client_count(const struct client *client, enum client_progress progress)
{
	size_t count = 0;

	for (size_t i = 0; i < client->transaction->recipient_count; i++)
		count += client->transaction->recipients[i].progress == progress;
	return count;
}

struct client_recipient *
client_first(const struct client *client, enum client_progress progress)
{
	for (size_t i = 0; i < client->transaction->recipient_count; i++)
		if (client->transaction->recipients[i].progress == progress)
			return &client->transaction->recipients[i];
	return NULL;
}

void
client_settle(struct client_recipient *recipient, const struct client_result *result)
{
	recipient->result = *result;
	recipient->progress = CLIENT_SETTLED;
}

void
client_settle_all(struct client *client, enum client_progress progress, const struct client_result *result)
{
	for (size_t i = 0; i < client->transaction->recipient_count; i++)
		if (client->transaction->recipients[i].progress == progress)
			client_settle(&client->transaction->recipients[i], result);
}

void
client_finish(struct client *client)
{
	struct client_transaction *transaction = client->transaction;
	struct client_outcome outcome = {
		.usable = client->state != CLIENT_OVER && !client->premature,
		.dsn = client->ehlo.dsn,
		.busy = client->busy,
		.deferred = client->deferred,
		.untouched = client->state == CLIENT_OVER && !client->answered,
		.chunking_refused = client->chunking_refused,
	};

	content_close(&client->content);
	client->transaction = NULL;
	client_enter(client, outcome.usable ? CLIENT_READY : CLIENT_OVER);
	client->callbacks->done(client->context, client, transaction, &outcome);
}

/* ---- What can be known before anything is said ---- */

/* All recipients fail for good. */
static void
client_refuse(struct client *client, const char *status, const char *text)
{
	struct client_result result;

	client_result_set(&result, RELAY_PERMANENT, status, text);
	client_settle_all(client, CLIENT_WAITING, &result);
}

/* The message cannot be looked at now: all recipients are tried later. */
static void
client_put_off(struct client *client, int error)
{
	struct client_result result;

	client_result_of_content(error, &result);
	client_settle_all(client, CLIENT_WAITING, &result);
}

/* RFC 6531 3.2: without SMTPUTF8 nothing goes that needs it. A message that was only declared so does not (3.6). */
static void
client_check_utf8(struct client *client)
{
	const struct client_transaction *transaction = client->transaction;
	bool declared = (transaction->flags & RELAY_SMTPUTF8) != 0;
	int needed = !mime_is_7bit(transaction->sender);
	struct client_result result;

	client->smtputf8 = client->ehlo.smtputf8 && (declared || needed);
	if (!client->ehlo.smtputf8) {
		if (!needed && declared)
			needed = content_header_8bit(&client->content);
		if (needed > 0)
			client_refuse(client, "5.6.7", "The message has UTF-8 in its sender or header, and the remote does not take that (SMTPUTF8)");
		else if (needed < 0)
			client_put_off(client, needed);
	}
	client_result_set(&result, RELAY_PERMANENT, "5.6.7", "The address has UTF-8, and the remote does not take that (SMTPUTF8)");
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		struct client_recipient *recipient = &transaction->recipients[i];

		if (recipient->progress != CLIENT_WAITING || mime_is_7bit(recipient->address))
			continue;
		if (client->ehlo.smtputf8)
			client->smtputf8 = true;
		else
			client_settle(recipient, &result);
	}
}

static void
client_check_addresses(struct client *client)
{
	const struct client_transaction *transaction = client->transaction;
	struct client_result result;

	if (transaction->sender.length > 0 && !command_address_fits(transaction->sender))
		client_refuse(client, "5.1.7", "The sender's address cannot be said in SMTP");
	client_result_set(&result, RELAY_PERMANENT, "5.1.3", "The address cannot be said in SMTP");
	for (size_t i = 0; i < transaction->recipient_count; i++) {
		struct client_recipient *recipient = &transaction->recipients[i];

		if (recipient->progress == CLIENT_WAITING && !command_address_fits(recipient->address))
			client_settle(recipient, &result);
	}
}

static void
client_check_size(struct client *client)
{
	char text[JOBS_TEXT_MAX];

	if (client->ehlo.size_limit == 0 || client->transaction->size <= client->ehlo.size_limit)
		return;
	snprintf(text, sizeof(text), "The message has %llu bytes, and the remote takes %llu",
	         (unsigned long long)client->transaction->size, (unsigned long long)client->ehlo.size_limit);
	client_refuse(client, "5.3.4", text);
}

/* ---- What is said ---- */

/* MAIL as all that was found out makes it. */
static int
client_put_mail(struct client *client, struct buffer *out)
{
	bool eightbit = (client->transaction->flags & RELAY_8BITMIME) != 0 || content_may_be_8bit(&client->content);
	struct command_declared declared = {
		.size = client->ehlo.size && client->content.mime == NULL,
		.eightbit = client->ehlo.eightbitmime && eightbit,
		.smtputf8 = client->smtputf8,
	};

	client->unanswered++;
	return command_mail(client->transaction, &client->ehlo, &declared, out);
}

static int
client_put_rcpt(struct client *client, const struct client_recipient *recipient, struct buffer *out)
{
	client->unanswered++;
	return command_rcpt(recipient, &client->ehlo, client->smtputf8, out);
}

/* All recipients, and DATA, or BDAT when the message is short enough to be sent for nothing: it follows then. */
static int
client_put_rest(struct client *client, struct buffer *out)
{
	const struct client_transaction *transaction = client->transaction;
	int error = 0;

	for (size_t i = 0; i < transaction->recipient_count && error == 0; i++)
		if (transaction->recipients[i].progress == CLIENT_WAITING)
			error = client_put_rcpt(client, &transaction->recipients[i], out);
	client->ahead = !client->chunked || (transaction->body_fd < 0 && transaction->size <= AHEAD_MAX);
	if (error != 0 || !client->ahead)
		return error;
	client->unanswered++;
	if (!client->chunked)
		return buffer_append_string(out, "DATA\r\n");
	return buffer_printf(out, "BDAT %llu LAST\r\n", (unsigned long long)transaction->size);
}

/* Says one thing, or with PIPELINING all that can be said. */
static void
client_say(struct client *client, bool reset, bool mail, const struct client_recipient *recipient)
{
	struct buffer out;
	int error = 0;

	buffer_init(&out, COMMANDS_MAX);
	if (reset) {
		client->unanswered++;
		error = buffer_append_string(&out, "RSET\r\n");
	}
	if (error == 0 && mail)
		error = client_put_mail(client, &out);
	if (error == 0 && recipient != NULL)
		error = client_put_rcpt(client, recipient, &out);
	if (error == 0 && mail && client->ehlo.pipelining)
		error = client_put_rest(client, &out);
	if (error == 0)
		client_write(client, buffer_slice(&out));
	else
		client->broken = true;
	if (client->ahead && client->chunked && !client->broken)
		client_write(client, client->transaction->body);
	buffer_free(&out);
}

/* All is found out: the first words. */
static void
client_begin(struct client *client)
{
	bool reset = client->needs_reset;

	client->chunked = client->ehlo.chunking && !client->settings->whole_data && client->content.mime == NULL;
	client_enter(client, reset ? CLIENT_RSET : CLIENT_MAIL);
	client_say(client, reset, !reset || client->ehlo.pipelining, NULL);
}

/* Looks at one more piece of a message that is to be converted. */
static void
client_scan(struct client *client)
{
	int more = content_scan(&client->content);
	char text[JOBS_TEXT_MAX];

	if (more == 0) {
		client_begin(client);
		return;
	}
	if (more == 1) {
		event_active(&client->later, EV_TIMEOUT, 0);
		return;
	}
	if (more == -EBADMSG) {
		snprintf(text, sizeof(text), "The remote takes 7 bits only, and the message cannot be converted: %s",
		         content_problem(&client->content));
		client_refuse(client, "5.6.3", text);
	} else {
		client_put_off(client, more);
	}
	client_finish(client);
}

void
client_later(struct client *client)
{
	if (client->transaction == NULL || client->state == CLIENT_OVER || client->broken)
		return;
	if (client->content.scanning)
		client_scan(client);
	else if (client_count(client, CLIENT_WAITING) == 0)
		client_finish(client);
}

void
client_send(struct client *client, struct client_transaction *transaction)
{
	client->transaction = transaction;
	client->answered = client->deferred = client->mail_refused = client->ahead = false;
	for (size_t i = 0; i < transaction->recipient_count; i++)
		transaction->recipients[i].progress = CLIENT_WAITING;
	content_open(&client->content, transaction->body, transaction->body_fd, transaction->size, transaction->checksum);
	client_check_size(client);
	client_check_addresses(client);
	client_check_utf8(client);
	/* RFC 6152 3: a server that does not offer 8BITMIME gets 7 bits. */
	if (client_count(client, CLIENT_WAITING) > 0 && !client->ehlo.eightbitmime && content_may_be_8bit(&client->content) &&
	    content_convert(&client->content) != 0)
		client->broken = true;
	if (client_count(client, CLIENT_WAITING) > 0 && !client->content.scanning && !client->broken)
		client_begin(client);
	/* Nothing is called back from in here. */
	if (client->state == CLIENT_READY || client->broken)
		event_active(&client->later, EV_TIMEOUT, 0);
}

/* ---- What is answered ---- */

void
client_rset_accepted(struct client *client)
{
	client->needs_reset = false;
	client->answered = false; /* of this transaction nothing is */
	client_enter(client, CLIENT_MAIL);
	if (!client->ehlo.pipelining)
		client_say(client, false, true, NULL);
}

/* A remote that cannot forget a transaction is of no further use. */
void
client_rset_refused(struct client *client)
{
	char text[JOBS_TEXT_MAX];

	client->answered = false;
	snprintf(text, sizeof(text), "%s", client->reply.text);
	client_give_up(client, "4.5.0", text);
}

/* The next recipient that is waiting, or what comes after them. */
static void
client_next_recipient(struct client *client)
{
	const struct client_recipient *next = client_first(client, CLIENT_WAITING);

	if (next == NULL) {
		client_envelope_done(client);
		return;
	}
	client_enter(client, CLIENT_RCPT);
	if (!client->ehlo.pipelining)
		client_say(client, false, false, next);
}

void
client_mail_accepted(struct client *client)
{
	client->needs_reset = true;
	client_next_recipient(client);
}

void
client_mail_refused(struct client *client)
{
	client->deferred = client->reply.code < 500;
	client->mail_refused = true;
	client_result_of_reply(client, &client->refusal);
	/* What was said with it is answered too, and means nothing. */
	if (client->ehlo.pipelining) {
		client->needs_reset = true;
		client_enter(client, CLIENT_RCPT);
		return;
	}
	client_settle_all(client, CLIENT_WAITING, &client->refusal);
	client_finish(client);
}

void
client_rcpt_answered(struct client *client)
{
	struct client_recipient *recipient = client_first(client, CLIENT_WAITING);
	struct client_result result;

	if (client->mail_refused) {
		client_settle(recipient, &client->refusal);
	} else if (client->reply.code < 300) {
		recipient->progress = CLIENT_ACCEPTED;
	} else {
		client_result_of_reply(client, &result);
		client_settle(recipient, &result);
	}
	client_next_recipient(client);
}
