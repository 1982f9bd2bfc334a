/*
 * Logins by SCRAM-SHA-256: TABLE_SCRAM_BEGIN and TABLE_SCRAM_FINISH. The keys never leave this process; the peer carries messages.
 *
 * A user who does not exist, or has no keys, gets a challenge like all others, and fails at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tabled/auth.h"

/* -EACCES: no message of a sound client, but a sign of meddling; a failure like a wrong password. */
static enum table_auth
scram_result(int error)
{
	if (error == -EINVAL)
		return TABLE_AUTH_MALFORMED;
	return error == -EACCES ? TABLE_AUTH_FAILED : TABLE_AUTH_TEMPORARY;
}

static int
scram_answer(const struct attempt *attempt, enum table_auth result, struct slice challenge)
{
	struct channel *channel = attempt->peer->channel;
	struct wire_writer writer = channel_begin(channel, TABLE_SCRAM_CHALLENGE, attempt->request, -1);

	wire_put_u8(&writer, (uint8_t)result);
	if (result == TABLE_AUTH_OK) {
		wire_put_u64(&writer, attempt->exchange);
		wire_put_slice(&writer, challenge);
	}
	return serve_send(channel, &writer);
}

/* The challenge for this user, or for nobody; empty when there can be none. */
static struct slice
scram_challenge_for(struct attempt *attempt, const struct login *login)
{
	unsigned char decoy[SCRAM_SALT_SIZE];
	char nonce[SCRAM_NONCE_SIZE];
	struct slice salt = slice_of(decoy, sizeof(decoy));
	uint32_t iterations = SCRAM_ITERATIONS;

	scram_nonce(nonce);
	decoy_salt(&attempt->owner->decoy, name_key(&attempt->name), decoy);
	if (attempt->known && login->user.secrets.count > 0) {
		salt = login->user.salt;
		iterations = login->user.iterations;
	}
	return scram_challenge(attempt->scram, nonce, salt, iterations);
}

static int
scram_start(struct attempt *attempt, struct slice message, bool plus, const struct scram_channel *channel)
{
	struct auth_peer *peer = attempt->peer;
	struct slice challenge;
	struct login login;
	int error;

	if (attempt->owner->exchanges[peer->tickets] >= AUTH_EXCHANGES_MAX)
		return -EAGAIN;
	attempt->scram = malloc(sizeof(*attempt->scram));
	if (attempt->scram == NULL)
		return -ENOMEM;
	error = scram_begin(attempt->scram, message, plus, channel);
	if (error == 0)
		error = attempt_find(attempt, scram_user(attempt->scram), &login);
	if (error != 0)
		return error;
	challenge = scram_challenge_for(attempt, &login);
	if (challenge.length == 0)
		return -EINVAL;
	attempt->exchange = ++peer->last_exchange;
	RB_INSERT(exchange_tree, &peer->exchanges, attempt);
	attempt->owner->exchanges[peer->tickets]++;
	return scram_answer(attempt, TABLE_AUTH_OK, challenge);
}

int
auth_on_scram_begin(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct attempt *attempt = attempt_new(context, frame, "SCRAM");
	struct scram_channel tls;
	struct slice message;
	bool plus;
	int error;

	(void)channel;
	if (attempt == NULL)
		return -ENOMEM;
	plus = wire_get_u8(&frame->body) != 0;
	tls.exporter = wire_get_slice(&frame->body);
	tls.end_point = wire_get_slice(&frame->body);
	message = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body)) {
		attempt_free(attempt);
		return -EBADMSG;
	}
	error = scram_start(attempt, message, plus, &tls);
	if (attempt->exchange != 0)
		return error;
	error = scram_answer(attempt, scram_result(error), SLICE(""));
	attempt_free(attempt);
	return error;
}

/* Takes the exchange of that number off the peer's; NULL when there is none. */
static struct attempt *
exchange_take(struct auth_peer *peer, uint64_t number)
{
	struct attempt key = { .exchange = number };
	struct attempt *attempt = RB_FIND(exchange_tree, &peer->exchanges, &key);

	if (attempt == NULL)
		return NULL;
	RB_REMOVE(exchange_tree, &peer->exchanges, attempt);
	peer->owner->exchanges[peer->tickets]--;
	attempt->exchange = 0;
	return attempt;
}

/* It began before this process did, perhaps. */
static int
exchange_unknown(struct channel *channel, uint32_t request)
{
	struct wire_writer writer = channel_begin(channel, TABLE_AUTH_REPLY, request, -1);

	wire_put_u8(&writer, TABLE_AUTH_TEMPORARY);
	return serve_send(channel, &writer);
}

/* Tries every secret of the user. FINAL: SCRAM_SERVER_FINAL_SIZE bytes. */
static enum table_auth
scram_judge(const struct attempt *attempt, char *final)
{
	struct record_secret secret;
	struct record_user user;
	int error = owner_find_user(attempt->owner, &attempt->name, &user);

	if (error != 0 || !attempt->known)
		return error == 0 || error == -ENOENT ? TABLE_AUTH_FAILED : TABLE_AUTH_TEMPORARY;
	while (record_secret_next(&user.secrets, &secret)) {
		if (!scram_proves(attempt->scram, &secret.keys))
			continue;
		scram_signature(attempt->scram, &secret.keys, final);
		return TABLE_AUTH_OK;
	}
	return TABLE_AUTH_FAILED;
}

int
auth_on_scram_finish(struct channel *channel, void *context, struct channel_frame *frame)
{
	uint64_t number = wire_get_u64(&frame->body);
	struct slice message = wire_get_slice(&frame->body);
	char final[SCRAM_SERVER_FINAL_SIZE] = "";
	enum table_auth result;
	struct attempt *attempt;
	int error;

	if (!wire_done(&frame->body))
		return -EBADMSG;
	attempt = exchange_take(context, number);
	if (attempt == NULL)
		return exchange_unknown(channel, frame->request);
	attempt->request = frame->request;
	if (!attempt_charge(attempt))
		return 0;
	error = scram_finish(attempt->scram, message);
	result = error == 0 ? scram_judge(attempt, final) : scram_result(error);
	return attempt_end(attempt, result, final);
}

int
auth_on_scram_abort(struct channel *channel, void *context, struct channel_frame *frame)
{
	uint64_t number = wire_get_u64(&frame->body);
	struct attempt *attempt;

	(void)channel;
	if (!wire_done(&frame->body))
		return -EBADMSG;
	attempt = exchange_take(context, number);
	if (attempt != NULL)
		attempt_free(attempt);
	return 0;
}
