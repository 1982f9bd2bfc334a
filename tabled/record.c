/*
 * Encoding of the table's records.
 */
#include "tabled/record.h"

#include <errno.h>

#include "common/ipc/wire.h"

enum record_flag {
	RECORD_ENABLED = 1,
};

static struct wire_writer
record_begin(struct buffer *out, uint8_t version, bool enabled)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u8(&writer, version);
	wire_put_u8(&writer, enabled ? RECORD_ENABLED : 0);
	return writer;
}

static struct wire_reader
record_read(struct slice value, uint8_t newest, uint8_t *version_r, bool *enabled_r)
{
	struct wire_reader reader = wire_read(value);
	uint8_t version = wire_get_u8(&reader);
	uint8_t flags = wire_get_u8(&reader);

	*version_r = version;
	if (version < RECORD_VERSION || version > newest || (flags & ~(unsigned)RECORD_ENABLED) != 0)
		reader.bad = true;
	*enabled_r = (flags & RECORD_ENABLED) != 0;
	return reader;
}

static void
record_put_list(struct wire_writer *writer, const struct record_list *list)
{
	wire_put_u32(writer, list->count);
	wire_put_slice(writer, list->bytes);
}

static void
record_get_list(struct wire_reader *reader, struct record_list *list_r)
{
	struct wire_reader items;

	list_r->count = wire_get_u32(reader);
	list_r->bytes = wire_get_slice(reader);
	items = wire_read(list_r->bytes);
	if (list_r->count > RECORD_LIST_MAX) {
		reader->bad = true;
		return;
	}
	for (uint32_t i = 0; i < list_r->count; i++)
		if (wire_get_slice(&items).length > RECORD_ITEM_MAX)
			items.bad = true;
	if (!wire_done(&items))
		reader->bad = true;
}

int
record_domain_encode(const struct record_domain *domain, struct buffer *out)
{
	struct wire_writer writer = record_begin(out, RECORD_VERSION, domain->enabled);

	wire_put_u8(&writer, (uint8_t)domain->kind);
	return wire_end_bare(&writer);
}

bool
record_domain_decode(struct slice value, struct record_domain *domain_r)
{
	uint8_t version;
	struct wire_reader reader = record_read(value, RECORD_VERSION, &version, &domain_r->enabled);

	domain_r->kind = wire_get_u8(&reader);
	return wire_done(&reader) && domain_r->kind <= RECORD_DOMAIN_RELAY;
}

int
record_user_encode(const struct record_user *user, struct buffer *out)
{
	bool secrets = user->secrets.count > 0;
	struct wire_writer writer = record_begin(out, secrets ? RECORD_VERSION_SECRETS : RECORD_VERSION, user->enabled);

	wire_put_slice(&writer, user->password);
	wire_put_slice(&writer, user->path);
	wire_put_u64(&writer, user->quota);
	record_put_list(&writer, &user->send_as);
	if (secrets) {
		wire_put_slice(&writer, user->salt);
		wire_put_u32(&writer, user->iterations);
		record_put_list(&writer, &user->secrets);
	}
	return wire_end_bare(&writer);
}

static void
record_get_secrets(struct wire_reader *reader, struct record_user *user_r)
{
	struct record_list secrets;
	struct record_secret secret;
	uint32_t count = 0;

	user_r->salt = wire_get_slice(reader);
	user_r->iterations = wire_get_u32(reader);
	record_get_list(reader, &user_r->secrets);
	secrets = user_r->secrets;
	while (!reader->bad && record_secret_next(&secrets, &secret))
		count++;
	if (count == 0 || count > RECORD_SECRETS_MAX || count != user_r->secrets.count || user_r->salt.length == 0 ||
	    user_r->salt.length > SCRAM_SALT_MAX || user_r->iterations < SCRAM_ITERATIONS_MIN ||
	    user_r->iterations > SCRAM_ITERATIONS_MAX)
		reader->bad = true;
}

bool
record_user_decode(struct slice value, struct record_user *user_r)
{
	uint8_t version;
	struct wire_reader reader = record_read(value, RECORD_VERSION_SECRETS, &version, &user_r->enabled);

	user_r->password = wire_get_slice(&reader);
	user_r->path = wire_get_slice(&reader);
	user_r->quota = wire_get_u64(&reader);
	record_get_list(&reader, &user_r->send_as);
	user_r->secrets = (struct record_list){ .count = 0 };
	user_r->salt = SLICE("");
	user_r->iterations = 0;
	if (version == RECORD_VERSION_SECRETS)
		record_get_secrets(&reader, user_r);
	return wire_done(&reader) && user_r->password.length <= RECORD_PASSWORD_MAX;
}

int
record_alias_encode(const struct record_alias *alias, struct buffer *out)
{
	struct wire_writer writer = record_begin(out, RECORD_VERSION, alias->enabled);

	record_put_list(&writer, &alias->targets);
	return wire_end_bare(&writer);
}

bool
record_alias_decode(struct slice value, struct record_alias *alias_r)
{
	uint8_t version;
	struct wire_reader reader = record_read(value, RECORD_VERSION, &version, &alias_r->enabled);

	record_get_list(&reader, &alias_r->targets);
	return wire_done(&reader);
}

int
record_route_encode(const struct route *route, struct buffer *out)
{
	struct wire_writer writer = wire_begin_bare(out);

	wire_put_u8(&writer, RECORD_VERSION);
	route_put(&writer, route);
	return wire_end_bare(&writer);
}

bool
record_route_decode(struct slice value, struct route *route_r)
{
	struct wire_reader reader = wire_read(value);
	uint8_t version = wire_get_u8(&reader);

	return route_get(&reader, route_r) && wire_done(&reader) && version == RECORD_VERSION;
}

int
record_list_add(struct buffer *out, uint32_t *count, struct slice item)
{
	struct wire_writer writer;
	int error;

	if (*count >= RECORD_LIST_MAX)
		return -E2BIG;
	if (item.length > RECORD_ITEM_MAX)
		return -EMSGSIZE;
	writer = wire_begin_bare(out);
	wire_put_slice(&writer, item);
	error = wire_end_bare(&writer);
	if (error == 0)
		++*count;
	return error;
}

bool
record_list_next(struct record_list *list, struct slice *item_r)
{
	struct wire_reader reader = wire_read(list->bytes);

	if (list->count == 0)
		return false;
	*item_r = wire_get_slice(&reader);
	list->bytes = slice_of(reader.next, wire_left(&reader));
	list->count--;
	return !reader.bad;
}

bool
record_list_contains(struct record_list list, struct slice item)
{
	struct slice each;

	while (record_list_next(&list, &each))
		if (slice_equal(each, item))
			return true;
	return false;
}
