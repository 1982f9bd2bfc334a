/*
 * relayd/finding.h: from a name to an answer.
 */
#include "t/unit/finding_world.h"

/* ---- hosts ---- */

START_TEST(addresses_of_both_families_alternate_and_begin_with_ipv6)
{
	struct resolve_answer *answer;
	unsigned char four[4] = { 192, 0, 2, 0 }, six[16] = { 0x20 };

	begin_mx("example.com");
	SAY_MX("example.com", "mx.example");
	dns_begin(&message, "mx.example", DNS_A);
	for (int i = 0; i < 20; i++)
		dns_put_record(&message, "mx.example", DNS_A, four, 4);
	say_message("mx.example", DNS_A, false);
	ck_assert(!finding_is_usable(finding));
	dns_begin(&message, "mx.example", DNS_AAAA);
	dns_put_record(&message, "mx.example", DNS_AAAA, six, 16);
	dns_put_record(&message, "mx.example", DNS_AAAA, six, 15);
	dns_put_record(&message, "mx.example", DNS_AAAA, six, 16);
	say_message("mx.example", DNS_AAAA, false);
	ck_assert(finding_is_done(finding) && finding_is_usable(finding));
	answer = end();
	ck_assert_uint_eq(answer->host_count, 1);
	ck_assert_uint_eq(answer->hosts[0].address_count, RESOLVE_ADDRESSES_MAX);
	for (size_t i = 0; i < RESOLVE_ADDRESSES_MAX; i++)
		ck_assert_uint_eq(answer->hosts[0].addresses[i].length, i == 0 || i == 2 ? 16 : 4);
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(the_best_hosts_are_asked_for_when_there_are_too_many)
{
	struct resolve_answer *answer;
	char name[64];

	begin_mx("example.com");
	dns_begin(&message, "example.com", DNS_MX);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "mx%u.example", i);
		dns_put_mx(&message, "example.com", 100 - i, name);
	}
	say_message("example.com", DNS_MX, true);
	for (unsigned i = 39; i >= 24; i--) {
		snprintf(name, sizeof(name), "mx%u.example", i);
		say_address(name, i, false);
	}
	ck_assert(finding_is_done(finding));
	answer = end();
	ck_assert_uint_eq(answer->host_count, RESOLVE_HOSTS_MAX);
	ck_assert_str_eq(answer->hosts[0].name, "mx39.example");
	ck_assert_uint_eq(answer->hosts[15].preference, 76);
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(a_host_that_cannot_be_found_out_leaves_the_others)
{
	struct resolve_answer *answer;

	begin_mx("example.com");
	SAY_MX("example.com", "one.example", "two.example", "three.example");
	say_failed("one.example", DNS_A);
	say_failed("one.example", DNS_AAAA);
	say_missing("two.example", DNS_A);
	say_missing("two.example", DNS_AAAA);
	say_address("three.example", 3, false);
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_OK);
	ck_assert_uint_eq(answer->host_count, 1);
	ck_assert_str_eq(answer->hosts[0].name, "three.example");
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(one_family_that_fails_leaves_the_other)
{
	struct resolve_answer *answer;

	begin_mx("example.com");
	SAY_MX("example.com", "mx.example");
	dns_begin(&message, "mx.example", DNS_A);
	dns_put_record(&message, "mx.example", DNS_A, "\300\0\2\1", 4);
	say_message("mx.example", DNS_A, true);
	say_failed("mx.example", DNS_AAAA);
	say_tlsa("_25._tcp.mx.example", true);
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_OK);
	ck_assert(answer->hosts[0].secure);
	ck_assert_int_eq(answer->hosts[0].tlsa, RESOLVE_TLSA_USABLE);
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(no_host_that_can_be_found_out_is_a_temporary_failure)
{
	begin_mx("example.com");
	SAY_MX("example.com", "one.example", "two.example");
	say_failed("one.example", DNS_A);
	say_nothing("one.example", DNS_AAAA);
	say_missing("two.example", DNS_A);
	say_missing("two.example", DNS_AAAA);
	assert_end(RESOLVE_TEMPORARY, "found out");
	begin_mx("example.com");
	SAY_MX("example.com", "one.example");
	say_nothing("one.example", DNS_A);
	say_nothing("one.example", DNS_AAAA);
	assert_end(RESOLVE_NO_DOMAIN, "has an address");
}
END_TEST

START_TEST(an_answer_at_any_time_has_what_is_known)
{
	struct resolve_answer *answer;

	begin_mx("example.com");
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_TEMPORARY);
	resolve_answer_free(&answer);
	begin_mx("example.com");
	SAY_MX("example.com", "done.example", "family.example", "securefamily.example", "tlsa.example", "nothing.example");
	say_address("done.example", 1, false);
	ck_assert(finding_is_usable(finding) && !finding_is_done(finding));
	dns_begin(&message, "family.example", DNS_A);
	dns_put_record(&message, "family.example", DNS_A, "\300\0\2\2", 4);
	say_message("family.example", DNS_A, false);
	dns_begin(&message, "securefamily.example", DNS_A);
	dns_put_record(&message, "securefamily.example", DNS_A, "\300\0\2\2", 4);
	say_message("securefamily.example", DNS_A, true);
	say_address("tlsa.example", 3, true);
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_OK);
	ck_assert_uint_eq(answer->host_count, 4);
	ck_assert_int_eq(answer->hosts[0].tlsa, RESOLVE_TLSA_NONE);
	ck_assert_int_eq(answer->hosts[1].tlsa, RESOLVE_TLSA_NONE);
	ck_assert_int_eq(answer->hosts[2].tlsa, RESOLVE_TLSA_FAILED);
	ck_assert_int_eq(answer->hosts[3].tlsa, RESOLVE_TLSA_FAILED);
	resolve_answer_free(&answer);
}
END_TEST

/* ---- domains ---- */

START_TEST(a_domain_without_mx_is_its_own_host)
{
	struct resolve_answer *answer;

	begin_mx("Example.com");
	say_nothing("example.com", DNS_MX);
	say_address("example.com", 1, true);
	say_nothing("_25._tcp.example.com", DNS_TLSA);
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_OK);
	ck_assert(answer->secure);
	ck_assert_str_eq(answer->hosts[0].name, "example.com");
	ck_assert_uint_eq(answer->hosts[0].preference, 0);
	ck_assert_int_eq(answer->hosts[0].tlsa, RESOLVE_TLSA_NONE);
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(domains_without_mail_are_told_apart)
{
	begin_mx("example.com");
	say_missing("example.com", DNS_MX);
	assert_end(RESOLVE_NO_DOMAIN, "does not exist");
	begin_mx("example.com");
	SAY_MX("example.com", "");
	assert_end(RESOLVE_NULL_MX, "takes no mail");
	begin_mx("example.com");
	say_failed("example.com", DNS_MX);
	assert_end(RESOLVE_TEMPORARY, "found out");
	begin_mx("example.com");
	SAY_MX("example.com", "10.0.0.1");
	assert_end(RESOLVE_NO_DOMAIN, "name no host");
	begin_mx("no name");
	assert_end(RESOLVE_NO_DOMAIN, "no name that DNS can have");
	begin_mx("example.com");
	message.length = 11;
	say_message("example.com", DNS_MX, true);
	assert_end(RESOLVE_TEMPORARY, "found out");
}
END_TEST

START_TEST(the_name_after_aliases_is_in_the_answer)
{
	struct resolve_answer *answer;

	begin_mx("www.example");
	dns_begin(&message, "www.example", DNS_MX);
	dns_put_cname(&message, "www.example", "real.example");
	dns_put_mx(&message, "real.example", 10, "mx.example");
	say_message("www.example", DNS_MX, true);
	say_address("mx.example", 1, false);
	answer = end();
	ck_assert_str_eq(answer->canonical, "real.example");
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(we_and_all_that_is_not_better_are_dropped)
{
	struct resolve_answer *answer;

	begin_mx("example.com");
	SAY_MX("example.com", "a.example", "mail.own.example", "b.example");
	ck_assert(!is_asked("b.example", DNS_A));
	say_address("a.example", 1, false);
	answer = end();
	ck_assert_uint_eq(answer->host_count, 1);
	resolve_answer_free(&answer);
	begin_mx("example.com");
	SAY_MX("example.com", "MAIL.own.example", "b.example");
	assert_end(RESOLVE_LOOP, "better than this one");
	begin_mx("mail.own.example");
	say_nothing("mail.own.example", DNS_MX);
	assert_end(RESOLVE_LOOP, "better than this one");
}
END_TEST

START_TEST(we_are_known_under_an_alias_too)
{
	struct resolve_answer *answer;

	begin_mx("example.com");
	SAY_MX("example.com", "a.example", "me.example", "b.example");
	say_address("a.example", 1, false);
	say_alias_address("me.example", "mail.own.example", false);
	say_address("b.example", 1, false);
	say_missing("me.example", DNS_CNAME);
	answer = end();
	ck_assert_uint_eq(answer->host_count, 1);
	ck_assert_str_eq(answer->hosts[0].name, "a.example");
	resolve_answer_free(&answer);
	begin_mx("example.com");
	SAY_MX("example.com", "me.example");
	say_alias_address("me.example", "mail.own.example", false);
	say_failed("me.example", DNS_CNAME);
	assert_end(RESOLVE_LOOP, "better than this one");
}
END_TEST

START_TEST(a_backup_must_be_among_the_hosts)
{
	struct finding_question question = { .how = RESOLVE_MX, .name = "example.com", .port = 25, .backup = true };

	begin(question);
	SAY_MX("example.com", "a.example");
	say_address("a.example", 1, false);
	assert_end(RESOLVE_TEMPORARY, "not among the mail hosts");
	begin(question);
	say_nothing("example.com", DNS_MX);
	say_address("example.com", 1, false);
	assert_end(RESOLVE_TEMPORARY, "not among the mail hosts");
}
END_TEST

START_TEST(a_host_of_a_route_may_be_ourselves_and_needs_no_mx)
{
	struct finding_question question = { .how = RESOLVE_HOST, .name = "mail.own.example", .port = 25 };
	struct resolve_answer *answer;

	begin(question);
	ck_assert(!is_asked("mail.own.example", DNS_MX));
	say_address("mail.own.example", 1, true);
	ck_assert(finding_is_done(finding));
	answer = end();
	ck_assert_int_eq(answer->result, RESOLVE_OK);
	resolve_answer_free(&answer);
	begin(question);
	say_missing("mail.own.example", DNS_A);
	say_missing("mail.own.example", DNS_AAAA);
	assert_end(RESOLVE_NO_DOMAIN, "has an address");
}
END_TEST

START_TEST(an_address_in_place_of_a_name_is_its_own_answer)
{
	static const char *const names[] = { "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "[IPv6:2001:db8::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct resolve_answer *answer;

		begin_mx(names[i]);
		ck_assert(finding_is_done(finding));
		ck_assert_uint_eq(lookup_count, 0);
		answer = end();
		ck_assert_int_eq(answer->result, RESOLVE_OK);
		ck_assert_uint_eq(answer->hosts[0].addresses[0].length, i < 2 ? 4 : 16);
		ck_assert_int_eq(answer->hosts[0].tlsa, RESOLVE_TLSA_NONE);
		resolve_answer_free(&answer);
	}
}
END_TEST

UNIT_MAIN("finding", addresses_of_both_families_alternate_and_begin_with_ipv6,
          the_best_hosts_are_asked_for_when_there_are_too_many, a_host_that_cannot_be_found_out_leaves_the_others,
          one_family_that_fails_leaves_the_other, no_host_that_can_be_found_out_is_a_temporary_failure,
          an_answer_at_any_time_has_what_is_known, a_domain_without_mx_is_its_own_host, domains_without_mail_are_told_apart,
          the_name_after_aliases_is_in_the_answer, we_and_all_that_is_not_better_are_dropped, we_are_known_under_an_alias_too,
          a_backup_must_be_among_the_hosts, a_host_of_a_route_may_be_ourselves_and_needs_no_mx,
          an_address_in_place_of_a_name_is_its_own_answer)
