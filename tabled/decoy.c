/*
 * Hash and salt of users who do not exist.
 */
#include "tabled/decoy.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECOY_NAME SLICE("decoy-key")

static int
decoy_make(struct decoy *decoy, struct table *table)
{
	int error;

	arc4random_buf(decoy->key, sizeof(decoy->key));
	error = table_begin(table);
	if (error != 0)
		return error;
	error = table_put(table, TABLE_SPACE_META, DECOY_NAME, slice_of(decoy->key, sizeof(decoy->key)));
	if (error == 0)
		return table_commit(table);
	table_abort(table);
	return error;
}

int
decoy_load(struct decoy *decoy, struct table *table)
{
	struct buffer value;
	int error;

	buffer_init(&value, TABLE_VALUE_MAX);
	error = table_get(table, TABLE_SPACE_META, DECOY_NAME, &value);
	if (error == 0 && buffer_length(&value) == sizeof(decoy->key))
		memcpy(decoy->key, buffer_slice(&value).data, sizeof(decoy->key));
	else if (error == 0 || error == -ENOENT)
		error = decoy_make(decoy, table);
	buffer_free(&value);
	return error;
}

void
decoy_set_cost(struct decoy *decoy, uint32_t cost)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (crypt_gensalt_rn("$y$", cost, NULL, 0, setting, sizeof(setting)) == NULL)
		setting[0] = '\0';
	snprintf(decoy->hash, sizeof(decoy->hash), "%s$%043d", setting, 0);
}

void
decoy_salt(const struct decoy *decoy, struct slice name, unsigned char *salt)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	HMAC(EVP_sha256(), decoy->key, sizeof(decoy->key), (const unsigned char *)name.data, name.length, digest, NULL);
	memcpy(salt, digest, SCRAM_SALT_SIZE);
}
