/*
 * What the verbs on users do with passwords: turn them into SCRAM keys, beside the hash that dbtool has made.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tabled/admin_verbs.h"

/* The secret's keys, made with the user's salt, at the end of the list. 0 or a negative errno value. */
static int
admin_secret_append(const struct record_user *user, struct slice name, struct slice secret, struct buffer *out,
                    uint32_t *count)
{
	struct record_secret made = { .name = name, .created = (uint64_t)clock_wall() };
	int error = scram_derive(secret, user->salt, user->iterations, &made.keys);

	if (error == 0)
		error = record_secret_add(out, count, &made);
	explicit_bzero(&made.keys, sizeof(made.keys));
	return error;
}

enum admin_status
admin_secrets(struct admin *admin, struct record_user *user, struct slice name, struct slice secret, struct buffer *out,
              unsigned char *salt)
{
	struct record_list rest = user->secrets;
	struct record_secret each;
	uint32_t count = 0;
	int error = 0;

	while (error == 0 && record_secret_next(&rest, &each))
		if (!slice_equal(each.name, name))
			error = record_secret_add(out, &count, &each);
	if (secret.length > 0 && count == 0) {
		/* No other secret needs the old salt. */
		arc4random_buf(salt, SCRAM_SALT_SIZE);
		user->salt = slice_of(salt, SCRAM_SALT_SIZE);
		user->iterations = SCRAM_ITERATIONS;
	}
	if (error == 0 && secret.length > 0)
		error = admin_secret_append(user, name, secret, out, &count);
	if (error == -E2BIG)
		return admin_say(admin, ADMIN_REFUSED, "a user has at most %d app passwords", RECORD_SECRETS_MAX - 1);
	if (error != 0)
		return admin_storage(admin, error);
	user->secrets = (struct record_list){ .count = count, .bytes = buffer_slice(out) };
	return ADMIN_OK;
}

enum admin_status
admin_secret_keys(struct admin *admin, const struct record_user *change, struct record_user *user, struct buffer *out)
{
	struct record_list rest = user->secrets;
	struct record_secret keys, each;
	uint32_t count = 0;
	int error = 0;

	if (!slice_equal(change->password, user->password) || !record_secret_find(change->secrets, SLICE(""), &keys) ||
	    record_secret_find(user->secrets, SLICE(""), &each) || (rest.count > 0 && !slice_equal(change->salt, user->salt)))
		return admin_say(admin, ADMIN_REFUSED, "the user has changed meanwhile");
	while (error == 0 && record_secret_next(&rest, &each))
		error = record_secret_add(out, &count, &each);
	if (error == 0)
		error = record_secret_add(out, &count, &keys);
	if (error != 0)
		return admin_storage(admin, error);
	user->salt = change->salt;
	user->iterations = change->iterations;
	user->secrets = (struct record_list){ .count = count, .bytes = buffer_slice(out) };
	return ADMIN_OK;
}
