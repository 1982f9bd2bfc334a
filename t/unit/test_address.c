/*
 * Addresses of SMTP commands: what RFC 5321 and RFC 6531 allow is taken apart, everything else is refused for the
 * right reason.
 */
#include <stdio.h>
#include <string.h>

#include "common/mail/address.h"
#include "t/unit/unit.h"

#define ALL (ADDRESS_UTF8 | ADDRESS_POSTMASTER | ADDRESS_NULL)

static struct address address;
static size_t used;

static enum address_result
path(const char *text, unsigned options)
{
	return address_parse_path(slice_from_string(text), options, &address, &used);
}

static enum address_result
mailbox(const char *text, unsigned options)
{
	return address_parse_mailbox(slice_from_string(text), options, &address);
}

static enum address_result
domain(const char *text)
{
	return address_check_domain(slice_from_string(text), false, true);
}

START_TEST(a_path_ends_at_its_bracket)
{
	ck_assert_int_eq(path("<user@example.org> SIZE=5", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "user");
	ck_assert_str_eq(address.domain, "example.org");
	ck_assert(!address.literal);
	ck_assert(!address.utf8);
	ck_assert_uint_eq(used, 18);
}
END_TEST

START_TEST(only_the_domain_becomes_lower_case)
{
	ck_assert_int_eq(path("<User.Name@EXAMPLE.Org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "User.Name");
	ck_assert_str_eq(address.domain, "example.org");
}
END_TEST

START_TEST(every_character_of_an_atom_is_allowed_bare)
{
	ck_assert_int_eq(path("<!#$%&'*+-/=?^_`{|}~09azAZ@a.b>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "!#$%&'*+-/=?^_`{|}~09azAZ");
}
END_TEST

START_TEST(the_null_path_is_allowed_where_asked_for)
{
	ck_assert_int_eq(path("<>", ADDRESS_NULL), ADDRESS_OK);
	ck_assert_str_eq(address.local, "");
	ck_assert_str_eq(address.domain, "");
	ck_assert_uint_eq(used, 2);
	ck_assert_int_eq(path("<>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(mailbox("", ADDRESS_NULL), ADDRESS_OK);
	ck_assert_int_eq(mailbox("", 0), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(postmaster_needs_no_domain_where_asked_for)
{
	ck_assert_int_eq(path("<PostMaster> NOTIFY=NEVER", ADDRESS_POSTMASTER), ADDRESS_OK);
	ck_assert_str_eq(address.local, "postmaster");
	ck_assert_str_eq(address.domain, "");
	ck_assert_uint_eq(used, 12);
	ck_assert_int_eq(path("<postmaster>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<postmasters>", ADDRESS_POSTMASTER), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<postmaster@example.org>", ADDRESS_POSTMASTER), ADDRESS_OK);
	ck_assert_str_eq(address.domain, "example.org");
	ck_assert_int_eq(mailbox("POSTMASTER", ADDRESS_POSTMASTER), ADDRESS_OK);
	ck_assert_str_eq(address.local, "postmaster");
	ck_assert_int_eq(mailbox("postmaster>", ADDRESS_POSTMASTER), ADDRESS_SYNTAX);
	ck_assert_int_eq(mailbox("postmaster", 0), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(a_source_route_is_checked_and_ignored)
{
	ck_assert_int_eq(path("<@one.example,@two.example:joe@three.example>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "joe");
	ck_assert_str_eq(address.domain, "three.example");
	ck_assert_int_eq(path("<@one.example:joe@three.example>", 0), ADDRESS_OK);
	ck_assert_int_eq(path("<@one.example joe@three.example>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@one.example,two.example:joe@three.example>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@one.example,:joe@three.example>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@-one.example:joe@three.example>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@:joe@three.example>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@one.example:>", ALL), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@[192.0.2.1]:joe@three.example>", ALL), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(quotes_and_backslashes_do_not_belong_to_the_local_part)
{
	ck_assert_int_eq(path("<\"joe smith\"@example.org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "joe smith");
	ck_assert_int_eq(path("<\"j\\o\\\"e\\\\\"@example.org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "jo\"e\\");
	ck_assert_int_eq(path("<\"a@b>c,d:e\"@example.org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "a@b>c,d:e");
	ck_assert_int_eq(path("<\"user\"@example.org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "user");
}
END_TEST

START_TEST(an_empty_quoted_local_part_is_not_the_null_path)
{
	char text[ADDRESS_MAX + 1];

	ck_assert_int_eq(path("<\"\"@example.org>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "");
	ck_assert_str_eq(address.domain, "example.org");
	address_format(&address, text);
	ck_assert_str_eq(text, "@example.org");
}
END_TEST

START_TEST(a_quoted_string_must_end_and_hold_no_control_byte)
{
	ck_assert_int_eq(path("<\"joe", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"joe\\", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"joe\\\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"j\toe\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"j\\\toe\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"j\r\noe\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"j\x7foe\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"joe\".smith@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<joe.\"smith\"@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<\"j\\\xc3\xa9\"@example.org>", ALL), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(dots_stand_between_atoms_only)
{
	ck_assert_int_eq(path("<.joe@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<joe.@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<joe..smith@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<.@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(path("<@example.org>", 0), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(what_is_no_path_is_a_syntax_error)
{
	static const char *const bad[] = {
		"",
		"<",
		">",
		"user@example.org",
		"<user@example.org",
		"<user>",
		"<user@>",
		"<user@@example.org>",
		"<user@example.org@example.net>",
		"<us er@example.org>",
		"< user@example.org>",
		"<user @example.org>",
		"<user@ example.org>",
		"<user@example.org >",
		"<user(comment)@example.org>",
		"<user@example.org,x@y>",
		"<<user@example.org>>",
		"<user@example.org\r\n>",
		"<us\ner@example.org>",
		"<user@exa\tmple.org>",
		"<user@example.org\x01>",
		"<user,joe@example.org>",
		"<user:joe@example.org>",
		"<user;@example.org>",
		"<us[er@example.org>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(path(bad[i], ALL) == ADDRESS_SYNTAX, "%s", bad[i]);
}
END_TEST

START_TEST(a_nul_byte_is_refused_wherever_it_stands)
{
	static const char text[] = "<user@example.org>";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		ck_assert_int_eq(address_parse_path(slice_of(copy, sizeof(text) - 1), ALL, &address, &used),
				 ADDRESS_SYNTAX);
	}
	ck_assert_int_eq(address_parse_path(SLICE("<\"a\0b\"@example.org>"), ALL, &address, &used), ADDRESS_SYNTAX);
	ck_assert_int_eq(address_parse_mailbox(SLICE("user@example.org\0"), ALL, &address), ADDRESS_SYNTAX);
	ck_assert_int_eq(address_parse_mailbox(SLICE("user@[192.0.2.1\0]"), ALL, &address), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(after_an_error_nothing_of_the_address_is_left)
{
	ck_assert_int_eq(path("<user@example.org", 0), ADDRESS_SYNTAX);
	ck_assert_str_eq(address.local, "");
	ck_assert_str_eq(address.domain, "");
}
END_TEST

START_TEST(a_local_part_has_at_most_64_bytes)
{
	char text[200];

	snprintf(text, sizeof(text), "<%064d@example.org>", 0);
	ck_assert_int_eq(path(text, 0), ADDRESS_OK);
	ck_assert_uint_eq(strlen(address.local), 64);
	snprintf(text, sizeof(text), "<%065d@example.org>", 0);
	ck_assert_int_eq(path(text, 0), ADDRESS_TOO_LONG);
	snprintf(text, sizeof(text), "<\"%065d\"@example.org>", 0);
	ck_assert_int_eq(path(text, 0), ADDRESS_TOO_LONG);
	/* A character of two bytes does not fit by half. */
	snprintf(text, sizeof(text), "<%063d\xc3\xa9@example.org>", 0);
	ck_assert_int_eq(path(text, ADDRESS_UTF8), ADDRESS_TOO_LONG);
}
END_TEST

START_TEST(a_domain_has_at_most_255_bytes_and_a_label_63)
{
	char label[64];
	char text[ADDRESS_PATH_MAX];

	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(text, sizeof(text), "<u@%s.%s.%s.%s>", label, label, label, label);
	ck_assert_int_eq(path(text, 0), ADDRESS_OK);
	ck_assert_uint_eq(strlen(address.domain), 255);
	snprintf(text, sizeof(text), "<u@%s.%s.%s.%s.b>", label, label, label, label);
	ck_assert_int_eq(path(text, 0), ADDRESS_TOO_LONG);
	snprintf(text, sizeof(text), "<u@%sa.b>", label);
	ck_assert_int_eq(path(text, 0), ADDRESS_TOO_LONG);
}
END_TEST

START_TEST(a_path_is_read_up_to_its_limit)
{
	char text[ADDRESS_PATH_MAX * 2];
	size_t length = 0;

	text[length++] = '<';
	while (length < ADDRESS_PATH_MAX + 50) {
		memcpy(text + length, "@a.example,", 11);
		length += 11;
	}
	memcpy(text + length - 1, ":u@a.example>", 14);
	ck_assert_int_eq(path(text, 0), ADDRESS_TOO_LONG);
	memset(text, 'a', sizeof(text));
	text[0] = '<';
	ck_assert_int_eq(address_parse_path(slice_of(text, sizeof(text)), 0, &address, &used), ADDRESS_TOO_LONG);
}
END_TEST

START_TEST(address_literals_take_their_canonical_form)
{
	ck_assert_int_eq(path("<u@[192.0.2.1]>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.domain, "[192.0.2.1]");
	ck_assert(address.literal);
	ck_assert_int_eq(path("<u@[ipv6:2001:DB8:0:0::1]>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.domain, "[IPv6:2001:db8::1]");
	ck_assert_int_eq(path("<u@[IPv6:::ffff:192.0.2.1]>", 0), ADDRESS_OK);
	ck_assert_str_eq(address.domain, "[IPv6:::ffff:192.0.2.1]");
}
END_TEST

START_TEST(what_is_no_address_literal_is_refused)
{
	static const char *const bad[] = {
		"<u@[]>",
		"<u@[192.0.2]>",
		"<u@[192.0.2.256]>",
		"<u@[192.0.2.1>",
		"<u@192.0.2.1]>",
		"<u@[192.0.2.1].org>",
		"<u@[2001:db8::1]>",
		"<u@[IPv6:192.0.2.1]>",
		"<u@[IPv6:]>",
		"<u@[IPv6:2001:db8::1::2]>",
		"<u@[IPv6:fe80::1%lo]>",
		"<u@[X-tag:content]>",
		"<u@[ 192.0.2.1]>",
		"<u@[[192.0.2.1]]>",
		"<u@[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(path(bad[i], ALL) == ADDRESS_SYNTAX, "%s", bad[i]);
}
END_TEST

START_TEST(domains_are_labels_of_letters_digits_and_inner_hyphens)
{
	ck_assert_int_eq(domain("example.org"), ADDRESS_OK);
	ck_assert_int_eq(domain("localhost"), ADDRESS_OK);
	ck_assert_int_eq(domain("a-b.3com.x--y"), ADDRESS_OK);
	ck_assert_int_eq(domain("xn--bcher-kva.example"), ADDRESS_OK);
	ck_assert_int_eq(domain(""), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("."), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("example.org."), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain(".example.org"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("example..org"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("-a.example"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("a-.example"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("a_b.example"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("a b.example"), ADDRESS_SYNTAX);
	ck_assert_int_eq(domain("[192.0.2.1]"), ADDRESS_SYNTAX);
	ck_assert_int_eq(address_check_domain(SLICE("[192.0.2.1]"), true, false), ADDRESS_OK);
}
END_TEST

START_TEST(utf8_is_taken_where_asked_for)
{
	ck_assert_int_eq(path("<jos\xc3\xa9@b\xc3\xbc" "cher.example>", ADDRESS_UTF8), ADDRESS_OK);
	ck_assert_str_eq(address.local, "jos\xc3\xa9");
	ck_assert_str_eq(address.domain, "b\xc3\xbc" "cher.example");
	ck_assert(address.utf8);
	ck_assert_int_eq(path("<\"jos\xc3\xa9 x\"@a.example>", ADDRESS_UTF8), ADDRESS_OK);
	ck_assert(address.utf8);
	ck_assert_int_eq(path("<jos\xc3\xa9@a.example>", 0), ADDRESS_NOT_ASCII);
	ck_assert_int_eq(path("<jose@b\xc3\xbc" "cher.example>", 0), ADDRESS_NOT_ASCII);
	ck_assert_int_eq(path("<@b\xc3\xbc" "cher.example:jose@a.example>", 0), ADDRESS_NOT_ASCII);
	ck_assert_int_eq(path("<jose@a.example>", ADDRESS_UTF8), ADDRESS_OK);
	ck_assert(!address.utf8);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_refused)
{
	static const char *const bad[] = {
		"<a\xff@a.example>",
		"<a\xc3@a.example>",
		"<a\xc0\xaf@a.example>",
		"<a\xed\xa0\x80@a.example>",
		"<a\xf4\x90\x80\x80@a.example>",
		"<a\xe2\x82@a.example>",
		"<a@\xc0\xae.example>",
		"<\"\xc0\xaf\"@a.example>",
		"<\x80@a.example>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(path(bad[i], ALL) == ADDRESS_NOT_ASCII, "%s", bad[i]);
	/* U+0085 is valid UTF-8 and a control character. */
	ck_assert_int_eq(path("<a\xc2\x85@a.example>", ALL), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(a_mailbox_is_the_whole_text)
{
	ck_assert_int_eq(mailbox("user@example.org", 0), ADDRESS_OK);
	ck_assert_str_eq(address.local, "user");
	ck_assert_int_eq(mailbox("<user@example.org>", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(mailbox("user@example.org ", 0), ADDRESS_SYNTAX);
	ck_assert_int_eq(mailbox("user", ALL), ADDRESS_SYNTAX);
	ck_assert_int_eq(mailbox("@a.example:user@example.org", 0), ADDRESS_SYNTAX);
}
END_TEST

START_TEST(an_address_splits_at_its_last_at)
{
	struct slice local, right;

	ck_assert(address_split(SLICE("a@b@example.org"), &local, &right));
	ck_assert_slice(local, "a@b");
	ck_assert_slice(right, "example.org");
	ck_assert(address_split(SLICE("@example.org"), &local, &right));
	ck_assert_slice(local, "");
	ck_assert(!address_split(SLICE("postmaster"), &local, &right));
	ck_assert(!address_split(SLICE(""), &local, &right));
}
END_TEST

START_TEST(formatting_quotes_only_what_needs_it)
{
	char out[2 * ADDRESS_MAX + 4];

	address_format_quoted(SLICE("joe.smith@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "joe.smith@example.org");
	address_format_quoted(SLICE("joe smith@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "\"joe smith\"@example.org");
	address_format_quoted(SLICE("a\"b\\c@d@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "\"a\\\"b\\\\c@d\"@example.org");
	address_format_quoted(SLICE("joe.@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "\"joe.\"@example.org");
	address_format_quoted(SLICE("@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "\"\"@example.org");
	address_format_quoted(SLICE("jos\xc3\xa9@example.org"), out, sizeof(out));
	ck_assert_str_eq(out, "jos\xc3\xa9@example.org");
	address_format_quoted(SLICE("u@[192.0.2.1]"), out, sizeof(out));
	ck_assert_str_eq(out, "u@[192.0.2.1]");
	address_format_quoted(SLICE("postmaster"), out, sizeof(out));
	ck_assert_str_eq(out, "postmaster");
	address_format_quoted(SLICE(""), out, sizeof(out));
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(formatting_never_lets_a_control_byte_or_an_overlong_text_out)
{
	char out[2 * ADDRESS_MAX + 4];
	char big[2000];

	address_format_quoted(SLICE("a\r\nRCPT TO:<b@example.org>"), out, sizeof(out));
	ck_assert_str_eq(out, "");
	address_format_quoted(SLICE("a@b\0c"), out, sizeof(out));
	ck_assert_str_eq(out, "");
	memset(big, '"', sizeof(big));
	address_format_quoted(slice_of(big, sizeof(big)), out, sizeof(out));
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(what_was_formatted_parses_to_the_same)
{
	static const char *const texts[] = {
		"\"\"@a.example",         "\"a b\"@a.example", "a@[IPv6:::1]",
		"\"\\\\\\\"\"@a.example", "\".\"@a.example",   "x+y@a.example",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char plain[ADDRESS_MAX + 1], quoted[2 * ADDRESS_MAX + 4];

		ck_assert_int_eq(mailbox(texts[i], 0), ADDRESS_OK);
		address_format(&address, plain);
		address_format_quoted(slice_from_string(plain), quoted, sizeof(quoted));
		ck_assert_str_eq(quoted, texts[i]);
	}
}
END_TEST

UNIT_MAIN("address", a_path_ends_at_its_bracket, only_the_domain_becomes_lower_case,
	  every_character_of_an_atom_is_allowed_bare, the_null_path_is_allowed_where_asked_for,
	  postmaster_needs_no_domain_where_asked_for, a_source_route_is_checked_and_ignored,
	  quotes_and_backslashes_do_not_belong_to_the_local_part, an_empty_quoted_local_part_is_not_the_null_path,
	  a_quoted_string_must_end_and_hold_no_control_byte, dots_stand_between_atoms_only,
	  what_is_no_path_is_a_syntax_error, a_nul_byte_is_refused_wherever_it_stands,
	  after_an_error_nothing_of_the_address_is_left, a_local_part_has_at_most_64_bytes,
	  a_domain_has_at_most_255_bytes_and_a_label_63, a_path_is_read_up_to_its_limit,
	  address_literals_take_their_canonical_form, what_is_no_address_literal_is_refused,
	  domains_are_labels_of_letters_digits_and_inner_hyphens, utf8_is_taken_where_asked_for,
	  bytes_that_are_no_utf8_are_refused, a_mailbox_is_the_whole_text, an_address_splits_at_its_last_at,
	  formatting_quotes_only_what_needs_it, formatting_never_lets_a_control_byte_or_an_overlong_text_out,
	  what_was_formatted_parses_to_the_same)
