/*
 * Logins by password: what TABLE_AUTH asks.
 *
 * The hash processes compute the hash and the SCRAM keys of what the client gave. It is right when the hash is the user's, or when the
 * keys are those of an app password of the user's. A user whose hash came from elsewhere gets SCRAM keys by the first right password.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tabled/auth.h"

/* The name that the keys of the password itself have. */
#define PASSWORD SLICE("")

/* The writing of a user's new keys. */
struct upgrade {
	struct writer_job job;
	char login[TABLE_ADDRESS_MAX + 2];
};

static void
upgrade_free(struct upgrade *upgrade)
{
	buffer_free(&upgrade->job.payload);
	free(upgrade);
}

static void
upgrade_done(struct writer_job *job)
{
	struct upgrade *upgrade = job->context;

	log_event(LOG_INFO, "tabled.scram_keys", LOG_STRING("login", upgrade->login), LOG_UINT("status", job->reply.status),
	          LOG_STRING("message", job->reply.message));
	upgrade_free(upgrade);
}

/* The record that carries KEYS to the writer. 0 or a negative errno value. */
static int
upgrade_encode(const struct attempt *attempt, const struct scram_keys *keys, struct buffer *out)
{
	struct record_secret secret = { .name = PASSWORD, .created = (uint64_t)clock_wall(), .keys = *keys };
	struct record_user user = {
		.password = slice_from_string(attempt->hash),
		.salt = slice_of(attempt->salt, attempt->salt_length),
		.iterations = attempt->iterations,
	};
	struct buffer list;
	int error;

	buffer_init(&list, RECORD_ITEM_MAX);
	error = record_secret_add(&list, &user.secrets.count, &secret);
	user.secrets.bytes = buffer_slice(&list);
	if (error == 0)
		error = record_user_encode(&user, out);
	buffer_free(&list);
	return error;
}

/* The user gets SCRAM keys. When that fails there will be another login. */
static void
attempt_upgrade(struct attempt *attempt, const struct scram_keys *keys)
{
	struct upgrade *upgrade = calloc(1, sizeof(*upgrade));
	struct writer_job *job;

	if (upgrade == NULL)
		return;
	job = &upgrade->job;
	buffer_init(&job->payload, TABLE_FRAME_MAX);
	name_address(&attempt->name, upgrade->login);
	job->settings = attempt->owner->settings;
	job->file = -1;
	job->done = upgrade_done;
	job->context = upgrade;
	job->call = (struct admin_call){ .verb = ADMIN_SET, .noun = ADMIN_USER, .fields = ADMIN_FIELD_KEYS };
	job->call.name = slice_from_string(upgrade->login);
	if (upgrade_encode(attempt, keys, &job->payload) != 0) {
		upgrade_free(upgrade);
		return;
	}
	job->call.record = buffer_slice(&job->payload);
	if (writer_submit(attempt->owner->writer, job) != 0)
		upgrade_free(upgrade);
}

/* Whether KEYS are those of an app password. Each is compared, however early one fits. */
static bool
is_app_password(const struct attempt *attempt, const struct record_user *user, const struct scram_keys *keys)
{
	struct record_list rest = user->secrets;
	struct record_secret secret;
	bool found = false;

	if (!slice_equal(user->salt, slice_of(attempt->salt, attempt->salt_length)))
		return false;
	while (record_secret_next(&rest, &secret))
		if (!slice_equal(secret.name, PASSWORD) &&
		    CRYPTO_memcmp(secret.keys.stored, keys->stored, SCRAM_KEY_SIZE) == 0)
			found = true;
	return found;
}

/* What the hash process found, against what the table says now. */
static enum table_auth
attempt_judge(const struct attempt *attempt, int result, const struct scram_keys *keys)
{
	struct record_user user;
	int error = owner_find_user(attempt->owner, &attempt->name, &user);

	if (result < 0 || (error != 0 && error != -ENOENT))
		return TABLE_AUTH_TEMPORARY;
	/* For the decoy no password is right; should one ever be, it belongs to nobody. */
	if (error == -ENOENT || !attempt->known)
		return TABLE_AUTH_FAILED;
	if (result == 1 && attempt->has_hash && slice_equal(user.password, slice_from_string(attempt->hash)))
		return TABLE_AUTH_OK;
	return is_app_password(attempt, &user, keys) ? TABLE_AUTH_OK : TABLE_AUTH_FAILED;
}

static void
attempt_answered(void *context, int result, const struct scram_keys *keys)
{
	struct attempt *attempt = context;
	struct owner *owner = attempt->owner;
	enum table_auth judgement = attempt_judge(attempt, result, keys);

	if (judgement == TABLE_AUTH_OK && owner->password_cache_ms > 0)
		verified_add(owner->verified, attempt->digest, clock_monotonic_ms() + owner->password_cache_ms);
	if (judgement == TABLE_AUTH_OK && result == 1 && attempt->has_hash && !attempt->has_keys)
		attempt_upgrade(attempt, keys);
	/* A channel that cannot take the answer breaks by itself. */
	(void)attempt_end(attempt, judgement, "");
}

/* What is to be computed for this user, or for nobody. */
static void
attempt_prepare(struct attempt *attempt, const struct login *login)
{
	const struct decoy *decoy = &attempt->owner->decoy;
	const struct record_user *user = &login->user;
	struct record_secret secret;

	attempt->has_hash = attempt->known && user->password.length > 0 &&
	                    slice_to_string(user->password, attempt->hash, sizeof(attempt->hash)) == 0;
	if (!attempt->has_hash)
		memcpy(attempt->hash, decoy->hash, sizeof(decoy->hash));
	if (attempt->known && user->secrets.count > 0) {
		attempt->has_keys = record_secret_find(user->secrets, PASSWORD, &secret);
		attempt->salt_length = user->salt.length;
		attempt->iterations = user->iterations;
		memcpy(attempt->salt, user->salt.data, user->salt.length);
		return;
	}
	attempt->salt_length = SCRAM_SALT_SIZE;
	attempt->iterations = SCRAM_ITERATIONS;
	arc4random_buf(attempt->salt, SCRAM_SALT_SIZE);
}

static int
attempt_start(struct attempt *attempt, struct slice text, struct slice password)
{
	struct owner *owner = attempt->owner;
	struct login login;
	struct record_user user;
	int error = attempt_find(attempt, text, &login);

	if (!attempt_charge(attempt))
		return 0;
	if (error != 0)
		return attempt_end(attempt, TABLE_AUTH_TEMPORARY, "");
	if (memchr(password.data, '\0', password.length) != NULL)
		attempt->known = false;
	attempt_prepare(attempt, &login);
	/* With the whole record: what any change of it leaves behind is not found again. */
	verified_digest(owner->verified, name_key(&attempt->name), attempt->known ? login.value : SLICE(""), password,
	                attempt->digest);
	if (attempt->known && verified_find(owner->verified, attempt->digest, clock_monotonic_ms()) &&
	    owner_find_user(owner, &attempt->name, &user) == 0)
		return attempt_end(attempt, TABLE_AUTH_OK, "");
	error = hash_pool_check(owner->hashes,
	                        &(struct hash_question){ .hash = slice_from_string(attempt->hash),
	                                                 .password = password,
	                                                 .salt = slice_of(attempt->salt, attempt->salt_length),
	                                                 .iterations = attempt->iterations },
	                        attempt_answered, attempt);
	return error == 0 ? 0 : attempt_end(attempt, TABLE_AUTH_TEMPORARY, "");
}

int
auth_on_password(struct channel *channel, void *context, struct channel_frame *frame)
{
	struct attempt *attempt = attempt_new(context, frame, "password");
	struct slice text, password;
	int error;

	(void)channel;
	if (attempt == NULL)
		return -ENOMEM;
	text = wire_get_slice(&frame->body);
	password = wire_get_slice(&frame->body);
	if (!wire_done(&frame->body) || password.length == 0 || password.length > TABLE_PASSWORD_MAX) {
		attempt_free(attempt);
		return -EBADMSG;
	}
	error = attempt_start(attempt, text, password);
	/* The channel's buffer has no use for it any more. */
	explicit_bzero((void *)(uintptr_t)password.data, password.length);
	return error;
}
