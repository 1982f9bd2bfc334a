/*
 * Growing buffers: order, limits, memory.
 */
#include <errno.h>
#include <string.h>

#include "common/base/buffer.h"
#include "t/unit/unit.h"

START_TEST(what_is_appended_comes_out_in_order)
{
	struct buffer buffer;

	buffer_init(&buffer, 100);
	ck_assert_slice(buffer_slice(&buffer), "");
	ck_assert_int_eq(buffer_append(&buffer, "abc", 3), 0);
	ck_assert_int_eq(buffer_append_string(&buffer, "def"), 0);
	ck_assert_int_eq(buffer_append_slice(&buffer, SLICE("g\0h")), 0);
	ck_assert_slice(buffer_slice(&buffer), "abcdefg\0h");
	buffer_consume(&buffer, 2);
	ck_assert_slice(buffer_slice(&buffer), "cdefg\0h");
	buffer_consume(&buffer, 1000);
	ck_assert_uint_eq(buffer_length(&buffer), 0);
	buffer_free(&buffer);
}
END_TEST

START_TEST(the_limit_is_reached_exactly_and_not_passed)
{
	struct buffer buffer;
	char *room;

	buffer_init(&buffer, 5);
	ck_assert_int_eq(buffer_append(&buffer, "abcde", 5), 0);
	ck_assert_int_eq(buffer_append(&buffer, "f", 1), -ENOBUFS);
	ck_assert_slice(buffer_slice(&buffer), "abcde");
	ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX, &room), -ENOBUFS);
	buffer_consume(&buffer, 2);
	ck_assert_int_eq(buffer_append(&buffer, "fg", 2), 0);
	ck_assert_slice(buffer_slice(&buffer), "cdefg");
	buffer_free(&buffer);
}
END_TEST

START_TEST(a_limit_of_nothing_takes_nothing)
{
	struct buffer buffer;

	buffer_init(&buffer, 0);
	ck_assert_int_eq(buffer_append(&buffer, "", 0), 0);
	ck_assert_int_eq(buffer_append(&buffer, "a", 1), -ENOBUFS);
	buffer_free(&buffer);
}
END_TEST

START_TEST(consuming_and_appending_for_ever_needs_no_more_memory)
{
	struct buffer buffer;

	buffer_init(&buffer, 1000);
	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(buffer_append(&buffer, "0123456789", 10), 0);
		if (i > 10)
			buffer_consume(&buffer, 10);
	}
	ck_assert_uint_eq(buffer_length(&buffer), 110);
	ck_assert_slice(slice_first(buffer_slice(&buffer), 12), "012345678901");
	ck_assert_uint_le(buffer.size, 1024);
	buffer_free(&buffer);
}
END_TEST

/* Where BUFFER's memory is not its contents. */
static void
assert_wiped_around(const struct buffer *buffer, size_t used)
{
	for (size_t i = 0; i < used; i++)
		if (i < buffer->start || i >= buffer->end)
			ck_assert_int_eq(buffer->data[i], 0);
}

START_TEST(what_leaves_a_secret_buffer_is_wiped)
{
	struct buffer buffer;
	char *room;

	buffer_init(&buffer, 1000);
	buffer.secret = true;
	ck_assert_int_eq(buffer_append_string(&buffer, "password one, password two"), 0);
	buffer_consume(&buffer, 14);
	assert_wiped_around(&buffer, 26);
	ck_assert_int_eq(buffer_reserve(&buffer, 240, &room), 0); /* moves what is left to the front */
	ck_assert_slice(buffer_slice(&buffer), "password two");
	assert_wiped_around(&buffer, 26);
	ck_assert_int_eq(buffer_reserve(&buffer, 900, &room), 0); /* grows */
	ck_assert_slice(buffer_slice(&buffer), "password two");
	buffer_truncate(&buffer, 4);
	assert_wiped_around(&buffer, 12);
	buffer_clear(&buffer);
	assert_wiped_around(&buffer, 12);
	buffer_free(&buffer);
	ck_assert(buffer.secret);
}
END_TEST

START_TEST(an_emptied_large_buffer_gives_its_memory_back)
{
	static const char block[100 * 1024];
	struct buffer buffer;

	buffer_init(&buffer, sizeof(block));
	ck_assert_int_eq(buffer_append(&buffer, block, sizeof(block)), 0);
	buffer_consume(&buffer, sizeof(block));
	ck_assert_ptr_null(buffer.data);
	ck_assert_int_eq(buffer_append(&buffer, "a", 1), 0);
	buffer_free(&buffer);
}
END_TEST

START_TEST(what_was_reserved_counts_when_it_is_committed)
{
	struct buffer buffer;
	char *room;

	buffer_init(&buffer, 10);
	ck_assert_int_eq(buffer_reserve(&buffer, 10, &room), 0);
	ck_assert_uint_eq(buffer_length(&buffer), 0);
	memcpy(room, "abcd", 4);
	buffer_commit(&buffer, 4);
	ck_assert_slice(buffer_slice(&buffer), "abcd");
	buffer_free(&buffer);
}
END_TEST

START_TEST(truncating_keeps_the_first_bytes)
{
	struct buffer buffer;

	buffer_init(&buffer, 10);
	ck_assert_int_eq(buffer_append_string(&buffer, "abcdef"), 0);
	buffer_consume(&buffer, 1);
	buffer_truncate(&buffer, 3);
	ck_assert_slice(buffer_slice(&buffer), "bcd");
	buffer_truncate(&buffer, 100);
	ck_assert_slice(buffer_slice(&buffer), "bcd");
	buffer_clear(&buffer);
	ck_assert_slice(buffer_slice(&buffer), "");
	buffer_free(&buffer);
}
END_TEST

START_TEST(formatted_text_is_appended_without_its_nul)
{
	struct buffer buffer;

	buffer_init(&buffer, 16);
	ck_assert_int_eq(buffer_printf(&buffer, "%d-%s", 42, "x"), 0);
	ck_assert_int_eq(buffer_printf(&buffer, "!"), 0);
	ck_assert_slice(buffer_slice(&buffer), "42-x!");
	ck_assert_int_eq(buffer_printf(&buffer, "%100d", 1), -ENOBUFS);
	ck_assert_slice(buffer_slice(&buffer), "42-x!");
	buffer_free(&buffer);
}
END_TEST

UNIT_MAIN("buffer", what_is_appended_comes_out_in_order, the_limit_is_reached_exactly_and_not_passed,
          a_limit_of_nothing_takes_nothing, consuming_and_appending_for_ever_needs_no_more_memory,
          an_emptied_large_buffer_gives_its_memory_back, what_leaves_a_secret_buffer_is_wiped, what_was_reserved_counts_when_it_is_committed,
          truncating_keeps_the_first_bytes, formatted_text_is_appended_without_its_nul)
