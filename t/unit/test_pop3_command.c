/*
 * pop3d/command.h: command lines, whole and cut anywhere.
 */
#include "pop3d/command.h"

#include "t/unit/unit.h"

static bool skipping;
static struct command command;
static enum command_result result;

static size_t
next(struct slice input)
{
	command = (struct command){ { NULL, 0 }, { NULL, 0 } };
	return command_next(input, &skipping, &command, &result);
}

START_TEST(a_command_ends_with_crlf_and_is_taken_apart)
{
	ck_assert_uint_eq(next(SLICE("TOP 1 20\r\nSTAT\r\n")), 10);
	ck_assert_int_eq(result, COMMAND_READY);
	ck_assert_slice(command.verb, "TOP");
	ck_assert_slice(command.argument, "1 20");
}
END_TEST

START_TEST(a_command_may_end_with_a_bare_lf)
{
	ck_assert_uint_eq(next(SLICE("NOOP\n")), 5);
	ck_assert_int_eq(result, COMMAND_READY);
	ck_assert_slice(command.verb, "NOOP");
	ck_assert_slice(command.argument, "");
}
END_TEST

START_TEST(a_line_that_is_not_whole_is_left_alone)
{
	ck_assert_uint_eq(next(SLICE("STA")), 0);
	ck_assert_int_eq(result, COMMAND_NONE);
	ck_assert_uint_eq(next(SLICE("")), 0);
	ck_assert_int_eq(result, COMMAND_NONE);
	ck_assert(!skipping);
}
END_TEST

START_TEST(a_password_keeps_all_blanks_after_the_first)
{
	next(SLICE("PASS  two  blanks \r\n"));
	ck_assert_slice(command.argument, " two  blanks ");
}
END_TEST

START_TEST(the_longest_line_has_255_bytes)
{
	char line[512];

	memset(line, 'x', sizeof(line));
	memcpy(line + 253, "\r\n", 2);
	ck_assert_uint_eq(next(slice_of(line, 255)), 255);
	ck_assert_int_eq(result, COMMAND_READY);
	ck_assert_uint_eq(command.verb.length, 253);

	memset(line, 'x', sizeof(line));
	memcpy(line + 254, "\r\n", 2);
	ck_assert_uint_eq(next(slice_of(line, 254)), 0);
	ck_assert_int_eq(result, COMMAND_NONE);
	ck_assert_uint_eq(next(slice_of(line, 256)), 256);
	ck_assert_int_eq(result, COMMAND_TOO_LONG);
	ck_assert(!skipping);
}
END_TEST

START_TEST(an_overlong_line_is_answered_once_and_skipped_to_its_end)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	ck_assert_uint_eq(next(slice_of(line, 300)), 300);
	ck_assert_int_eq(result, COMMAND_TOO_LONG);
	ck_assert(skipping);
	ck_assert_uint_eq(next(slice_of(line, 1000)), 1000);
	ck_assert_int_eq(result, COMMAND_NONE);
	ck_assert_uint_eq(next(SLICE("xxx\r\nNOOP\r\n")), 11);
	ck_assert_int_eq(result, COMMAND_READY);
	ck_assert_slice(command.verb, "NOOP");
	ck_assert(!skipping);
}
END_TEST

START_TEST(control_characters_and_bytes_that_are_no_utf8_are_told_apart)
{
	static const struct {
		struct slice line;
		enum command_result result;
	} cases[] = {
		{ { "USER a\0b\r\n", 10 }, COMMAND_CONTROL },     { { "USER a\rb\r\n", 10 }, COMMAND_CONTROL },
		{ { "USER a\x7F\r\n", 9 }, COMMAND_CONTROL },     { { "USER a\tb\r\n", 10 }, COMMAND_READY },
		{ { "PASS \xC3\xA4\r\n", 9 }, COMMAND_READY },     { { "PASS \xE4\r\n", 8 }, COMMAND_NOT_UTF8 },
		{ { "PASS \xC0\x80\r\n", 9 }, COMMAND_NOT_UTF8 }, { { "\r\n", 2 }, COMMAND_READY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_uint_eq(next(cases[i].line), cases[i].line.length);
		ck_assert_int_eq(result, cases[i].result);
	}
	for (int complaint = COMMAND_TOO_LONG; complaint <= COMMAND_NOT_UTF8; complaint++)
		ck_assert(slice_starts_nocase(command_complaint((enum command_result)complaint), SLICE("-ERR ")));
}
END_TEST

START_TEST(numbers_are_digits_alone_and_fit_64_bits)
{
	static const struct slice wrong[] = { { "", 0 }, { "x", 1 }, { "-1", 2 }, { "1x", 2 }, { "99999999999999999999", 20 } };
	struct slice arguments = SLICE(" 17  4 ");
	uint64_t number;

	ck_assert_int_eq(command_number(&arguments, &number), 0);
	ck_assert_uint_eq(number, 17);
	ck_assert(!command_end(arguments));
	ck_assert_int_eq(command_number(&arguments, &number), 0);
	ck_assert_uint_eq(number, 4);
	ck_assert(command_end(arguments));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		arguments = wrong[i];
		ck_assert_int_lt(command_number(&arguments, &number), 0);
	}
}
END_TEST

UNIT_MAIN("pop3_command", a_command_ends_with_crlf_and_is_taken_apart, a_command_may_end_with_a_bare_lf,
          a_line_that_is_not_whole_is_left_alone, a_password_keeps_all_blanks_after_the_first, the_longest_line_has_255_bytes,
          an_overlong_line_is_answered_once_and_skipped_to_its_end,
          control_characters_and_bytes_that_are_no_utf8_are_told_apart, numbers_are_digits_alone_and_fit_64_bits)
