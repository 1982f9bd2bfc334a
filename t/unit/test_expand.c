/*
 * What tabled answers to EXPAND.
 */
#include "queued/expand.h"

#include <errno.h>

#include "common/base/buffer.h"
#include "common/ipc/proto_table.h"
#include "t/unit/unit.h"

START_TEST(an_answer_of_the_table_is_checked_whole)
{
	struct route route = { .kind = ROUTE_SMTP, .port = 25, .host = SLICE("smarthost.example") };
	struct expand_answer answer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer out;

	buffer_init(&out, 4096);
	writer = wire_begin_bare(&out);
	wire_put_u8(&writer, TABLE_ALIAS);
	wire_put_u32(&writer, 2);
	wire_put_u8(&writer, TABLE_TARGET_MAILBOX);
	wire_put_string(&writer, "user@example.org");
	wire_put_string(&writer, "example.org/user");
	wire_put_u64(&writer, 7);
	wire_put_string(&writer, "Folder");
	wire_put_u8(&writer, TABLE_TARGET_REMOTE);
	wire_put_string(&writer, "far@elsewhere.example");
	route_put(&writer, &route);
	wire_put_u8(&writer, 1);
	for (size_t cut = 0; cut < buffer_length(&out); cut++) {
		reader = wire_read(slice_first(buffer_slice(&out), cut));
		ck_assert_int_eq(expand_parse(&reader, &answer), -EPROTO);
	}
	reader = wire_read(buffer_slice(&out));
	ck_assert_int_eq(expand_parse(&reader, &answer), 0);
	ck_assert_uint_eq(answer.count, 2);
	ck_assert_uint_eq(answer.targets[0].quota, 7);
	ck_assert(slice_equal(answer.targets[0].folder, SLICE("Folder")));
	ck_assert_uint_eq(answer.targets[1].kind, TABLE_TARGET_REMOTE);
	ck_assert(route_equal(&answer.targets[1].route, &route));
	ck_assert(answer.targets[1].backup);
	expand_answer_free(&answer);
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("expand", an_answer_of_the_table_is_checked_whole)
