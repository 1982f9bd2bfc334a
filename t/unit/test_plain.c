/*
 * Text of any origin for terminals and for programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/plain.h"
#include "t/unit/unit.h"

static void
shows(void (*show)(FILE *out, struct slice text), struct slice text, const char *expected)
{
	char *shown;
	size_t length;
	FILE *out = open_memstream(&shown, &length);

	ck_assert_ptr_nonnull(out);
	show(out, text);
	fclose(out);
	ck_assert_str_eq(shown, expected);
	ck_assert_uint_eq(length, strlen(expected));
	free(shown);
}

START_TEST(no_control_character_gets_to_a_terminal)
{
	shows(plain_string, SLICE("a\033[2J\r\n\t\177\0b"), "a?[2J?????b");
	shows(plain_string, SLICE("\302\2332J \302\200 \302\237"), "?2J ? ?"); /* CSI and others of C1 */
	shows(plain_string, SLICE("\302\240\303\274 \346\227\245"), "\302\240\303\274 \346\227\245");
}
END_TEST

START_TEST(what_is_no_utf_8_is_not_shown)
{
	shows(plain_string, SLICE("b\374cher \233 \303"), "b?cher ? ?");
	shows(json_string, SLICE("b\374\"\001\303\274"), "\"b\\ufffd\\\"\\u0001\303\274\"");
}
END_TEST

START_TEST(lines_keep_their_ends_and_tabs)
{
	shows(plain_lines, SLICE("Subject: x\r\n\tmore\r\n\r\n\033c\302\205"), "Subject: x\n\tmore\n\n?c?");
}
END_TEST

UNIT_MAIN("plain", no_control_character_gets_to_a_terminal, what_is_no_utf_8_is_not_shown, lines_keep_their_ends_and_tabs)
