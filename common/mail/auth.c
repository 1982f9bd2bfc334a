/*
 * Carries a client's login to tabled.
 */
#include "common/mail/auth.h"

#include <errno.h>
#include <string.h>

#include "common/ipc/link.h"

static int auth_on_answer(void *context, int status, struct channel_frame *frame);

/* Sends the question. */
static enum auth_result
auth_ask(struct auth *auth, struct wire_writer *writer)
{
	auth->waiting = link_send(auth->link, writer, auth_on_answer, auth, &auth->request) == 0;
	return auth->waiting ? AUTH_WAIT : AUTH_TEMPORARY;
}

enum auth_result
auth_password(struct auth *auth, struct slice login, struct slice password)
{
	struct wire_writer writer;

	auth->step = AUTH_STEP_OVER;
	if (login.length == 0 || login.length > SASL_MESSAGE_MAX || password.length == 0 || password.length > TABLE_PASSWORD_MAX)
		return AUTH_MALFORMED;
	writer = link_begin(auth->link, TABLE_AUTH, -1);
	wire_put_string(&writer, auth->service);
	wire_put_string(&writer, auth->client);
	wire_put_slice(&writer, login);
	wire_put_slice(&writer, password);
	return auth_ask(auth, &writer);
}

static enum auth_result
auth_ask_challenge(struct auth *auth, struct slice message)
{
	struct wire_writer writer = link_begin(auth->link, TABLE_SCRAM_BEGIN, -1);

	wire_put_string(&writer, auth->service);
	wire_put_string(&writer, auth->client);
	wire_put_u8(&writer, auth->mechanism == SASL_SCRAM_SHA_256_PLUS);
	wire_put_slice(&writer, slice_of(auth->binding.exporter, auth->binding.exporter_length));
	wire_put_slice(&writer, slice_of(auth->binding.end_point, auth->binding.end_point_length));
	wire_put_slice(&writer, message);
	return auth_ask(auth, &writer);
}

static enum auth_result
auth_ask_finish(struct auth *auth, struct slice message)
{
	struct wire_writer writer = link_begin(auth->link, TABLE_SCRAM_FINISH, -1);

	wire_put_u64(&writer, auth->exchange);
	wire_put_slice(&writer, message);
	auth->exchange = 0;
	auth->step = AUTH_STEP_OVER;
	return auth_ask(auth, &writer);
}

static enum auth_result
auth_challenge(struct auth *auth, struct slice text, enum auth_step next)
{
	if (BASE64_SIZE(text.length) > sizeof(auth->challenge))
		return AUTH_TEMPORARY;
	base64_encode(text.data, text.length, auth->challenge);
	auth->step = next;
	return AUTH_CHALLENGE;
}

/* The login of LOGIN. */
static enum auth_result
auth_user(struct auth *auth, struct slice message)
{
	if (message.length == 0 || message.length > sizeof(auth->user))
		return AUTH_MALFORMED;
	memcpy(auth->user, message.data, message.length);
	auth->user_length = message.length;
	return auth_challenge(auth, SLICE("Password:"), AUTH_STEP_PASSWORD);
}

static enum auth_result
auth_first(struct auth *auth, struct slice message)
{
	struct slice login, password;

	if (auth->mechanism == SASL_LOGIN)
		return auth_user(auth, message);
	if (auth->mechanism != SASL_PLAIN)
		return auth_ask_challenge(auth, message);
	return sasl_plain(message, &login, &password) ? auth_password(auth, login, password) : AUTH_MALFORMED;
}

static enum auth_result
auth_message(struct auth *auth, struct slice message)
{
	switch (auth->step) {
	case AUTH_STEP_FIRST:
		return auth_first(auth, message);
	case AUTH_STEP_PASSWORD:
		return auth_password(auth, slice_of(auth->user, auth->user_length), message);
	case AUTH_STEP_FINAL:
		return auth_ask_finish(auth, message);
	case AUTH_STEP_EMPTY:
		return message.length == 0 ? AUTH_OK : AUTH_MALFORMED;
	case AUTH_STEP_OVER:
		break;
	}
	return AUTH_MALFORMED;
}

enum auth_result
auth_line(struct auth *auth, struct slice line)
{
	char message[SASL_MESSAGE_MAX];
	enum auth_result result = AUTH_MALFORMED;
	size_t length;

	if (slice_equal(line, SLICE("*")))
		return AUTH_CANCELLED;
	if (base64_decode(line, message, sizeof(message), &length) == 0)
		result = auth_message(auth, slice_of(message, length));
	explicit_bzero(message, sizeof(message));
	return result;
}

enum auth_result
auth_begin(struct auth *auth, enum sasl_mechanism mechanism, struct slice initial)
{
	auth->mechanism = mechanism;
	auth->step = AUTH_STEP_FIRST;
	if (initial.length == 0)
		return auth_challenge(auth, mechanism == SASL_LOGIN ? SLICE("Username:") : SLICE(""), AUTH_STEP_FIRST);
	return auth_line(auth, slice_equal(initial, SLICE("=")) ? SLICE("") : initial);
}

/* The results that end an exchange, as tabled says them. */
static enum auth_result
auth_result_of(uint8_t said)
{
	switch (said) {
	case TABLE_AUTH_OK:
		return AUTH_OK;
	case TABLE_AUTH_FAILED:
		return AUTH_FAILED;
	case TABLE_AUTH_MALFORMED:
		return AUTH_MALFORMED;
	default:
		return AUTH_TEMPORARY;
	}
}

static enum auth_result
auth_read_challenge(struct auth *auth, struct wire_reader *reader)
{
	enum auth_result result = auth_result_of(wire_get_u8(reader));
	struct slice text;

	if (result != AUTH_OK)
		return result;
	auth->exchange = wire_get_u64(reader);
	text = wire_get_slice(reader);
	return auth_challenge(auth, text, AUTH_STEP_FINAL);
}

static enum auth_result
auth_read_end(struct auth *auth, struct wire_reader *reader)
{
	enum auth_result result = auth_result_of(wire_get_u8(reader));
	struct slice ticket, final;

	if (result != AUTH_OK)
		return result;
	ticket = wire_get_slice(reader);
	wire_get_string(reader, auth->login, sizeof(auth->login));
	final = wire_get_slice(reader);
	if (ticket.length == TABLE_TICKET_SIZE)
		memcpy(auth->ticket, ticket.data, TABLE_TICKET_SIZE);
	else if (ticket.length > 0)
		reader->bad = true;
	/* RFC 4954 4, RFC 5034 4: what the server says at the end is one more challenge, which is answered with nothing. */
	return final.length == 0 ? AUTH_OK : auth_challenge(auth, final, AUTH_STEP_EMPTY);
}

static int
auth_on_answer(void *context, int status, struct channel_frame *frame)
{
	struct auth *auth = context;
	enum auth_result result = AUTH_TEMPORARY;
	int error = 0;

	auth->waiting = false;
	if (status == 0) {
		if (frame->type == TABLE_SCRAM_CHALLENGE)
			result = auth_read_challenge(auth, &frame->body);
		else if (frame->type == TABLE_AUTH_REPLY)
			result = auth_read_end(auth, &frame->body);
		else
			error = -EPROTO;
		if (error == 0 && !wire_done(&frame->body))
			error = -EPROTO;
	}
	auth->answered(auth, error == 0 ? result : AUTH_TEMPORARY);
	return error;
}

void
auth_cancel(struct auth *auth)
{
	struct channel *channel = auth->exchange == 0 ? NULL : link_channel(auth->link);
	struct wire_writer writer;

	if (auth->waiting)
		link_cancel(auth->link, auth->request);
	/* A new tabled knows nothing of old exchanges, and says nothing to their end. */
	if (channel != NULL) {
		writer = channel_begin(channel, TABLE_SCRAM_ABORT, 0, -1);
		wire_put_u64(&writer, auth->exchange);
		(void)channel_send(channel, &writer);
	}
	explicit_bzero(auth, sizeof(*auth));
}
