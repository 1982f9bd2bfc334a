/*
 * What the header of a message says that matters for reports about it.
 */
#include "queued/original.h"
#include "t/unit/unit.h"

static bool
automatic(const char *header)
{
	return original_is_automatic(slice_from_string(header));
}

START_TEST(what_a_person_wrote_is_not_automatic)
{
	ck_assert(!automatic("Subject: x\r\nAuto-Submitted: no\r\n\r\n"));
	ck_assert(!automatic("Auto-Submitted:\r\n NO; why=none\r\n\r\n"));
	ck_assert(!automatic("Precedence: first-class\r\n\r\n"));
	ck_assert(!automatic("Listen: to\r\n\r\nList-Id: in the body\r\n"));
	ck_assert(!automatic(""));
}
END_TEST

START_TEST(lists_bulk_and_programs_are_automatic)
{
	ck_assert(automatic("Subject: x\r\nList-Id: <a.example.org>\r\n\r\n"));
	ck_assert(automatic("list-unsubscribe: <mailto:x@example.org>\r\n\r\n"));
	ck_assert(automatic("Precedence: Bulk\r\n\r\n"));
	ck_assert(automatic("Precedence:\r\n\tjunk\r\n\r\n"));
	ck_assert(automatic("precedence: list\n\n"));
	ck_assert(automatic("Auto-Submitted: auto-generated; x=y\r\n\r\n"));
	ck_assert(automatic("Auto-Submitted:\r\n\r\n")); /* not "no" */
}
END_TEST

static void
expect_id(const char *header, const char *id)
{
	struct slice found = original_message_id(slice_from_string(header));

	ck_assert_msg(slice_equal(found, slice_from_string(id)), "%.*s", (int)found.length, found.data);
}

START_TEST(a_message_id_is_repeated_when_it_is_fit)
{
	expect_id("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\n", "<1@example.org>");
	expect_id("message-id:\r\n <1@example.org>\r\n\r\n", "<1@example.org>");
	expect_id("Message-ID: <1@example.org> (comment)\r\n\r\n", "<1@example.org>");
	expect_id("Subject: x\r\n\r\n", "");
	expect_id("Message-ID: 1@example.org\r\n\r\n", "");
	expect_id("Message-ID: <>\r\n\r\n", "");
	expect_id("Message-ID: <a b>\r\n\r\n", "");
	expect_id("Message-ID: <a><b>\r\n\r\n", "");
	expect_id("Message-ID: <\xc3\xa9@example.org>\r\n\r\n", "");
	expect_id("Message-ID: <\x7f@example.org>\r\n\r\n", "");
}
END_TEST

START_TEST(a_message_id_that_would_make_a_line_too_long_is_not_repeated)
{
	char header[2000] = "Message-ID: <";

	memset(header + 13, 'x', 1000);
	memcpy(header + 1013, ">\r\n\r\n", 6);
	expect_id(header, "");
}
END_TEST

START_TEST(a_long_header_is_cut_between_lines)
{
	struct slice message = SLICE("A: 1\r\nB: 2\r\nC: 3\r\n\r\nbody\r\n");

	ck_assert(slice_equal(original_header(message, 100), SLICE("A: 1\r\nB: 2\r\nC: 3\r\n\r\n")));
	ck_assert(slice_equal(original_header(message, 13), SLICE("A: 1\r\nB: 2\r\n")));
	ck_assert(slice_equal(original_header(message, 12), SLICE("A: 1\r\nB: 2\r\n")));
	ck_assert_uint_eq(original_header(SLICE(""), 5).length, 0);
}
END_TEST

UNIT_MAIN("original", what_a_person_wrote_is_not_automatic, lists_bulk_and_programs_are_automatic,
          a_message_id_is_repeated_when_it_is_fit, a_message_id_that_would_make_a_line_too_long_is_not_repeated,
          a_long_header_is_cut_between_lines)
