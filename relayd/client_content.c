/*
 * The message of a transaction: DATA (RFC 5321 4.1.1.4), or BDAT where CHUNKING is offered (RFC 3030), and what is said of it at its end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relayd/client_private.h"

enum {
	CHUNK_MAX = 1024 * 1024,    /* bytes: a server that keeps a chunk in memory can; each is waited for */
	UNSENT_HIGH = 128 * 1024,   /* bytes that wait for the socket, after which no more is written */
	UNSENT_LOW = 64 * 1024,     /* and at which more is */
	CODE_UNKNOWN = 500,         /* RFC 5321 4.2.4: the command is not known */
	CODE_NOT_IMPLEMENTED = 502,
};

/* By LMTP each recipient that was accepted has a reply of its own (RFC 2033 4.2). */
static void
client_expect_end(struct client *client)
{
	size_t accepted = client_count(client, CLIENT_ACCEPTED);

	if (client->settings->lmtp && accepted > 1)
		client->unanswered += (unsigned)accepted - 1;
}

void
client_result_of_content(int error, struct client_result *out)
{
	char text[JOBS_TEXT_MAX];

	snprintf(text, sizeof(text), "The message cannot be read: %s", strerror(-error));
	if (error == -EUCLEAN)
		client_result_set(out, RELAY_DAMAGED, "4.3.0", "The message is damaged in the queue");
	else
		client_result_set(out, RELAY_TEMPORARY, "4.3.0", text);
}

/* The message cannot be given out, in its middle. Its end has not been said, so nobody takes it for whole. */
static void
client_content_failed(struct client *client, int error)
{
	struct client_result result;

	client_result_of_content(error, &result);
	client_end_session(client, &result);
}

/* The message, or a chunk, is written. */
static void
client_body_written(struct client *client)
{
	if (!client->chunked) {
		client_command(client, dots_end(&client->dots));
		client_expect_end(client);
	}
	client_enter(client, !client->chunked || client->last ? CLIENT_END : CLIENT_CHUNK);
}

static void
client_write_piece(struct client *client, struct slice piece)
{
	if (client->chunked) {
		client->chunk -= piece.length;
		client_write(client, piece);
		return;
	}
	while (piece.length > 0)
		client_write(client, dots_next(&client->dots, &piece));
}

void
client_write_body(struct client *client)
{
	client_enter(client, CLIENT_BODY);
	while (conn_unsent(client->conn) < UNSENT_HIGH && !client->broken) {
		size_t most = client->chunked && client->chunk < CONTENT_PIECE_MAX ? (size_t)client->chunk : CONTENT_PIECE_MAX;
		struct slice piece = SLICE("");
		int error = most == 0 ? 0 : content_next(&client->content, most, &piece);

		if (error != 0) {
			client_content_failed(client, error);
			return;
		}
		if (piece.length == 0) {
			client_body_written(client);
			return;
		}
		client_write_piece(client, piece);
	}
}

static void
client_begin_chunk(struct client *client)
{
	uint64_t left = client->content.size - client->content.offset;

	client->last = left <= CHUNK_MAX;
	client->chunk = client->last ? left : CHUNK_MAX;
	client_printf(client, "BDAT %llu%s\r\n", (unsigned long long)client->chunk, client->last ? " LAST" : "");
	if (client->last)
		client_expect_end(client);
	conn_set_low_water(client->conn, UNSENT_LOW);
	client_write_body(client);
}

void
client_envelope_done(struct client *client)
{
	if (client->ahead && client->chunked) {
		client_expect_end(client);
		client_enter(client, CLIENT_END);
	} else if (client->ahead) {
		client_enter(client, CLIENT_DATA);
	} else if (client_count(client, CLIENT_ACCEPTED) == 0) {
		client_finish(client);
	} else if (client->chunked) {
		client_begin_chunk(client);
	} else {
		client_command(client, SLICE("DATA\r\n"));
		client_enter(client, CLIENT_DATA);
	}
}

void
client_data_accepted(struct client *client)
{
	/* Said ahead, and accepted without a recipient: a message without a line is all that ends it (RFC 2920 3.1). */
	if (client_count(client, CLIENT_ACCEPTED) == 0) {
		client_command(client, SLICE(".\r\n"));
		client_enter(client, CLIENT_END);
		return;
	}
	client->dots = (struct dots){ .line_start = true };
	conn_set_low_water(client->conn, UNSENT_LOW);
	client_write_body(client);
}

void
client_data_refused(struct client *client)
{
	struct client_result result;

	client_result_of_reply(client, &result);
	client_settle_all(client, CLIENT_ACCEPTED, &result);
	client_finish(client);
}

/* By LMTP, when others are still to be answered for. */
static bool
client_has_delivered(const struct client *client)
{
	const struct client_transaction *transaction = client->transaction;

	for (size_t i = 0; i < transaction->recipient_count; i++)
		if (transaction->recipients[i].progress == CLIENT_SETTLED && transaction->recipients[i].result.result == RELAY_DONE)
			return true;
	return false;
}

bool
client_chunking_unknown(struct client *client)
{
	if (!client->chunked || (client->reply.code != CODE_UNKNOWN && client->reply.code != CODE_NOT_IMPLEMENTED) ||
	    client_has_delivered(client))
		return false;
	client->chunking_refused = true;
	client_give_up(client, "4.5.1", client->reply.text);
	return true;
}

void
client_chunk_accepted(struct client *client)
{
	client_begin_chunk(client);
}

/* What a refused chunk leaves behind must be reset (RFC 3030 2). */
void
client_chunk_refused(struct client *client)
{
	struct client_result result;

	if (client_chunking_unknown(client))
		return;
	client_result_of_reply(client, &result);
	client_settle_all(client, CLIENT_ACCEPTED, &result);
	client_finish(client);
}

void
client_end_answered(struct client *client)
{
	struct client_recipient *recipient = client_first(client, CLIENT_ACCEPTED);
	struct client_result result;

	if (client_chunking_unknown(client))
		return;
	/* The end of DATA ends the transaction, whatever is answered (RFC 5321 4.1.1.4); a refused BDAT does not (RFC 3030 2). */
	client->needs_reset = client->chunked && client->reply.code >= 400;
	client_result_of_reply(client, &result);
	if (!client->settings->lmtp)
		client_settle_all(client, CLIENT_ACCEPTED, &result);
	else if (recipient != NULL)
		client_settle(recipient, &result);
	if (client_count(client, CLIENT_ACCEPTED) > 0)
		client_enter(client, CLIENT_END);
	else
		client_finish(client);
}
