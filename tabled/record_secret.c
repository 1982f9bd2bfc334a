/*
 * The secrets of a user's record, each an item of a list: name, time, and SCRAM keys.
 */
#include <errno.h>

#include "common/ipc/wire.h"
#include "tabled/record.h"

int
record_secret_add(struct buffer *out, uint32_t *count, const struct record_secret *secret)
{
	struct wire_writer writer;
	struct buffer item;
	int error;

	if (*count >= RECORD_SECRETS_MAX)
		return -E2BIG;
	buffer_init(&item, RECORD_ITEM_MAX);
	writer = wire_begin_bare(&item);
	wire_put_slice(&writer, secret->name);
	wire_put_u64(&writer, secret->created);
	wire_put_slice(&writer, slice_of(secret->keys.stored, SCRAM_KEY_SIZE));
	wire_put_slice(&writer, slice_of(secret->keys.server, SCRAM_KEY_SIZE));
	error = wire_end_bare(&writer);
	if (error == 0)
		error = record_list_add(out, count, buffer_slice(&item));
	buffer_free(&item);
	return error;
}

bool
record_secret_next(struct record_list *list, struct record_secret *secret_r)
{
	struct wire_reader reader;
	struct slice item, stored, server;

	if (!record_list_next(list, &item))
		return false;
	reader = wire_read(item);
	secret_r->name = wire_get_slice(&reader);
	secret_r->created = wire_get_u64(&reader);
	stored = wire_get_slice(&reader);
	server = wire_get_slice(&reader);
	if (!wire_done(&reader) || stored.length != SCRAM_KEY_SIZE || server.length != SCRAM_KEY_SIZE ||
	    secret_r->name.length > RECORD_SECRET_NAME_MAX)
		return false;
	memcpy(secret_r->keys.stored, stored.data, SCRAM_KEY_SIZE);
	memcpy(secret_r->keys.server, server.data, SCRAM_KEY_SIZE);
	return true;
}

bool
record_secret_find(struct record_list list, struct slice name, struct record_secret *secret_r)
{
	while (record_secret_next(&list, secret_r))
		if (slice_equal(secret_r->name, name))
			return true;
	return false;
}

bool
record_secret_name(struct slice name)
{
	for (size_t i = 0; i < name.length; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return name.length > 0 && name.length <= RECORD_SECRET_NAME_MAX;
}
