/*
 * common/mail/originator.h: who a message says that it is from.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mail/address.h"
#include "common/mail/originator.h"
#include "t/unit/unit.h"

/* The addresses in VALUE, divided by blanks; "!" for malformed. */
static const char *
found(const char *value)
{
	static char text[1024];
	struct slice rest = slice_from_string(value);
	char address[ADDRESS_MAX + 1];
	int result;

	text[0] = '\0';
	while ((result = originator_next(&rest, address)) == 1) {
		strlcat(text, text[0] == '\0' ? "" : " ", sizeof(text));
		strlcat(text, address, sizeof(text));
	}
	return result == 0 ? text : "!";
}

START_TEST(an_address_is_found_with_and_without_its_name)
{
	ck_assert_str_eq(found(" alice@example.org"), "alice@example.org");
	ck_assert_str_eq(found(" Alice B. Cooper <alice@Example.ORG>\r\n"), "alice@example.org");
	ck_assert_str_eq(found("\"evil@example.net <x@y>\" <alice@example.org>"), "alice@example.org");
	ck_assert_str_eq(found("=?utf-8?q?bob=40example=2Eorg?= <alice@example.org>"), "alice@example.org");
	ck_assert_str_eq(found("alice@example.org (bob@example.org (and more\\)))"), "alice@example.org");
	ck_assert_str_eq(found("(x) alice (y) @ (z) example . org"), "alice@example.org");
	ck_assert_str_eq(found("<\"a b\"@example.org>"), "a b@example.org");
	ck_assert_str_eq(found("<@relay.example,@other.example:alice@example.org>"), "alice@example.org");
	ck_assert_str_eq(found("x <alice@[192.0.2.1]>"), "alice@[192.0.2.1]");
	ck_assert_str_eq(found("Gr\303\274\303\237e <\303\274@example.org>"), "\303\274@example.org");
}
END_TEST

START_TEST(several_addresses_and_groups_are_found)
{
	ck_assert_str_eq(found("a@b.example, C <c@d.example>,\r\n e@f.example"), "a@b.example c@d.example e@f.example");
	ck_assert_str_eq(found("team: a@b.example, c@d.example;"), "a@b.example c@d.example");
	ck_assert_str_eq(found(",, a@b.example,"), "a@b.example");
	ck_assert_str_eq(found("nobody:;"), "");
	ck_assert_str_eq(found("  "), "");
}
END_TEST

START_TEST(what_could_be_read_in_two_ways_is_malformed)
{
	static const char *const wrong[] = {
		"alice", "<>", "a b@example.org", "<a@b.example> <c@d.example>", "<a@b.example> c", "<a@b.example", "a@b.example>", "\"a@b.example",
		"(a@b.example", "<a@b.example,c@d.example>", "<a:b@example.org>", "a@b@c.example", "a@b.example\\", "<<a@b.example>>", "a\1@b.example",
		"a@b.example c@d.example",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(strcmp(found(wrong[i]), "!") == 0, "%s: %s", wrong[i], found(wrong[i]));
}
END_TEST

UNIT_MAIN("originator", an_address_is_found_with_and_without_its_name, several_addresses_and_groups_are_found,
          what_could_be_read_in_two_ways_is_malformed)
