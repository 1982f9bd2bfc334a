/*
 * tabled/record.h, name.h, line.h, index.h, seen.h: what is stored, its keys, its text, and its copy in
 * memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "t/unit/unit.h"
#include "tabled/index.h"
#include "tabled/line.h"
#include "tabled/name.h"
#include "tabled/record.h"
#include "tabled/seen.h"

static struct record_list
list_of(struct buffer *memory, const char *const *items, uint32_t count)
{
	struct record_list list = { .count = 0 };

	buffer_init(memory, 1 << 20);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq(record_list_add(memory, &list.count, slice_from_string(items[i])), 0);
	list.bytes = buffer_slice(memory);
	return list;
}

START_TEST(a_user_record_reads_back_as_it_was_written)
{
	const char *const send_as[] = { "a@b", "c@d" };
	struct buffer list, encoded;
	struct record_user user = { .enabled = true,
		                    .password = SLICE("$y$x"),
		                    .path = SLICE("d/l"),
		                    .quota = UINT64_C(1) << 40,
		                    .send_as = list_of(&list, send_as, 2) };
	struct record_user again;

	buffer_init(&encoded, 4096);
	ck_assert_int_eq(record_user_encode(&user, &encoded), 0);
	ck_assert(record_user_decode(buffer_slice(&encoded), &again));
	ck_assert(again.enabled && again.quota == user.quota);
	ck_assert_slice(again.password, "$y$x");
	ck_assert_slice(again.path, "d/l");
	ck_assert_uint_eq(again.send_as.count, 2);
	ck_assert(record_list_contains(again.send_as, SLICE("c@d")));
	buffer_free(&list);
	buffer_free(&encoded);
}
END_TEST

START_TEST(a_record_that_is_cut_off_longer_or_of_another_version_is_malformed)
{
	struct record_user user = { .enabled = true, .password = SLICE("$y$x"), .path = SLICE("d/l") };
	struct record_user again;
	struct buffer encoded;
	struct slice whole;

	buffer_init(&encoded, 4096);
	ck_assert_int_eq(record_user_encode(&user, &encoded), 0);
	whole = buffer_slice(&encoded);
	for (size_t length = 0; length < whole.length; length++)
		ck_assert(!record_user_decode(slice_first(whole, length), &again));
	ck_assert(record_user_decode(whole, &again));
	ck_assert_int_eq(buffer_append(&encoded, "x", 1), 0);
	ck_assert(!record_user_decode(buffer_slice(&encoded), &again));
	buffer_truncate(&encoded, whole.length);
	encoded.data[0]++;
	ck_assert(!record_user_decode(buffer_slice(&encoded), &again));
	buffer_free(&encoded);
}
END_TEST

START_TEST(a_list_whose_count_does_not_fit_its_bytes_is_malformed)
{
	const char *const items[] = { "a@b", "c@d" };
	struct buffer list, encoded;
	struct record_alias alias = { .targets = list_of(&list, items, 2) };
	struct record_alias again;

	buffer_init(&encoded, 4096);
	alias.targets.count = 3;
	ck_assert_int_eq(record_alias_encode(&alias, &encoded), 0);
	ck_assert(!record_alias_decode(buffer_slice(&encoded), &again));
	buffer_clear(&encoded);
	alias.targets.count = 1;
	ck_assert_int_eq(record_alias_encode(&alias, &encoded), 0);
	ck_assert(!record_alias_decode(buffer_slice(&encoded), &again));
	buffer_free(&list);
	buffer_free(&encoded);
}
END_TEST

START_TEST(the_key_of_an_address_begins_with_its_domain_in_lower_case)
{
	struct name name;
	char address[TABLE_ADDRESS_MAX + 2];

	ck_assert(name_parse(SLICE("Alice@Example.ORG"), &name));
	ck_assert_slice(name_key(&name), "example.org@alice");
	name_address(&name, address);
	ck_assert_str_eq(address, "alice@example.org");
	ck_assert(name_parse(SLICE("a@b@example.org"), &name));
	ck_assert_slice(name_local(&name), "a@b");
	ck_assert(name_from_key(SLICE("example.org@"), &name));
	name_address(&name, address);
	ck_assert_str_eq(address, "@example.org");
	ck_assert(name_parse(SLICE("postmaster"), &name));
	ck_assert_slice(name_key(&name), "@postmaster");
}
END_TEST

START_TEST(a_name_that_is_too_long_makes_no_key)
{
	static char text[2000];
	struct name name;

	memset(text, 'a', sizeof(text));
	ck_assert(!name_parse(slice_of(text, sizeof(text)), &name));
	ck_assert(!name_make(slice_of(text, TABLE_ADDRESS_MAX), SLICE("b"), &name));
	ck_assert(name_make(slice_of(text, TABLE_ADDRESS_MAX - 2), SLICE("b"), &name));
}
END_TEST

START_TEST(only_addresses_and_the_forms_that_are_asked_for_are_names)
{
	struct name name;

	ck_assert(name_check(SLICE("a b@example.org"), 0, &name));
	ck_assert(!name_check(SLICE("a\nb@example.org"), 0, &name));
	ck_assert(!name_check(SLICE("a@exam ple.org"), 0, &name));
	ck_assert(!name_check(SLICE("a@"), NAME_CATCH_ALL, &name));
	ck_assert(!name_check(SLICE("@example.org"), 0, &name));
	ck_assert(name_check(SLICE("@example.org"), NAME_CATCH_ALL, &name));
	ck_assert(!name_check(SLICE("root"), NAME_POSTMASTER, &name));
	ck_assert(name_check(SLICE("Postmaster"), NAME_POSTMASTER, &name));
	ck_assert(!name_check(SLICE(""), NAME_POSTMASTER | NAME_CATCH_ALL, &name));
}
END_TEST

static void
assert_line(const char *text, const char *expected)
{
	char problem[LINE_PROBLEM_SIZE] = "";
	struct buffer out;
	struct line line;

	line_init(&line);
	buffer_init(&out, 1 << 20);
	ck_assert_msg(line_parse(&line, slice_from_string(text), problem) == 1, "%s: %s", text, problem);
	ck_assert_int_eq(line_format(&line.record, &out), 0);
	ck_assert_msg(slice_equal(buffer_slice(&out), slice_from_string(expected)), "\"%.*s\" is not \"%s\"",
	              (int)buffer_length(&out), out.data, expected);
	line_free(&line);
	buffer_free(&out);
}

START_TEST(a_line_reads_back_as_it_is_written)
{
	assert_line("domain example.org", "domain example.org\n");
	assert_line(" domain  example.org\tkind=local enabled=yes ", "domain example.org\n");
	assert_line("domain example.net enabled=no kind=relay", "domain example.net kind=relay enabled=no\n");
	assert_line("user a@b password=$y$x path=b/a quota=1024M send-as=c@d,e@f",
	            "user a@b password=$y$x path=b/a quota=1G send-as=c@d,e@f\n");
	assert_line("user a%20b%25%2c@c path=x%3dy", "user a%20b%25%2C@c path=x=y\n");
	assert_line("alias @b to=a@b", "alias @b to=a@b\n");
	assert_line("route b via=MX", "route b via=mx\n");
	assert_line("route .b via=smtp://Host:25 tls=standard", "route .b via=smtp://host\n");
	assert_line("route * via=smtps://host tls=verify user=a%20b password=%2C%25c",
	            "route * via=smtps://host tls=verify user=a%20b password=%2C%25c\n");
	assert_line("route b via=lmtp:/run/A%20B", "route b via=lmtp:/run/A%20B\n");
}
END_TEST

START_TEST(a_line_that_is_wrong_is_refused_with_a_reason)
{
	static const char *const wrong[] = {
		"mailbox a@b",
		"user",
		"user a@b quota",
		"user a@b quota=lots",
		"user a@b to=c@d",
		"user a@b path=x path=y",
		"domain a kind=other",
		"domain a enabled=maybe",
		"user a%4",
		"user a%zz@b",
		"user a@b quota=99999999999999999999",
		"user a@b =x",
		"alias a@b to=,",
		"alias a@b to=c@d,",
		"alias a@b to=c@d,,e@f",
		"route a",
		"route a via=here",
		"route a to=mx",
		"route a via=mx tls=maybe",
		"route a via=reject tls=off",
		"route a via=smtp://b user=c password=d",
		"route a via=smtp://b tls=required user=c",
	};
	char problem[LINE_PROBLEM_SIZE];
	struct line line;

	line_init(&line);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		problem[0] = '\0';
		ck_assert_msg(line_parse(&line, slice_from_string(wrong[i]), problem) == -EINVAL, "%s",
		              wrong[i]);
		ck_assert_msg(problem[0] != '\0', "%s", wrong[i]);
	}
	ck_assert_int_eq(line_parse(&line, SLICE("# a comment"), problem), 0);
	ck_assert_int_eq(line_parse(&line, SLICE("  \t"), problem), 0);
	line_free(&line);
}
END_TEST

START_TEST(sizes_have_units_and_limits)
{
	uint64_t size;
	char text[32];

	ck_assert_int_eq(line_parse_size(SLICE("2g"), &size), 0);
	ck_assert_uint_eq(size, UINT64_C(2) << 30);
	ck_assert_int_eq(line_parse_size(SLICE("none"), &size), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_ne(line_parse_size(SLICE("9999999999T"), &size), 0);
	ck_assert_int_ne(line_parse_size(SLICE("G"), &size), 0);
	ck_assert_int_ne(line_parse_size(SLICE("-1"), &size), 0);
	line_format_size(UINT64_C(3) << 20, text);
	ck_assert_str_eq(text, "3M");
	line_format_size(1500, text);
	ck_assert_str_eq(text, "1500");
}
END_TEST

static void
apply(struct index *index, const char *key, const char *value)
{
	struct index_entry *entry =
		index_entry_new(TABLE_SPACE_USER, slice_from_string(key),
	                        value == NULL ? SLICE("") : slice_from_string(value), value == NULL);

	ck_assert_ptr_nonnull(entry);
	index_apply(index, entry);
}

START_TEST(the_index_finds_what_was_put_last_and_nothing_that_was_deleted)
{
	enum { COUNT = 50000 };
	struct index *index = index_new();
	struct slice value;
	char key[32], text[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(key, sizeof(key), "key@%d", i);
		apply(index, key, "old");
		apply(index, key, key);
		if (i % 3 == 0)
			apply(index, key, NULL);
	}
	apply(index, "absent", NULL);
	ck_assert_uint_eq(index_count(index), COUNT - (COUNT + 2) / 3);
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "key@%d", i);
		ck_assert_int_eq(index_find(index, TABLE_SPACE_USER, slice_from_string(text), &value),
		                 i % 3 != 0);
		if (i % 3 != 0)
			ck_assert(slice_equal(value, slice_from_string(text)));
		ck_assert(!index_find(index, TABLE_SPACE_ALIAS, slice_from_string(text), &value));
	}
	index_free(&index);
	ck_assert_ptr_null(index);
}
END_TEST

START_TEST(a_string_is_new_to_a_set_once)
{
	struct seen seen;
	char text[32];

	seen_init(&seen);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(text, sizeof(text), "text %d", i);
			ck_assert_int_eq(seen_add(&seen, 'a', slice_from_string(text)), round == 0);
		}
	}
	ck_assert_int_eq(seen_add(&seen, 'b', SLICE("text 7")), 1);
	ck_assert_int_eq(seen_add(&seen, 'b', SLICE("")), 1);
	ck_assert_int_eq(seen_add(&seen, 'b', SLICE("")), 0);
	seen_free(&seen);
}
END_TEST

UNIT_MAIN("table_records", a_user_record_reads_back_as_it_was_written,
          a_record_that_is_cut_off_longer_or_of_another_version_is_malformed,
          a_list_whose_count_does_not_fit_its_bytes_is_malformed,
          the_key_of_an_address_begins_with_its_domain_in_lower_case, a_name_that_is_too_long_makes_no_key,
          only_addresses_and_the_forms_that_are_asked_for_are_names, a_line_reads_back_as_it_is_written,
          a_line_that_is_wrong_is_refused_with_a_reason, sizes_have_units_and_limits,
          the_index_finds_what_was_put_last_and_nothing_that_was_deleted, a_string_is_new_to_a_set_once)
