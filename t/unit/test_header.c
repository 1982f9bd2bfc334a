/*
 * Header sections, dates and queue ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/mail/queueid.h"
#include "t/unit/unit.h"

static struct header_field field;

START_TEST(fields_come_one_after_the_other_up_to_the_empty_line)
{
	struct header_reader reader = header_read(SLICE("From: a\r\nTo:b\r\n\r\nSubject: no\r\n"));

	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.name, "From");
	ck_assert_slice(field.value, " a");
	ck_assert_slice(field.whole, "From: a\r\n");
	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.name, "To");
	ck_assert_slice(field.value, "b");
	ck_assert(!header_next(&reader, &field));
	ck_assert(!header_next(&reader, &field));
}
END_TEST

START_TEST(lines_may_end_in_lf_alone)
{
	struct header_reader reader = header_read(SLICE("From: a\nTo: b\n c\n\nbody"));

	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.whole, "From: a\n");
	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.value, " b\n c");
	ck_assert(!header_next(&reader, &field));
}
END_TEST

START_TEST(a_folded_field_keeps_all_its_lines)
{
	struct header_reader reader = header_read(SLICE("Subject: a\r\n\tb\r\n  \r\n c\r\nX: y\r\n"));

	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.value, " a\r\n\tb\r\n  \r\n c");
	ck_assert_slice(field.whole, "Subject: a\r\n\tb\r\n  \r\n c\r\n");
	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.name, "X");
}
END_TEST

START_TEST(the_last_line_needs_no_line_end)
{
	struct header_reader reader = header_read(SLICE("A: b"));

	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.value, " b");
	ck_assert(!header_next(&reader, &field));
}
END_TEST

START_TEST(blanks_before_the_colon_are_tolerated)
{
	struct header_reader reader = header_read(SLICE("A \t: b\r\nC:\r\n"));

	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.name, "A");
	ck_assert_slice(field.value, " b");
	ck_assert(header_next(&reader, &field));
	ck_assert_slice(field.value, "");
}
END_TEST

START_TEST(a_line_that_is_no_field_ends_the_reading)
{
	static const char *const bad[] = { "",
					   "\r\n",
					   "no colon\r\n",
					   ": no name\r\n",
					   " folded first\r\n",
					   "two words: x\r\n",
					   "n\xc3\xa9: x\r\n",
					   "From me Mon Jan\n",
					   "a\x01:b\r\n",
					   "a" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct header_reader reader = header_read(slice_from_string(bad[i]));

		ck_assert_msg(!header_next(&reader, &field), "%s", bad[i]);
	}
}
END_TEST

START_TEST(the_header_section_is_as_long_as_its_empty_line)
{
	ck_assert_uint_eq(header_length(SLICE("A: b\r\n\r\nbody\r\n\r\n")), 8);
	ck_assert_uint_eq(header_length(SLICE("A: b\n\nbody")), 6);
	ck_assert_uint_eq(header_length(SLICE("\r\nbody")), 2);
	ck_assert_uint_eq(header_length(SLICE("A: b\r\n")), 6);
	ck_assert_uint_eq(header_length(SLICE("")), 0);
	ck_assert_uint_eq(header_length(SLICE("A: b\r\n \r\n\r\nbody")), 11);
}
END_TEST

START_TEST(names_are_found_without_case)
{
	const struct slice message =
		SLICE("Received: 1\r\nDATE: today\r\nreceived: 2\r\nReceived-SPF: x\r\n\r\nReceived: body\r\n");

	ck_assert(header_find(message, SLICE("Date"), &field));
	ck_assert_slice(field.value, " today");
	ck_assert(header_find(message, SLICE("RECEIVED"), &field));
	ck_assert_slice(field.value, " 1");
	ck_assert(!header_find(message, SLICE("Message-ID"), &field));
	ck_assert_uint_eq(header_count(message, SLICE("Received"), 100), 2);
	ck_assert_uint_eq(header_count(message, SLICE("Received"), 1), 1);
	ck_assert_uint_eq(header_count(message, SLICE("Received"), 0), 0);
}
END_TEST

START_TEST(utc_dates_are_those_of_the_calendar)
{
	char out[DATE_SIZE];

	date_format_utc(0, out);
	ck_assert_str_eq(out, "Thu, 1 Jan 1970 00:00:00 +0000");
	date_format_utc(951782400, out);
	ck_assert_str_eq(out, "Tue, 29 Feb 2000 00:00:00 +0000");
	date_format_utc(1793693100, out);
	ck_assert_str_eq(out, "Tue, 3 Nov 2026 08:05:00 +0000");
	date_format_utc(4107542400, out);
	ck_assert_str_eq(out, "Mon, 1 Mar 2100 00:00:00 +0000");
	date_format_utc(4107542399, out);
	ck_assert_str_eq(out, "Sun, 28 Feb 2100 23:59:59 +0000");
}
END_TEST

START_TEST(impossible_times_give_the_nearest_possible_date)
{
	char out[DATE_SIZE];

	date_format_utc(-1, out);
	ck_assert_str_eq(out, "Thu, 1 Jan 1970 00:00:00 +0000");
	date_format_utc(INT64_MAX, out);
	ck_assert_str_eq(out, "Fri, 31 Dec 9999 23:59:59 +0000");
	date_format(INT64_MIN, out);
	date_format(INT64_MAX, out);
}
END_TEST

START_TEST(the_calendar_agrees_with_the_library_for_four_centuries)
{
	for (int64_t when = 0; when < INT64_C(13000000000); when += 86400 * 5 + 12345) {
		char out[DATE_SIZE], expected[DATE_SIZE];
		time_t seconds = (time_t)when;
		struct tm tm;

		strftime(expected, sizeof(expected), "%a, %-d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &tm));
		date_format_utc(when, out);
		ck_assert_str_eq(out, expected);
	}
}
END_TEST

START_TEST(local_dates_carry_their_offset)
{
	char out[DATE_SIZE];

	setenv("TZ", "XST-5:30", 1);
	tzset();
	date_format(1793693100, out);
	ck_assert_str_eq(out, "Tue, 3 Nov 2026 13:35:00 +0530");
	setenv("TZ", "XST9:30", 1);
	tzset();
	date_format(1793693100, out);
	ck_assert_str_eq(out, "Mon, 2 Nov 2026 22:35:00 -0930");
}
END_TEST

START_TEST(queue_ids_sort_as_their_text)
{
	char small[QUEUEID_SIZE], large[QUEUEID_SIZE];

	queueid_format(0, small);
	ck_assert_str_eq(small, "0000000000000");
	queueid_format(UINT64_MAX, large);
	ck_assert_str_eq(large, "FZZZZZZZZZZZZ");
	queueid_format(UINT64_C(0x123456789abcdef), small);
	queueid_format(UINT64_C(0x123456789abcdf0), large);
	ck_assert(strcmp(small, large) < 0);
}
END_TEST

START_TEST(queue_ids_read_back)
{
	for (uint64_t id = 1; id != 0; id <<= 1) {
		char text[QUEUEID_SIZE];
		uint64_t back = 0;

		queueid_format(id - 1, text);
		ck_assert_int_eq(queueid_parse(slice_from_string(text), &back), 0);
		ck_assert_uint_eq(back, id - 1);
	}
}
END_TEST

START_TEST(queue_ids_are_read_in_either_case_and_forgive_look_alikes)
{
	uint64_t one, two;

	ck_assert_int_eq(queueid_parse(SLICE("06B3ZQ1M7G000"), &one), 0);
	ck_assert_int_eq(queueid_parse(SLICE("o6b3zqlm7gOoO"), &two), 0);
	ck_assert_uint_eq(one, two);
}
END_TEST

START_TEST(what_is_no_queue_id_is_refused)
{
	uint64_t id;

	ck_assert_int_eq(queueid_parse(SLICE(""), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("000000000000"), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("00000000000000"), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("G000000000000"), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("000000000000U"), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("000000/000000"), &id), -EINVAL);
	ck_assert_int_eq(queueid_parse(SLICE("000000\0" "000000"), &id), -EINVAL);
}
END_TEST

UNIT_MAIN("header", fields_come_one_after_the_other_up_to_the_empty_line, lines_may_end_in_lf_alone,
	  a_folded_field_keeps_all_its_lines, the_last_line_needs_no_line_end,
	  blanks_before_the_colon_are_tolerated, a_line_that_is_no_field_ends_the_reading,
	  the_header_section_is_as_long_as_its_empty_line, names_are_found_without_case,
	  utc_dates_are_those_of_the_calendar, impossible_times_give_the_nearest_possible_date,
	  the_calendar_agrees_with_the_library_for_four_centuries, local_dates_carry_their_offset,
	  queue_ids_sort_as_their_text, queue_ids_read_back,
	  queue_ids_are_read_in_either_case_and_forgive_look_alikes, what_is_no_queue_id_is_refused)
