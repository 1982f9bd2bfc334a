/*
 * dbtool: passwords, from a prompt without echo or from standard input, never from the command line; and
 * their hashes.
 */
#include <crypt.h>
#include <errno.h>
#include <readpassphrase.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tabled/dbtool.h"
#include "tabled/saslprep.h"

enum {
	APP_GROUPS = 5, /* of a password that we make: 100 bits, */
	APP_GROUP = 4,  /* in groups that can be copied by hand */
};

static int
password_line(char *out, size_t size)
{
	size_t length;

	if (fgets(out, (int)size, stdin) == NULL)
		return dbtool_fail(EX_NOINPUT, "there is nothing on standard input");
	length = strlen(out);
	if (length > 0 && out[length - 1] == '\n')
		out[--length] = '\0';
	else if (length == size - 1)
		return dbtool_fail(EX_DATAERR, "the line on standard input is too long");
	if (length > 0 && out[length - 1] == '\r')
		out[--length] = '\0';
	return length > 0 ? 0 : dbtool_fail(EX_DATAERR, "the line on standard input is empty");
}

static int
password_ask(const char *login, char *out, size_t size)
{
	char prompt[TABLE_ADDRESS_MAX + 64];
	char again[TABLE_PASSWORD_MAX + 1];
	bool same;

	snprintf(prompt, sizeof(prompt), "New password for %.*s: ", TABLE_ADDRESS_MAX, login);
	if (readpassphrase(prompt, out, size, RPP_REQUIRE_TTY) == NULL)
		return dbtool_fail(EX_USAGE,
		                   "there is no terminal to ask for a password; use --password-stdin");
	if (out[0] == '\0')
		return dbtool_fail(EX_DATAERR,
		                   "an empty password is none; for a user who cannot log in: --no-password");
	if (readpassphrase("The same again: ", again, sizeof(again), RPP_REQUIRE_TTY) == NULL)
		return dbtool_fail(EX_NOINPUT, "the password was not repeated");
	same = strcmp(out, again) == 0;
	explicit_bzero(again, sizeof(again));
	return same ? 0 : dbtool_fail(EX_DATAERR, "the two passwords differ; nothing was changed");
}

/* As a password that a client sends is prepared before it is compared. */
static void
password_prepare(char *text, size_t size)
{
	char memory[TABLE_PASSWORD_MAX + 1];
	struct slice prepared = saslprep(slice_from_string(text), memory, sizeof(memory));

	if (prepared.data == memory)
		strlcpy(text, memory, size);
	explicit_bzero(memory, sizeof(memory));
}

/* yescrypt (crypt(5)) at the cost that the configuration names. */
static int
password_crypt(const struct dbtool *dbtool, const char *password, struct buffer *out)
{
	static struct crypt_data data;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;
	int status = 0;

	if (crypt_gensalt_rn("$y$", dbtool->config.hash_cost, NULL, 0, setting, sizeof(setting)) != NULL)
		hash = crypt_rn(password, setting, &data, (int)sizeof(data));
	if (hash == NULL)
		status = dbtool_fail(EX_OSERR, "crypt(3) failed: %s", strerror(errno));
	else if (buffer_append_string(out, hash) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	explicit_bzero(&data, sizeof(data));
	return status;
}

/* A hash that is ready. */
static int
password_keep(const char *hash, struct buffer *out)
{
	return buffer_append_string(out, hash) == 0 ? 0 : dbtool_fail(EX_DATAERR, "the hash is too long");
}

int
password_hash(struct dbtool *dbtool, struct buffer *out)
{
	char text[TABLE_PASSWORD_MAX + 1];
	int status;

	switch (dbtool->options.password) {
	case PASSWORD_NONE:
		return 0;
	case PASSWORD_ASK:
		status = password_ask(dbtool->arguments[0], text, sizeof(text));
		break;
	default:
		status = password_line(text, sizeof(text));
		break;
	}
	if (status == 0 && dbtool->options.password != PASSWORD_HASH_STDIN)
		password_prepare(text, sizeof(text));
	if (status == 0 && dbtool->options.password == PASSWORD_HASH_STDIN)
		status = password_keep(text, out);
	else if (status == 0)
		status = password_crypt(dbtool, text, out);
	if (status == 0 && dbtool->options.password != PASSWORD_HASH_STDIN && buffer_append_string(&dbtool->secret, text) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	explicit_bzero(text, sizeof(text));
	return status;
}

int
password_route(struct dbtool *dbtool, struct buffer *out)
{
	char text[TABLE_PASSWORD_MAX + 1];
	int status;

	if (dbtool->options.password == PASSWORD_STDIN)
		status = password_line(text, sizeof(text));
	else if (dbtool->options.password == PASSWORD_ASK)
		status = password_ask(dbtool->options.user, text, sizeof(text));
	else
		return dbtool_fail(EX_USAGE, "the password of a route is asked for, or read with --password-stdin");
	if (status == 0 && buffer_append_string(out, text) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	explicit_bzero(text, sizeof(text));
	return status;
}

/* Small letters and digits without those that look alike. */
static void
password_make(char *out)
{
	static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

	_Static_assert(sizeof(alphabet) - 1 == 32, "five bits a character");
	for (int group = 0; group < APP_GROUPS; group++) {
		for (int i = 0; i < APP_GROUP; i++)
			*out++ = alphabet[arc4random_uniform(sizeof(alphabet) - 1)];
		*out++ = group < APP_GROUPS - 1 ? '-' : '\0';
	}
}

int
password_app(struct dbtool *dbtool)
{
	char text[TABLE_PASSWORD_MAX + 1];
	int status = 0;

	if (dbtool->options.password == PASSWORD_STDIN)
		status = password_line(text, sizeof(text));
	else if (dbtool->options.password == PASSWORD_ASK)
		password_make(text);
	else
		return dbtool_fail(EX_USAGE, "an app password is made, or read with --password-stdin");
	if (status == 0)
		password_prepare(text, sizeof(text));
	if (status == 0 && buffer_append_string(&dbtool->secret, text) != 0)
		status = dbtool_fail(EX_OSERR, "out of memory");
	explicit_bzero(text, sizeof(text));
	return status;
}
