/*
 * Command lines, parameters and xtext.
 */
#include <errno.h>

#include "smtpd/command.h"
#include "smtpd/parameters.h"
#include "smtpd/xtext.h"
#include "t/unit/unit.h"

START_TEST(only_crlf_ends_a_line)
{
	struct slice line;
	size_t used;

	ck_assert_int_eq(command_cut(SLICE("NOOP\r\nQUIT\r\n"), &line, &used), COMMAND_LINE_WHOLE);
	ck_assert(slice_equal(line, SLICE("NOOP")));
	ck_assert_uint_eq(used, 6);
	ck_assert_int_eq(command_cut(SLICE("NOOP\r"), &line, &used), COMMAND_LINE_MORE);
	ck_assert_int_eq(command_cut(SLICE(""), &line, &used), COMMAND_LINE_MORE);
	ck_assert_int_eq(command_cut(SLICE("NOOP\nQUIT\r\n"), &line, &used), COMMAND_LINE_BARE_LF);
	ck_assert_uint_eq(used, 5);
	ck_assert_int_eq(command_cut(SLICE("\n"), &line, &used), COMMAND_LINE_BARE_LF);
	ck_assert_int_eq(command_cut(SLICE("\r\n"), &line, &used), COMMAND_LINE_WHOLE);
	ck_assert_uint_eq(line.length, 0);
}
END_TEST

START_TEST(a_line_of_the_greatest_length_is_whole_and_a_longer_one_is_skipped)
{
	static char text[COMMAND_LINE_MAX + 1];
	struct slice line;
	size_t used;
	bool ended;

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(command_cut(slice_of(text, COMMAND_LINE_MAX - 1), &line, &used), COMMAND_LINE_MORE);
	ck_assert_int_eq(command_cut(slice_of(text, COMMAND_LINE_MAX), &line, &used), COMMAND_LINE_TOO_LONG);
	text[COMMAND_LINE_MAX - 2] = '\r';
	text[COMMAND_LINE_MAX - 1] = '\n';
	ck_assert_int_eq(command_cut(slice_of(text, sizeof(text)), &line, &used), COMMAND_LINE_WHOLE);
	ck_assert_uint_eq(command_skip(slice_of(text, sizeof(text)), &ended), COMMAND_LINE_MAX);
	ck_assert(ended);
	ck_assert_uint_eq(command_skip(SLICE("abc\r"), &ended), 3);
	ck_assert(!ended);
	ck_assert_uint_eq(command_skip(SLICE("\r\r\n"), &ended), 3);
	ck_assert(ended);
}
END_TEST

START_TEST(a_line_is_taken_apart_at_blanks)
{
	struct command command;

	ck_assert_int_eq(command_parse(SLICE("MAIL  FROM:<a@b>  SIZE=1 "), &command), 0);
	ck_assert(slice_equal(command.verb, SLICE("MAIL")));
	ck_assert(slice_equal(command.arguments, SLICE("FROM:<a@b>  SIZE=1")));
	ck_assert(!command.eight_bit);
	ck_assert_int_eq(command_parse(SLICE("NOOP \xc3"), &command), 0);
	ck_assert(command.eight_bit);
	ck_assert_int_eq(command_parse(SLICE("NOOP\0"), &command), -EINVAL);
	ck_assert_int_eq(command_parse(SLICE("NOOP\rNOOP"), &command), -EINVAL);
	ck_assert_int_eq(command_parse(SLICE(""), &command), 0);
	ck_assert_uint_eq(command.verb.length, 0);
}
END_TEST

START_TEST(a_keyword_is_taken_in_any_case)
{
	struct slice rest = SLICE("from: <a@b> x");

	ck_assert(command_take_keyword(&rest, SLICE("FROM:")));
	ck_assert(slice_equal(rest, SLICE("<a@b> x")));
	ck_assert(!command_take_keyword(&rest, SLICE("TO:")));
}
END_TEST

START_TEST(parameters_follow_the_grammar_of_rfc_5321)
{
	struct command_parameter parameter;
	struct slice rest = SLICE(" SIZE=10  x-y");

	ck_assert_int_eq(command_take_parameter(&rest, &parameter), 1);
	ck_assert(slice_equal(parameter.keyword, SLICE("SIZE")));
	ck_assert(slice_equal(parameter.value, SLICE("10")));
	ck_assert_int_eq(command_take_parameter(&rest, &parameter), 1);
	ck_assert(slice_equal(parameter.keyword, SLICE("x-y")));
	ck_assert(!parameter.has_value);
	ck_assert_int_eq(command_take_parameter(&rest, &parameter), 0);
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = { "=x", "-a=b", "a_b", "a=", "a=b=c" };

		rest = slice_from_string(bad[i]);
		ck_assert_int_eq(command_take_parameter(&rest, &parameter), -EINVAL);
	}
}
END_TEST

START_TEST(parameters_of_mail_are_understood)
{
	struct mail_parameters mail;

	ck_assert_int_eq(parameters_mail(SLICE(" size=77 BODY=binarymime SMTPUTF8 RET=full ENVID=x+41"), &mail), PARAMETERS_OK);
	ck_assert_uint_eq(mail.size, 77);
	ck_assert_uint_eq(mail.flags, ENVELOPE_BINARYMIME | ENVELOPE_SMTPUTF8 | ENVELOPE_RET_FULL);
	ck_assert_str_eq(mail.envid, "xA");
	ck_assert_int_eq(parameters_mail(SLICE("SIZE=99999999999999999999"), &mail), PARAMETERS_OK);
	ck_assert_uint_eq(mail.size, UINT64_MAX);
	ck_assert_int_eq(parameters_mail(SLICE("BODY=7BIT"), &mail), PARAMETERS_OK);
	ck_assert_int_eq(parameters_mail(SLICE("AUTH=<>"), &mail), PARAMETERS_OK);
	ck_assert_int_eq(parameters_mail(SLICE("AUTH=a+2Bb@example.org"), &mail), PARAMETERS_OK);
	ck_assert_int_eq(parameters_mail(SLICE("AUTH=a+2"), &mail), PARAMETERS_SYNTAX);
	ck_assert_int_eq(parameters_mail(SLICE("FROB=x"), &mail), PARAMETERS_UNKNOWN);
}
END_TEST

START_TEST(bad_values_and_repeated_parameters_of_mail_are_refused)
{
	static const char *const bad[] = {
		"SIZE", "SIZE=", "SIZE=-1", "SIZE=999999999999999999999", "BODY", "BODY=8BIT", "SMTPUTF8=1", "RET=", "RET=SOME",
		"ENVID", "ENVID=+4", "ENVID=+zz", "ENVID=+00", "ENVID=\xc3\xbc", "RET=FULL RET=FULL", "SIZE=1 size=1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mail_parameters mail;

		ck_assert_msg(parameters_mail(slice_from_string(bad[i]), &mail) == PARAMETERS_SYNTAX, "%s", bad[i]);
	}
}
END_TEST

START_TEST(parameters_of_rcpt_are_understood)
{
	struct rcpt_parameters rcpt;

	ck_assert_int_eq(parameters_rcpt(SLICE("notify=success,Delay ORCPT=rfc822;a+2Bb@c"), false, &rcpt), PARAMETERS_OK);
	ck_assert_uint_eq(rcpt.notify, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY);
	ck_assert_str_eq(rcpt.orcpt, "rfc822;a+b@c");
	ck_assert_int_eq(parameters_rcpt(SLICE("ORCPT=utf-8;\xc3\xbc@c"), true, &rcpt), PARAMETERS_OK);
	ck_assert_int_eq(parameters_rcpt(SLICE("ORCPT=utf-8;\xc3\xbc@c"), false, &rcpt), PARAMETERS_NOT_ASCII);
	ck_assert_int_eq(parameters_rcpt(SLICE("ORCPT=utf-8;\xc3@c"), true, &rcpt), PARAMETERS_NOT_ASCII);
	ck_assert_int_eq(parameters_rcpt(SLICE("SIZE=1"), true, &rcpt), PARAMETERS_UNKNOWN);
}
END_TEST

START_TEST(bad_values_of_rcpt_are_refused)
{
	static const char *const bad[] = {
		"NOTIFY", "NOTIFY=", "NOTIFY=NEVER,DELAY", "NOTIFY=DELAY,", "NOTIFY=,DELAY", "NOTIFY=OFTEN", "ORCPT", "ORCPT=rfc822",
		"ORCPT=rfc822;", "ORCPT=;x", "ORCPT=a b;x", "ORCPT=a+41;x", "ORCPT=rfc822;+0A", "ORCPT=rfc822;+4",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rcpt_parameters rcpt;

		ck_assert_msg(parameters_rcpt(slice_from_string(bad[i]), false, &rcpt) == PARAMETERS_SYNTAX, "%s", bad[i]);
	}
}
END_TEST

START_TEST(xtext_is_decoded_and_bounded)
{
	char out[5];

	ck_assert_int_eq(xtext_decode(SLICE("a+2Bb+3D"), out, sizeof(out)), 0);
	ck_assert_str_eq(out, "a+b=");
	ck_assert_int_eq(xtext_decode(SLICE("abcde"), out, sizeof(out)), -ENAMETOOLONG);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(xtext_decode(SLICE("+2b"), out, sizeof(out)), -EINVAL);
	ck_assert_int_eq(xtext_decode(SLICE("a b"), out, sizeof(out)), -EINVAL);
	ck_assert_int_eq(xtext_decode(SLICE("+0D"), out, sizeof(out)), -EINVAL);
	ck_assert_int_eq(xtext_decode(SLICE(""), out, sizeof(out)), 0);
}
END_TEST

UNIT_MAIN("smtp_command",
	only_crlf_ends_a_line,
	a_line_of_the_greatest_length_is_whole_and_a_longer_one_is_skipped,
	a_line_is_taken_apart_at_blanks,
	a_keyword_is_taken_in_any_case,
	parameters_follow_the_grammar_of_rfc_5321,
	parameters_of_mail_are_understood,
	bad_values_and_repeated_parameters_of_mail_are_refused,
	parameters_of_rcpt_are_understood,
	bad_values_of_rcpt_are_refused,
	xtext_is_decoded_and_bounded)
