/*
 * Fuzzes routes: the first byte says whether the rest is words or fields. What is accepted must be written and read to the same again.
 */
#include <stdlib.h>

#include "common/mail/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_words(const struct route *route)
{
	char text[ROUTE_TEXT_MAX];
	struct route again;

	if (route_parse(slice_from_string(route_format(route, text)), &again) != 0)
		abort();
	again.tls = route->tls;
	again.login = route->login;
	again.password = route->password;
	if (!route_equal(route, &again))
		abort();
}

static void
check_fields(const struct route *route)
{
	char memory[4096];
	struct buffer out = { .data = memory, .size = sizeof(memory), .limit = sizeof(memory) };
	struct wire_writer writer = wire_begin_bare(&out);
	struct wire_reader reader;
	struct route again;

	route_put(&writer, route);
	if (wire_end_bare(&writer) != 0)
		abort();
	reader = wire_read(buffer_slice(&out));
	if (!route_get(&reader, &again) || !wire_done(&reader) || !route_equal(route, &again))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader;
	struct route route;
	bool sound;

	if (size == 0)
		return 0;
	reader = wire_read(slice_of(data + 1, size - 1));
	if ((data[0] & 1) != 0)
		sound = route_parse(slice_of(data + 1, size - 1), &route) == 0;
	else
		sound = route_get(&reader, &route);
	if (sound) {
		check_words(&route);
		check_fields(&route);
	}
	return 0;
}
