/*
 * The secrets of a user in the text of records:
 *
 *   scram=ITERATIONS:SALT,NAME:CREATED:STOREDKEY:SERVERKEY,...
 *
 * with salt and keys in base64. The password's own keys have the empty name.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/base64.h"
#include "tabled/line.h"

/* Takes the part before the next colon off *rest. */
static struct slice
line_part(struct slice *rest)
{
	size_t colon = slice_find(*rest, ':');
	struct slice part = slice_first(*rest, colon);

	*rest = slice_from(*rest, colon + 1);
	return part;
}

static bool
line_key(struct slice text, unsigned char *key)
{
	size_t length;

	return base64_decode(text, key, SCRAM_KEY_SIZE, &length) == 0 && length == SCRAM_KEY_SIZE;
}

static int
line_parse_secret(struct slice text, struct buffer *out, uint32_t *count)
{
	struct record_secret secret = { .created = 0 };
	struct slice created, stored;

	secret.name = line_part(&text);
	created = line_part(&text);
	stored = line_part(&text);
	if ((secret.name.length > 0 && !record_secret_name(secret.name)) ||
	    slice_to_number(created, INT64_MAX, &secret.created) != 0 || !line_key(stored, secret.keys.stored) ||
	    !line_key(text, secret.keys.server))
		return -EINVAL;
	return record_secret_add(out, count, &secret);
}

int
line_parse_secrets(struct slice text, struct line_secrets *secrets)
{
	size_t comma = slice_find(text, ',');
	struct slice salt = slice_first(text, comma);
	uint64_t iterations;
	int error = 0;

	buffer_clear(&secrets->items);
	secrets->count = 0;
	if (slice_to_number(line_part(&salt), SCRAM_ITERATIONS_MAX, &iterations) != 0 || iterations < SCRAM_ITERATIONS_MIN ||
	    base64_decode(salt, secrets->salt, sizeof(secrets->salt), &secrets->salt_length) != 0 || secrets->salt_length == 0)
		return -EINVAL;
	secrets->iterations = (uint32_t)iterations;
	text = slice_from(text, comma + 1);
	while (error == 0 && text.length > 0) {
		comma = slice_find(text, ',');
		error = line_parse_secret(slice_first(text, comma), &secrets->items, &secrets->count);
		text = slice_from(text, comma + 1);
	}
	return error == 0 && secrets->count > 0 ? 0 : -EINVAL;
}

static int
line_format_secret(const struct record_secret *secret, struct buffer *out)
{
	char stored[BASE64_SIZE(SCRAM_KEY_SIZE)], server[BASE64_SIZE(SCRAM_KEY_SIZE)];

	base64_encode(secret->keys.stored, SCRAM_KEY_SIZE, stored);
	base64_encode(secret->keys.server, SCRAM_KEY_SIZE, server);
	return buffer_printf(out, ",%.*s:%" PRIu64 ":%s:%s", (int)secret->name.length, secret->name.data, secret->created,
	                     stored, server);
}

int
line_format_secrets(const struct record_user *user, struct buffer *out)
{
	struct record_list list = user->secrets;
	char salt[BASE64_SIZE(SCRAM_SALT_MAX)];
	struct record_secret secret;
	int error;

	if (list.count == 0)
		return 0;
	base64_encode(user->salt.data, user->salt.length, salt);
	error = buffer_printf(out, " scram=%" PRIu32 ":%s", user->iterations, salt);
	while (error == 0 && record_secret_next(&list, &secret))
		error = line_format_secret(&secret, out);
	return error;
}
