/*
 * As whom a user may send.
 */
#include "tabled/may_send.h"

static bool
is_name(struct slice address, const struct name *name)
{
	struct name each;

	return name_parse(address, &each) && slice_equal(name_key(&each), name_key(name));
}

static bool
is_listed(struct record_list list, struct slice address)
{
	struct slice item;
	struct name name;

	if (!name_parse(address, &name))
		return false;
	while (record_list_next(&list, &item))
		if (is_name(item, &name))
			return true;
	return false;
}

/* Whether one of COUNT targets, as they are in TABLE_EXPAND_REPLY, is the mailbox PATH. */
static bool
leads_to(struct slice targets, uint32_t count, struct slice path)
{
	struct wire_reader reader = wire_read(targets);

	while (count-- > 0 && !reader.bad) {
		enum table_target kind = wire_get_u8(&reader);

		(void)wire_get_slice(&reader);
		if (kind != TABLE_TARGET_MAILBOX) {
			struct route route;

			(void)route_get(&reader, &route);
			(void)wire_get_u8(&reader);
			continue;
		}
		if (slice_equal(wire_get_slice(&reader), path))
			return true;
		(void)wire_get_u64(&reader);
		(void)wire_get_slice(&reader);
	}
	return false;
}

enum table_may_send
may_send(const struct view *view, const struct resolve_settings *settings, const struct name *name,
         const struct record_user *user, struct slice address, struct buffer *memory)
{
	enum table_class class;
	uint32_t count = 0;
	bool leads;

	if (is_name(address, name) || is_listed(user->send_as, address))
		return TABLE_MAY_SEND_YES;
	buffer_clear(memory);
	class = resolve_expand(view, settings, address, memory, &count);
	if (class == TABLE_TEMPORARY)
		return TABLE_MAY_SEND_LATER;
	leads = (class == TABLE_LOCAL || class == TABLE_ALIAS) && leads_to(buffer_slice(memory), count, user->path);
	buffer_consume(memory, buffer_length(memory));
	return leads ? TABLE_MAY_SEND_YES : TABLE_MAY_SEND_NO;
}
