/*
 * relayd/dns.h, mx.h and tlsa.h: records from messages, honest and hostile, and the order of mail hosts.
 */
#include <errno.h>

#include "relayd/mx.h"
#include "relayd/tlsa.h"
#include "t/unit/dns_message.h"

static struct dns_message message;
static struct dns_answer answer;

static const unsigned char address[4] = { 192, 0, 2, 1 };

static void
assert_name(const char *text, const char *name)
{
	char out[DNS_NAME_SIZE];

	ck_assert_int_eq(dns_name_from_text(slice_from_string(text), out), name == NULL ? -EINVAL : 0);
	ck_assert_str_eq(out, name == NULL ? "" : name);
}

static int
parse(const char *name, enum dns_type type)
{
	return dns_answer_parse(dns_slice(&message), name, type, &answer);
}

/* ---- names ---- */

START_TEST(names_become_lower_case_without_a_dot_at_their_end)
{
	assert_name("Example.COM", "example.com");
	assert_name("example.com.", "example.com");
	assert_name("_25._tcp.mx-1.example", "_25._tcp.mx-1.example");
	assert_name("a", "a");
}
END_TEST

START_TEST(names_that_dns_cannot_have_are_refused)
{
	assert_name("", NULL);
	assert_name(".", NULL);
	assert_name("a..b", NULL);
	assert_name(".a", NULL);
	assert_name("a b", NULL);
	assert_name("a/b", NULL);
	assert_name("a\\.b", NULL);
	assert_name("bad\xff.example", NULL);
	assert_name("a.0123456789012345678901234567890123456789012345678901234567890123", NULL);
}
END_TEST

START_TEST(a_name_may_have_253_bytes)
{
	char text[256];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 == 0 ? 'a' : '.';
	text[253] = '\0';
	assert_name(text, text);
	text[253] = '.';
	text[254] = 'a';
	text[255] = '\0';
	assert_name(text, NULL);
}
END_TEST

START_TEST(labels_of_other_scripts_become_a_labels)
{
	/* RFC 3492 7.1 (B), (L) */
	assert_name("b\xc3\xbc" "cher.example", "xn--bcher-kva.example");
	assert_name("\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d\xe8\xaf\xb4\xe4\xb8\xad\xe6\x96\x87.example",
	            "xn--ihqwcrb4cv8a8dqg056pqjye.example");
	assert_name("3\xe5\xb9\xb4" "B\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5\x85\x88\xe7\x94\x9f", "xn--3b-ww4c5e180e575a65lsy2b");
}
END_TEST

/* ---- messages ---- */

START_TEST(records_of_the_name_and_type_alone_are_taken)
{
	dns_begin(&message, "example.com", DNS_A);
	dns_put_record(&message, "Example.Com", DNS_A, address, 4);
	dns_put_record(&message, "other.com", DNS_A, address, 4);
	dns_put_record(&message, "example.com", DNS_AAAA, address, 4);
	ck_assert_int_eq(parse("example.com", DNS_A), 0);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert_mem_eq(answer.data[0].data, address, 4);
	ck_assert(!answer.alias);
	ck_assert_str_eq(answer.name, "example.com");
}
END_TEST

START_TEST(aliases_are_followed_in_any_order)
{
	dns_begin(&message, "a.example", DNS_A);
	dns_put_record(&message, "c.example", DNS_A, address, 4);
	dns_put_cname(&message, "b.example", "c.example");
	dns_put_cname(&message, "a.example", "B.example");
	ck_assert_int_eq(parse("a.example", DNS_A), 0);
	ck_assert_uint_eq(answer.count, 1);
	ck_assert(answer.alias);
	ck_assert_str_eq(answer.name, "c.example");
}
END_TEST

START_TEST(aliases_in_a_circle_are_malformed)
{
	dns_begin(&message, "a.example", DNS_A);
	dns_put_cname(&message, "a.example", "b.example");
	dns_put_cname(&message, "b.example", "a.example");
	ck_assert_int_eq(parse("a.example", DNS_A), -EPROTO);
}
END_TEST

START_TEST(an_alias_of_what_is_no_host_leads_nowhere)
{
	dns_begin(&message, "a.example", DNS_A);
	dns_put_cname(&message, "a.example", "b c.example");
	ck_assert_int_eq(parse("a.example", DNS_A), 0);
	ck_assert(answer.alias);
	ck_assert_str_eq(answer.name, "");
	ck_assert_uint_eq(answer.count, 0);
}
END_TEST

START_TEST(a_message_cut_anywhere_is_malformed)
{
	dns_begin(&message, "a.example", DNS_MX);
	dns_put_cname(&message, "a.example", "b.example");
	dns_put_mx(&message, "b.example", 10, "mx.example");
	for (size_t length = 0; length < message.length; length++)
		ck_assert_int_eq(dns_answer_parse(slice_of(message.bytes, length), "a.example", DNS_MX, &answer), -EPROTO);
	ck_assert_int_eq(parse("a.example", DNS_MX), 0);
	ck_assert_uint_eq(answer.count, 1);
}
END_TEST

START_TEST(pointers_lead_back_and_nowhere_else)
{
	char name[DNS_NAME_SIZE];
	size_t end;
	static const unsigned char back[] = { 3, 'c', 'o', 'm', 0, 1, 'a', 0xc0, 0 };
	static const unsigned char itself[] = { 1, 'a', 0xc0, 2 };
	static const unsigned char its_label[] = { 1, 'a', 0xc0, 0 };
	static const unsigned char forward[] = { 0xc0, 2, 1, 'a', 0 };
	static const unsigned char cut[] = { 1, 'a', 0xc0 };
	static const unsigned char reserved[] = { 0x40, 'a', 0 };

	ck_assert_int_eq(dns_name_parse(slice_of(back, sizeof(back)), 5, name, &end), 0);
	ck_assert_str_eq(name, "a.com");
	ck_assert_uint_eq(end, sizeof(back));
	ck_assert_int_eq(dns_name_parse(slice_of(itself, sizeof(itself)), 0, name, &end), -EPROTO);
	ck_assert_int_eq(dns_name_parse(slice_of(its_label, sizeof(its_label)), 0, name, &end), -EPROTO);
	ck_assert_int_eq(dns_name_parse(slice_of(forward, sizeof(forward)), 0, name, &end), -EPROTO);
	ck_assert_int_eq(dns_name_parse(slice_of(cut, sizeof(cut)), 0, name, &end), -EPROTO);
	ck_assert_int_eq(dns_name_parse(slice_of(reserved, sizeof(reserved)), 0, name, &end), -EPROTO);
}
END_TEST

START_TEST(records_beyond_the_limit_are_not_looked_at)
{
	dns_begin(&message, "example.com", DNS_A);
	for (int i = 0; i < DNS_RECORDS_MAX + 44; i++)
		dns_put_record(&message, "example.com", DNS_A, address, 4);
	ck_assert_int_eq(parse("example.com", DNS_A), 0);
	ck_assert_uint_eq(answer.count, DNS_RECORDS_MAX);
}
END_TEST

/* ---- MX ---- */

static uint32_t counter;

static uint32_t
downwards(void)
{
	return counter--;
}

static struct mx_list
mx_list(void)
{
	struct mx_list list;

	counter = 1000;
	ck_assert_int_eq(parse("example.com", DNS_MX), 0);
	ck_assert_int_eq(mx_list_fill(dns_slice(&message), &answer, downwards, &list), 0);
	return list;
}

START_TEST(hosts_come_by_preference_and_equal_ones_by_chance)
{
	struct mx_list list;

	dns_begin(&message, "example.com", DNS_MX);
	dns_put_mx(&message, "example.com", 20, "d.example");
	dns_put_mx(&message, "example.com", 10, "a.example");
	dns_put_mx(&message, "example.com", 10, "b.example");
	dns_put_mx(&message, "example.com", 5, "c.example");
	list = mx_list();
	ck_assert_uint_eq(list.count, 4);
	ck_assert_str_eq(list.list[0].name, "c.example");
	ck_assert_str_eq(list.list[1].name, "b.example"); /* the later one got the smaller number */
	ck_assert_str_eq(list.list[2].name, "a.example");
	ck_assert_str_eq(list.list[3].name, "d.example");
	mx_list_free(&list);
}
END_TEST

START_TEST(a_host_named_twice_comes_once_by_its_better_preference)
{
	struct mx_list list;

	dns_begin(&message, "example.com", DNS_MX);
	dns_put_mx(&message, "example.com", 20, "A.example");
	dns_put_mx(&message, "example.com", 15, "b.example");
	dns_put_mx(&message, "example.com", 10, "a.example");
	list = mx_list();
	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(list.list[0].name, "a.example");
	ck_assert_uint_eq(list.list[0].preference, 10);
	mx_list_free(&list);
}
END_TEST

START_TEST(a_null_mx_is_one_record_alone)
{
	struct mx_list list;

	dns_begin(&message, "example.com", DNS_MX);
	dns_put_mx(&message, "example.com", 0, "");
	list = mx_list();
	ck_assert(list.null);
	ck_assert_uint_eq(list.count, 0);
	mx_list_free(&list);
	dns_put_mx(&message, "example.com", 10, "a.example");
	list = mx_list();
	ck_assert(!list.null);
	ck_assert_uint_eq(list.count, 1);
	mx_list_free(&list);
}
END_TEST

START_TEST(records_that_name_no_host_are_left_out)
{
	struct mx_list list;

	dns_begin(&message, "example.com", DNS_MX);
	dns_put_mx(&message, "example.com", 10, "192.0.2.1");
	dns_put_mx(&message, "example.com", 10, "not a host.example");
	dns_put_record(&message, "example.com", DNS_MX, "\0\12", 2);
	dns_put_record(&message, "example.com", DNS_MX, "\0\12\0x", 4);
	dns_put_record(&message, "example.com", DNS_MX, "\0\12\77x", 4);
	list = mx_list();
	ck_assert_uint_eq(list.count, 0);
	ck_assert(!list.null);
	mx_list_free(&list);
}
END_TEST

START_TEST(only_hosts_better_than_ourselves_are_kept)
{
	struct mx_list list;
	uint16_t preference = 0;

	dns_begin(&message, "example.com", DNS_MX);
	dns_put_mx(&message, "example.com", 5, "a.example");
	dns_put_mx(&message, "example.com", 10, "we.example");
	dns_put_mx(&message, "example.com", 10, "b.example");
	dns_put_mx(&message, "example.com", 20, "c.example");
	list = mx_list();
	ck_assert(!mx_list_preference(&list, "other.example", &preference));
	ck_assert(mx_list_preference(&list, "we.example", &preference));
	mx_list_keep_better(&list, preference);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.list[0].name, "a.example");
	mx_list_free(&list);
}
END_TEST

/* ---- TLSA ---- */

static void
put_tlsa(unsigned usage, unsigned selector, unsigned matching, size_t length)
{
	unsigned char record[3 + 5000] = { (unsigned char)usage, (unsigned char)selector, (unsigned char)matching };

	dns_put_record(&message, "example.com", DNS_TLSA, record, 3 + length);
}

static enum resolve_tlsa
tlsa(uint32_t *count_r)
{
	struct tlsa_set set = { .count = 0 };

	ck_assert_int_eq(parse("example.com", DNS_TLSA), 0);
	tlsa_fill(&answer, &set);
	*count_r = set.count;
	tlsa_free(&set);
	return set.kind;
}

START_TEST(tlsa_records_are_usable_when_smtp_knows_what_they_say)
{
	uint32_t count;

	dns_begin(&message, "example.com", DNS_TLSA);
	ck_assert_int_eq(tlsa(&count), RESOLVE_TLSA_NONE);
	put_tlsa(0, 1, 1, 32);   /* PKIX-TA (RFC 7672 3.1.3) */
	put_tlsa(1, 1, 1, 32);   /* PKIX-EE */
	put_tlsa(4, 1, 1, 32);
	put_tlsa(3, 2, 1, 32);
	put_tlsa(3, 1, 3, 32);
	put_tlsa(3, 1, 1, 31);
	put_tlsa(3, 1, 2, 32);
	put_tlsa(3, 0, 0, 0);
	put_tlsa(3, 0, 0, 5000);
	dns_put_record(&message, "example.com", DNS_TLSA, "\3\1", 2);
	ck_assert_int_eq(tlsa(&count), RESOLVE_TLSA_UNUSABLE);
	ck_assert_uint_eq(count, 0);
	put_tlsa(3, 1, 1, 32);
	put_tlsa(2, 0, 2, 64);
	put_tlsa(2, 0, 0, 900);
	ck_assert_int_eq(tlsa(&count), RESOLVE_TLSA_USABLE);
	ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(tlsa_records_beyond_the_limits_are_left_out)
{
	uint32_t count;

	dns_begin(&message, "example.com", DNS_TLSA);
	for (int i = 0; i < RESOLVE_TLSA_MAX + 8; i++)
		put_tlsa(3, 1, 1, 32);
	ck_assert_int_eq(tlsa(&count), RESOLVE_TLSA_USABLE);
	ck_assert_uint_eq(count, RESOLVE_TLSA_MAX);
	dns_begin(&message, "example.com", DNS_TLSA);
	for (int i = 0; i < 15; i++)
		put_tlsa(3, 0, 0, RESOLVE_TLSA_DATA_MAX);
	ck_assert_int_eq(tlsa(&count), RESOLVE_TLSA_USABLE);
	ck_assert_uint_eq(count, TLSA_MEMORY_MAX / (RESOLVE_TLSA_DATA_MAX + 3));
}
END_TEST

UNIT_MAIN("dns", names_become_lower_case_without_a_dot_at_their_end, names_that_dns_cannot_have_are_refused, a_name_may_have_253_bytes,
          labels_of_other_scripts_become_a_labels, records_of_the_name_and_type_alone_are_taken, aliases_are_followed_in_any_order,
          aliases_in_a_circle_are_malformed, an_alias_of_what_is_no_host_leads_nowhere, a_message_cut_anywhere_is_malformed,
          pointers_lead_back_and_nowhere_else, records_beyond_the_limit_are_not_looked_at, hosts_come_by_preference_and_equal_ones_by_chance,
          a_host_named_twice_comes_once_by_its_better_preference, a_null_mx_is_one_record_alone, records_that_name_no_host_are_left_out,
          only_hosts_better_than_ourselves_are_kept, tlsa_records_are_usable_when_smtp_knows_what_they_say,
          tlsa_records_beyond_the_limits_are_left_out)
