/*
 * Keeps private keys. They come from the parent over the control channel; whoever asks over the sibling channel gets signatures of the kinds
 * that a handshake needs, and cannot get anything decrypted: RSA key exchange is not spoken.
 *
 * The keys of before the last reload are still signed with, for handshakes that began before it; unless no certificate is left.
 */
#include "common/proc/keeper.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/tls_key.h"
#include "common/ipc/proto_key.h"
#include "common/mail/config.h"
#include "common/proc/control.h"
#include "common/proc/process.h"
#include "common/proc/role_tls.h"

struct kept_key {
	unsigned char id[TLS_KEY_ID_SIZE];
	EVP_PKEY *key;
};

struct key_set {
	size_t count;
	struct kept_key keys[CONFIG_CERTIFICATES_MAX];
};

static struct key_set coming; /* since the last CONTROL_TLS_USE */
static struct key_set present;
static struct key_set past;

static void
set_clear(struct key_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		EVP_PKEY_free(set->keys[i].key);
	*set = (struct key_set){ 0 };
}

static EVP_PKEY *
set_find(const struct key_set *set, struct slice id)
{
	for (size_t i = 0; i < set->count; i++)
		if (slice_equal(slice_of(set->keys[i].id, TLS_KEY_ID_SIZE), id))
			return set->keys[i].key;
	return NULL;
}

/* ---- what the parent sends ---- */

static int
on_key(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct slice text = wire_get_slice(&frame->body);
	struct kept_key *kept = &coming.keys[coming.count];

	(void)channel;
	(void)context;
	if (coming.count == CONFIG_CERTIFICATES_MAX || text.length > TLS_PEM_MAX)
		return -E2BIG;
	kept->key = tls_private_key_parse(text);
	if (kept->key == NULL)
		return -EINVAL; /* the parent has looked at it */
	coming.count++;
	return tls_key_id(kept->key, kept->id);
}

static int
on_use(struct channel *channel, void *context, struct channel_frame *frame)
{
	(void)channel;
	(void)context;
	wire_get_u8(&frame->body);
	set_clear(&past);
	past = present;
	present = coming;
	if (present.count == 0) /* the last certificate is gone: no key stays for the sake of a handshake */
		set_clear(&past);
	coming = (struct key_set){ 0 };
	return 0;
}

static int
keeper_prepare(struct process *process)
{
	(void)process;
	/* The other providers' algorithms are not needed, and no configuration file is looked for. */
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? 0 : -ENOMEM;
}

static const struct channel_handler control_handlers[] = {
	{ CONTROL_TLS_KEY, CHANNEL_ANY, false, on_key },
	{ CONTROL_TLS_USE, CHANNEL_ANY, false, on_use },
};

const struct role_tls role_keeps_keys = {
	.keys = true,
	.prepare = keeper_prepare,
	.handlers = control_handlers,
	.handler_count = sizeof(control_handlers) / sizeof(control_handlers[0]),
};

/* ---- what siblings ask ---- */

static int
on_sign(struct channel *channel, void *context, struct channel_frame *frame)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	struct slice id = wire_get_slice(&frame->body);
	uint8_t kind = wire_get_u8(&frame->body);
	struct slice digest = wire_get_slice(&frame->body);
	uint8_t result = KEY_OK;
	struct wire_writer writer;
	size_t length = 0;
	EVP_PKEY *key;

	(void)context;
	if (!wire_done(&frame->body) || id.length != TLS_KEY_ID_SIZE)
		return -EBADMSG;
	key = set_find(&present, id);
	if (key == NULL)
		key = set_find(&past, id);
	if (key == NULL)
		result = KEY_UNKNOWN;
	else if (tls_key_sign(key, (enum tls_signature)kind, digest, signature, &length) != 0)
		result = KEY_REFUSED;
	if (result != KEY_OK)
		log_event(LOG_WARNING, "key.refused", LOG_UINT("result", result), LOG_UINT("kind", kind));
	writer = channel_begin(channel, KEY_SIGNATURE, frame->request, -1);
	wire_put_u8(&writer, result);
	wire_put_slice(&writer, slice_of(signature, result == KEY_OK ? length : 0));
	return channel_send(channel, &writer);
}

/*
 * Whoever asks waits for the answer before it asks again. Two questions at once come from nobody of ours, and thousands of them would keep the
 * other workers' handshakes waiting.
 */
enum { STATE_IDLE = 0, STATE_ANSWERED = 1 };

static int
on_question(struct channel *channel, void *context, struct channel_frame *frame)
{
	channel_set_state(channel, STATE_ANSWERED);
	return on_sign(channel, context, frame);
}

static void
on_batch_done(struct channel *channel, void *context)
{
	(void)context;
	channel_set_state(channel, STATE_IDLE);
}

static const struct channel_handler handlers[] = {
	{ KEY_SIGN, 1 << STATE_IDLE, false, on_question },
};

static struct channel_count channels = { .most = CHANNEL_PEERS_MAX };

static const struct channel_protocol protocol = {
	.name = "keeper",
	.count = &channels,
	.handlers = handlers,
	.handler_count = sizeof(handlers) / sizeof(handlers[0]),
	.input_limit = KEY_FRAME_MAX,
	.output_limit = KEY_UNSENT_MAX,
	.batch_done = on_batch_done,
};

static void
on_sibling(void *context, int fd)
{
	/* It is freed when the sibling closes its end; channel.c has logged why, if it was not in order. */
	channel_new(process_base(context), fd, &protocol, NULL);
}

int
keeper_main(struct process *process)
{
	process_on_channel(process, "keeper", on_sibling, process);
	return process_run(process);
}
