/*
 * The hash role. It knows no user and no table: only a hash and a password, one pair at a time. It also makes the SCRAM keys of the
 * password, by which the owner sees whether it is an app password, and which a user without them gets.
 */
#include "tabled/hash.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "common/ipc/channel.h"
#include "common/mail/scram.h"
#include "common/proc/process.h"
#include "tabled/record.h"
#include "tabled/saslprep.h"

/* Large (32 KiB), and only one is used at a time. */
static struct crypt_data hash_data;

static bool
hash_matches(const char *stored, const char *password)
{
	const char *computed = crypt_rn(password, stored, &hash_data, (int)sizeof(hash_data));
	size_t length = strlen(stored);
	bool same = computed != NULL && strlen(computed) == length &&
	            CRYPTO_memcmp(computed, stored, length) == 0;

	explicit_bzero(&hash_data, sizeof(hash_data));
	return same;
}

static int
hash_on_check(struct channel *channel, void *context, struct channel_frame *frame)
{
	char stored[RECORD_PASSWORD_MAX + 1];
	char password[TABLE_PASSWORD_MAX + 1], memory[TABLE_PASSWORD_MAX + 1];
	struct scram_keys keys = { .stored = { 0 } };
	struct wire_writer writer;
	struct slice given, prepared, salt;
	uint32_t iterations;
	bool right;

	(void)context;
	wire_get_string(&frame->body, stored, sizeof(stored));
	given = wire_get_slice(&frame->body);
	salt = wire_get_slice(&frame->body);
	iterations = wire_get_u32(&frame->body);
	if (!wire_done(&frame->body))
		return -EBADMSG;
	prepared = saslprep(given, memory, sizeof(memory));
	if (scram_derive(prepared, salt, iterations, &keys) != 0)
		return -EBADMSG;
	right = slice_to_string(prepared, password, sizeof(password)) == 0;
	right = hash_matches(stored, password) && right;
	explicit_bzero(password, sizeof(password));
	explicit_bzero(memory, sizeof(memory));
	/* The channel's buffer has no use for it any more. */
	explicit_bzero((void *)(uintptr_t)given.data, given.length);
	writer = channel_begin(channel, HASH_REPLY, frame->request, -1);
	wire_put_u8(&writer, right);
	wire_put_slice(&writer, slice_of(keys.stored, sizeof(keys.stored)));
	wire_put_slice(&writer, slice_of(keys.server, sizeof(keys.server)));
	explicit_bzero(&keys, sizeof(keys));
	return channel_send(channel, &writer);
}

static void
hash_on_channel(void *context, int fd)
{
	static const struct channel_handler handlers[] = {
		{ .type = HASH_CHECK, .states = CHANNEL_ANY, .handle = hash_on_check },
	};
	static const struct channel_protocol protocol = {
		.name = "hash",
		.handlers = handlers,
		.handler_count = 1,
		.input_limit = HASH_FRAME_MAX,
		.output_limit = HASH_FRAME_MAX,
	};
	struct process *process = context;

	(void)channel_new(process_base(process), fd, &protocol, NULL);
}

int
hash_main(struct process *process)
{
	/* No file is there to be read. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	process_on_channel(process, "hash", hash_on_channel, process);
	return process_run(process);
}
