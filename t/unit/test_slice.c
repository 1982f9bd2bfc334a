/*
 * Slices and UTF-8.
 */
#include <errno.h>

#include "common/base/slice.h"
#include "common/base/utf8.h"
#include "t/unit/unit.h"

START_TEST(slices_compare_by_length_and_bytes)
{
	ck_assert(slice_equal(SLICE("abc"), SLICE("abc")));
	ck_assert(!slice_equal(SLICE("abc"), SLICE("abd")));
	ck_assert(!slice_equal(SLICE("abc"), SLICE("ab")));
	ck_assert(slice_equal(SLICE("a\0c"), SLICE("a\0c")));
	ck_assert(!slice_equal(SLICE("a\0c"), SLICE("a\0d")));
	ck_assert(slice_equal(slice_of(NULL, 0), SLICE("")));
}
END_TEST

START_TEST(only_ascii_letters_compare_without_case)
{
	ck_assert(slice_equal_nocase(SLICE("Received"), SLICE("rECEIVED")));
	ck_assert(!slice_equal_nocase(SLICE("["), SLICE("{")));
	ck_assert(!slice_equal_nocase(SLICE("\xc4"), SLICE("\xe4")));
	ck_assert(slice_starts_nocase(SLICE("MAIL FROM"), SLICE("mail ")));
	ck_assert(!slice_starts_nocase(SLICE("MAI"), SLICE("mail")));
	ck_assert(slice_ends_nocase(SLICE("a.EXAMPLE"), SLICE(".example")));
	ck_assert(!slice_ends_nocase(SLICE("ple"), SLICE("example")));
}
END_TEST

START_TEST(a_byte_that_is_not_there_is_found_at_the_length)
{
	ck_assert_uint_eq(slice_find(SLICE("a@b@c"), '@'), 1);
	ck_assert_uint_eq(slice_find_last(SLICE("a@b@c"), '@'), 3);
	ck_assert_uint_eq(slice_find(SLICE("abc"), '@'), 3);
	ck_assert_uint_eq(slice_find_last(SLICE("abc"), '@'), 3);
	ck_assert_uint_eq(slice_find(slice_of(NULL, 0), '@'), 0);
	ck_assert_uint_eq(slice_find_last(slice_of(NULL, 0), '@'), 0);
}
END_TEST

START_TEST(cutting_never_leaves_the_slice)
{
	ck_assert_slice(slice_from(SLICE("abc"), 1), "bc");
	ck_assert_slice(slice_from(SLICE("abc"), 3), "");
	ck_assert_slice(slice_from(SLICE("abc"), SIZE_MAX), "");
	ck_assert_slice(slice_first(SLICE("abc"), 2), "ab");
	ck_assert_slice(slice_first(SLICE("abc"), SIZE_MAX), "abc");
	ck_assert_slice(slice_trim(SLICE(" \t a b\t ")), "a b");
	ck_assert_slice(slice_trim(SLICE(" \t ")), "");
	ck_assert_slice(slice_trim(SLICE("\r\n")), "\r\n");
}
END_TEST

START_TEST(words_lie_between_blanks)
{
	struct slice rest = SLICE("  one\ttwo   three ");

	ck_assert_slice(slice_word(&rest), "one");
	ck_assert_slice(slice_word(&rest), "two");
	ck_assert_slice(slice_word(&rest), "three");
	ck_assert_slice(slice_word(&rest), "");
	ck_assert_slice(slice_word(&rest), "");
}
END_TEST

START_TEST(a_string_that_does_not_fit_or_holds_nul_is_refused)
{
	char out[4];

	ck_assert_int_eq(slice_to_string(SLICE("abc"), out, sizeof(out)), 0);
	ck_assert_str_eq(out, "abc");
	ck_assert_int_eq(slice_to_string(SLICE("abcd"), out, sizeof(out)), -ENAMETOOLONG);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(slice_to_string(SLICE("a\0b"), out, sizeof(out)), -EINVAL);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(slice_to_string(slice_of(NULL, 0), out, sizeof(out)), 0);
}
END_TEST

START_TEST(a_duplicate_is_a_string_of_its_own)
{
	char *copy = slice_dup(slice_first(SLICE("abcdef"), 3));

	ck_assert_str_eq(copy, "abc");
	free(copy);
	ck_assert_ptr_null(slice_dup(SLICE("a\0b")));
	copy = slice_dup(slice_of(NULL, 0));
	ck_assert_str_eq(copy, "");
	free(copy);
}
END_TEST

START_TEST(a_number_is_digits_within_its_limit_and_nothing_else)
{
	uint64_t number = 7;

	ck_assert_int_eq(slice_to_number(SLICE("0"), 10, &number), 0);
	ck_assert_uint_eq(number, 0);
	ck_assert_int_eq(slice_to_number(SLICE("18446744073709551615"), UINT64_MAX, &number), 0);
	ck_assert_uint_eq(number, UINT64_MAX);
	ck_assert_int_eq(slice_to_number(SLICE("18446744073709551616"), UINT64_MAX, &number), -ERANGE);
	ck_assert_int_eq(slice_to_number(SLICE("99999999999999999999999999"), UINT64_MAX, &number), -ERANGE);
	ck_assert_int_eq(slice_to_number(SLICE("11"), 10, &number), -ERANGE);
	ck_assert_int_eq(slice_to_number(SLICE(""), 10, &number), -EINVAL);
	ck_assert_int_eq(slice_to_number(SLICE("-1"), 10, &number), -EINVAL);
	ck_assert_int_eq(slice_to_number(SLICE("+1"), 10, &number), -EINVAL);
	ck_assert_int_eq(slice_to_number(SLICE(" 1"), 10, &number), -EINVAL);
	ck_assert_int_eq(slice_to_number(SLICE("1x"), 10, &number), -EINVAL);
	ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(a_number_becomes_the_digits_that_it_was_made_of)
{
	static const char *const numbers[] = { "0", "7", "10", "4156", "18446744073709551615" };
	char out[SLICE_NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t number;

		ck_assert_int_eq(slice_to_number(slice_from_string(numbers[i]), UINT64_MAX, &number), 0);
		ck_assert(slice_equal(slice_of(out, slice_from_number(number, out)), slice_from_string(numbers[i])));
	}
}
END_TEST

START_TEST(hexadecimal_digits_are_lower_case)
{
	char out[9];

	slice_hex("\x00\x7f\xab\xff", 4, out);
	ck_assert_str_eq(out, "007fabff");
	slice_hex("", 0, out);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(utf8_is_taken_in_its_shortest_form_only)
{
	ck_assert(utf8_valid(SLICE("")));
	ck_assert(
		utf8_valid(SLICE("a\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	ck_assert(!utf8_valid(SLICE("\xc0\xaf")));
	ck_assert(!utf8_valid(SLICE("\xc1\xbf")));
	ck_assert(!utf8_valid(SLICE("\xe0\x9f\xbf")));
	ck_assert(!utf8_valid(SLICE("\xf0\x8f\xbf\xbf")));
	ck_assert_uint_eq(utf8_character(SLICE("\xe2\x82\xac!")), 3);
	ck_assert_uint_eq(utf8_character(SLICE("")), 0);
}
END_TEST

START_TEST(surrogates_and_what_is_beyond_unicode_are_no_utf8)
{
	ck_assert(utf8_valid(SLICE("\xed\x9f\xbf")));
	ck_assert(!utf8_valid(SLICE("\xed\xa0\x80")));
	ck_assert(!utf8_valid(SLICE("\xed\xbf\xbf")));
	ck_assert(!utf8_valid(SLICE("\xf4\x90\x80\x80")));
	ck_assert(!utf8_valid(SLICE("\xf5\x80\x80\x80")));
	ck_assert(!utf8_valid(SLICE("\xff")));
}
END_TEST

START_TEST(a_utf8_character_that_is_cut_off_is_refused)
{
	ck_assert(!utf8_valid(SLICE("\xc3")));
	ck_assert(!utf8_valid(SLICE("\xe2\x82")));
	ck_assert(!utf8_valid(SLICE("\xe2\x82" "a")));
	ck_assert(!utf8_valid(SLICE("\xf0\x90\x80")));
	ck_assert(!utf8_valid(SLICE("\x80")));
	ck_assert(!utf8_valid(SLICE("a\xbf")));
}
END_TEST

UNIT_MAIN("slice", slices_compare_by_length_and_bytes, only_ascii_letters_compare_without_case,
          a_byte_that_is_not_there_is_found_at_the_length, cutting_never_leaves_the_slice, words_lie_between_blanks,
          a_string_that_does_not_fit_or_holds_nul_is_refused, a_duplicate_is_a_string_of_its_own,
          a_number_is_digits_within_its_limit_and_nothing_else, a_number_becomes_the_digits_that_it_was_made_of, hexadecimal_digits_are_lower_case,
          utf8_is_taken_in_its_shortest_form_only, surrogates_and_what_is_beyond_unicode_are_no_utf8,
          a_utf8_character_that_is_cut_off_is_refused)
