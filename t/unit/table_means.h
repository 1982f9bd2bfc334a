/*
 * For tests of tabled: what addresses mean.
 */
#ifndef ANGARIUM_T_UNIT_TABLE_MEANS_H
#define ANGARIUM_T_UNIT_TABLE_MEANS_H

#include "t/unit/table_world.h"

/* The route of a remote target, unless it is by DNS. */
static inline void
say_route(struct wire_reader *reader, struct buffer *said)
{
	char words[ROUTE_TEXT_MAX];
	struct route route;

	ck_assert(route_get(reader, &route));
	if (route.kind != ROUTE_MX)
		buffer_printf(said, " via %s", route_format(&route, words));
	if (wire_get_u8(reader) != 0)
		buffer_printf(said, " backup");
}

/* What ADDRESS means, as "CLASS target target". */
static inline const char *
means(const char *address)
{
	static const char *const words[] = { "local",   "alias",    "relay", "remote",
		                             "no-user", "disabled", "loop",  "temporary" };
	static char text[4096];
	struct view view = view_of_index(world.index);
	struct buffer out, said = { .data = text, .size = sizeof(text), .limit = sizeof(text) };
	struct wire_reader reader;
	uint32_t count, short_count;
	enum table_class class;

	buffer_init(&out, 1 << 20);
	class = resolve_expand(&view, &world.settings, slice_from_string(address), &out, &count);
	ck_assert_int_eq(
		resolve_expand(&view, &world.settings, slice_from_string(address), NULL, &short_count),
		class);
	buffer_printf(&said, "%s", words[class]);
	reader = wire_read(buffer_slice(&out));
	for (uint32_t i = 0; i < count; i++) {
		bool remote = wire_get_u8(&reader) == TABLE_TARGET_REMOTE;
		struct slice target = wire_get_slice(&reader);

		buffer_printf(&said, " %.*s", (int)target.length, target.data);
		if (remote) {
			say_route(&reader, &said);
		} else {
			wire_get_slice(&reader);
			wire_get_u64(&reader);
			wire_get_slice(&reader);
		}
	}
	ck_assert(wire_done(&reader));
	ck_assert_int_eq(buffer_append(&said, "", 1), 0);
	buffer_free(&out);
	return text;
}

static inline void
add_some(void)
{
	ck_assert_int_eq(add("domain example.org"), ADMIN_OK);
	ck_assert_int_eq(add("domain relayed.example kind=relay"), ADMIN_OK);
	ck_assert_int_eq(add("user alice@example.org"), ADMIN_OK);
	ck_assert_int_eq(add("user bob@example.org"), ADMIN_OK);
}

#endif
