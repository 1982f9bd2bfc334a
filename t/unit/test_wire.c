/*
 * Frames and fields: what goes in comes out, and what is cut, too long or unknown is refused.
 */
#include <errno.h>
#include <string.h>

#include "common/ipc/wire.h"
#include "t/unit/unit.h"

static struct wire_header header;
static struct slice payload;

/* A frame with one field of each kind. */
static void
write_frame(struct buffer *out)
{
	struct wire_writer writer = wire_begin(out, 7, WIRE_DESCRIPTOR, 0x01020304);

	wire_put_u8(&writer, 0xab);
	wire_put_u32(&writer, 0xdeadbeef);
	wire_put_u64(&writer, UINT64_C(0x0102030405060708));
	wire_put_slice(&writer, SLICE("a\0b"));
	wire_put_string(&writer, "text");
	ck_assert_int_eq(wire_end(&writer), 0);
}

START_TEST(fields_come_out_as_they_went_in)
{
	struct buffer out;
	struct wire_reader reader;
	char text[5];

	buffer_init(&out, 1000);
	write_frame(&out);
	ck_assert_int_eq(wire_next(buffer_slice(&out), 1000, &header, &payload), 1);
	ck_assert_uint_eq(header.type, 7);
	ck_assert_uint_eq(header.flags, WIRE_DESCRIPTOR);
	ck_assert_uint_eq(header.request, 0x01020304);
	ck_assert_uint_eq(header.length, payload.length);
	reader = wire_read(payload);
	ck_assert_uint_eq(wire_get_u8(&reader), 0xab);
	ck_assert_uint_eq(wire_get_u32(&reader), 0xdeadbeef);
	ck_assert_uint_eq(wire_get_u64(&reader), UINT64_C(0x0102030405060708));
	ck_assert_slice(wire_get_slice(&reader), "a\0b");
	ck_assert(!wire_done(&reader));
	ck_assert_uint_eq(wire_left(&reader), 8);
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "text");
	ck_assert(wire_done(&reader));
	buffer_free(&out);
}
END_TEST

START_TEST(numbers_are_little_endian)
{
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, 100);
	writer = wire_begin(&out, 0x0102, 0, 0x03040506);
	wire_put_u32(&writer, 0x0708090a);
	ck_assert_int_eq(wire_end(&writer), 0);
	ck_assert_slice(buffer_slice(&out), "\x04\0\0\0\x02\x01\0\0\x06\x05\x04\x03\x0a\x09\x08\x07");
	buffer_free(&out);
}
END_TEST

START_TEST(a_frame_that_is_cut_anywhere_waits_for_the_rest)
{
	struct buffer out;

	buffer_init(&out, 1000);
	write_frame(&out);
	for (size_t length = 0; length < buffer_length(&out); length++)
		ck_assert_int_eq(wire_next(slice_first(buffer_slice(&out), length), 1000, &header, &payload), 0);
	buffer_free(&out);
}
END_TEST

START_TEST(a_payload_that_is_cut_anywhere_makes_the_reader_bad)
{
	struct buffer out;

	buffer_init(&out, 1000);
	write_frame(&out);
	ck_assert_int_eq(wire_next(buffer_slice(&out), 1000, &header, &payload), 1);
	for (size_t length = 0; length < payload.length; length++) {
		struct wire_reader reader = wire_read(slice_first(payload, length));
		char text[5];

		wire_get_u8(&reader);
		wire_get_u32(&reader);
		wire_get_u64(&reader);
		wire_get_slice(&reader);
		wire_get_string(&reader, text, sizeof(text));
		ck_assert(reader.bad);
		ck_assert(!wire_done(&reader));
	}
	buffer_free(&out);
}
END_TEST

START_TEST(a_bad_reader_gives_nothing_more)
{
	struct wire_reader reader = wire_read(SLICE("\xff\xff\xff\xff" "abcdefgh"));
	char text[4] = "old";

	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_uint_eq(wire_get_u8(&reader), 0);
	ck_assert_uint_eq(wire_get_u64(&reader), 0);
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "");
	ck_assert(!wire_done(&reader));
}
END_TEST

START_TEST(a_string_with_a_nul_or_too_long_makes_the_reader_bad)
{
	struct wire_reader reader = wire_read(SLICE("\x03\0\0\0" "a\0b"));
	char text[4];

	wire_get_string(&reader, text, sizeof(text));
	ck_assert(!wire_done(&reader));
	reader = wire_read(SLICE("\x04\0\0\0" "abcd"));
	wire_get_string(&reader, text, sizeof(text));
	ck_assert(!wire_done(&reader));
}
END_TEST

START_TEST(an_empty_payload_is_done_at_once)
{
	struct wire_reader reader = wire_read(slice_of(NULL, 0));

	ck_assert(wire_done(&reader));
	wire_get_u8(&reader);
	ck_assert(!wire_done(&reader));
}
END_TEST

START_TEST(a_frame_over_the_limit_is_refused_by_its_header_alone)
{
	struct slice input = SLICE("\x01\x04\0\0\x01\0\0\0\0\0\0\0");

	ck_assert_int_eq(wire_next(input, 1024, &header, &payload), -EMSGSIZE);
	ck_assert_int_eq(wire_next(input, 1025, &header, &payload), 0);
}
END_TEST

START_TEST(an_unknown_flag_is_refused)
{
	ck_assert_int_eq(wire_next(SLICE("\0\0\0\0\x01\0\x02\0\0\0\0\0"), 1024, &header, &payload), -EPROTO);
}
END_TEST

START_TEST(a_frame_that_does_not_fit_is_taken_back)
{
	static const char block[64];
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, 100);
	writer = wire_begin(&out, 1, 0, 0);
	wire_put_slice(&writer, slice_of(block, 20));
	ck_assert_int_eq(wire_end(&writer), 0);
	writer = wire_begin(&out, 1, 0, 0);
	wire_put_slice(&writer, slice_of(block, sizeof(block)));
	wire_put_u8(&writer, 1);
	ck_assert_int_eq(wire_end(&writer), -ENOBUFS);
	ck_assert_uint_eq(buffer_length(&out), WIRE_HEADER_SIZE + 4 + 20);
	writer = wire_begin(&out, 1, 0, 0);
	wire_cancel(&writer);
	ck_assert_uint_eq(buffer_length(&out), WIRE_HEADER_SIZE + 4 + 20);
	buffer_free(&out);
}
END_TEST

START_TEST(frames_follow_each_other_in_one_buffer)
{
	struct buffer out;

	buffer_init(&out, 1000);
	write_frame(&out);
	buffer_consume(&out, 5);
	buffer_clear(&out);
	write_frame(&out);
	write_frame(&out);
	ck_assert_int_eq(wire_next(buffer_slice(&out), 1000, &header, &payload), 1);
	buffer_consume(&out, WIRE_HEADER_SIZE + header.length);
	ck_assert_int_eq(wire_next(buffer_slice(&out), 1000, &header, &payload), 1);
	buffer_consume(&out, WIRE_HEADER_SIZE + header.length);
	ck_assert_int_eq(wire_next(buffer_slice(&out), 1000, &header, &payload), 0);
	buffer_free(&out);
}
END_TEST

START_TEST(bare_fields_have_no_header_and_are_taken_back_on_error)
{
	struct buffer out;
	struct wire_writer writer;

	buffer_init(&out, 8);
	writer = wire_begin_bare(&out);
	wire_put_u32(&writer, 1);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	ck_assert_slice(buffer_slice(&out), "\x01\0\0\0");
	writer = wire_begin_bare(&out);
	wire_put_u64(&writer, 1);
	ck_assert_int_eq(wire_end_bare(&writer), -ENOBUFS);
	ck_assert_slice(buffer_slice(&out), "\x01\0\0\0");
	buffer_free(&out);
}
END_TEST

UNIT_MAIN("wire", fields_come_out_as_they_went_in, numbers_are_little_endian,
	  a_frame_that_is_cut_anywhere_waits_for_the_rest, a_payload_that_is_cut_anywhere_makes_the_reader_bad,
	  a_bad_reader_gives_nothing_more, a_string_with_a_nul_or_too_long_makes_the_reader_bad,
	  an_empty_payload_is_done_at_once, a_frame_over_the_limit_is_refused_by_its_header_alone,
	  an_unknown_flag_is_refused, a_frame_that_does_not_fit_is_taken_back,
	  frames_follow_each_other_in_one_buffer, bare_fields_have_no_header_and_are_taken_back_on_error)
