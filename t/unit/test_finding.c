/*
 * relayd/finding.h: from a name to an answer, with a DNS that the test plays; and the answer on its way to a worker (relayd/resolve.h).
 */
#include <errno.h>
#include <stdio.h>

#include "relayd/finding.h"
#include "relayd/resolve.h"
#include "relayd/servers.h"
#include "t/unit/dns_message.h"

enum { LOOKUPS_MAX = 128 };

/* The lookups that were asked for and not answered yet. */
static struct {
	char name[DNS_NAME_SIZE];
	enum dns_type type;
	unsigned slot;
	bool waiting;
} lookups[LOOKUPS_MAX];
static unsigned lookup_count;
static struct finding *finding;
static struct dns_message message;

static int
on_lookup(void *context, const char *name, enum dns_type type, unsigned slot)
{
	ck_assert_ptr_eq(context, lookups);
	ck_assert_uint_lt(lookup_count, LOOKUPS_MAX);
	strlcpy(lookups[lookup_count].name, name, sizeof(lookups[0].name));
	lookups[lookup_count].type = type;
	lookups[lookup_count].slot = slot;
	lookups[lookup_count++].waiting = true;
	return 0;
}

static uint32_t
no_chance(void)
{
	static uint32_t counter;

	return counter++;
}

static const struct finding_callbacks callbacks = { .lookup = on_lookup, .random = no_chance };

static void
begin(struct finding_question question)
{
	lookup_count = 0;
	finding = finding_new(&question, "Mail.Own.example", &callbacks, lookups);
	ck_assert_ptr_nonnull(finding);
	finding_begin(finding);
}

static void
begin_mx(const char *name)
{
	struct finding_question question = { .how = RESOLVE_MX, .port = 25, .dane = true };

	strlcpy(question.name, name, sizeof(question.name));
	begin(question);
}

static bool
is_asked(const char *name, enum dns_type type)
{
	for (unsigned i = 0; i < lookup_count; i++)
		if (lookups[i].waiting && lookups[i].type == type && strcmp(lookups[i].name, name) == 0)
			return true;
	return false;
}

static void
say(const char *name, enum dns_type type, struct finding_result result)
{
	for (unsigned i = 0; i < lookup_count; i++)
		if (lookups[i].waiting && lookups[i].type == type && strcmp(lookups[i].name, name) == 0) {
			lookups[i].waiting = false;
			finding_result(finding, lookups[i].slot, &result);
			return;
		}
	ck_abort_msg("%s %d was not asked for", name, type);
}

/* What was put into MESSAGE. */
static void
say_message(const char *name, enum dns_type type, bool secure)
{
	say(name, type, (struct finding_result){ .secure = secure, .message = dns_slice(&message) });
}

static void
say_nothing(const char *name, enum dns_type type)
{
	dns_begin(&message, name, type);
	say_message(name, type, true);
}

static void
say_missing(const char *name, enum dns_type type)
{
	say(name, type, (struct finding_result){ .rcode = DNS_NXDOMAIN, .secure = true });
}

static void
say_failed(const char *name, enum dns_type type)
{
	say(name, type, (struct finding_result){ .failed = true });
}

/* An address that ends in LAST, and none of the other family. */
static void
say_address(const char *name, unsigned last, bool secure)
{
	unsigned char address[4] = { 192, 0, 2, (unsigned char)last };

	dns_begin(&message, name, DNS_A);
	dns_put_record(&message, name, DNS_A, address, sizeof(address));
	say_message(name, DNS_A, secure);
	dns_begin(&message, name, DNS_AAAA);
	say_message(name, DNS_AAAA, secure);
}

/* The same behind an alias. */
static void
say_alias_address(const char *name, const char *target, bool secure)
{
	dns_begin(&message, name, DNS_A);
	dns_put_cname(&message, name, target);
	dns_put_record(&message, target, DNS_A, "\300\0\2\1", 4);
	say_message(name, DNS_A, secure);
	dns_begin(&message, name, DNS_AAAA);
	dns_put_cname(&message, name, target);
	say_message(name, DNS_AAAA, secure);
}

static void
say_tlsa(const char *name, bool secure)
{
	static const unsigned char record[35] = { 3, 1, 1, 0xaa };

	dns_begin(&message, name, DNS_TLSA);
	dns_put_record(&message, name, DNS_TLSA, record, sizeof(record));
	say_message(name, DNS_TLSA, secure);
}

/* MX records with preferences 10, 20, ... */
static void
say_mx(const char *name, const char *const *hosts)
{
	dns_begin(&message, name, DNS_MX);
	for (unsigned preference = 10; *hosts != NULL; hosts++, preference += 10)
		dns_put_mx(&message, name, preference, *hosts);
	say_message(name, DNS_MX, true);
}

#define SAY_MX(name, ...) say_mx((name), (const char *const[]){ __VA_ARGS__, NULL })

/* The answer as a worker gets it; ends the finding. */
static struct resolve_answer *
end(void)
{
	struct resolve_answer *answer = NULL;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer buffer;

	buffer_init(&buffer, RESOLVE_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	finding_put_answer(finding, &writer);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&buffer));
	ck_assert_int_eq(resolve_answer_parse(&reader, &answer), 0);
	ck_assert(wire_done(&reader));
	buffer_free(&buffer);
	finding_free(&finding);
	return answer;
}

static void
assert_end(enum resolve_result result, const char *text)
{
	struct resolve_answer *answer;

	ck_assert(finding_is_done(finding));
	answer = end();
	ck_assert_int_eq(answer->result, result);
	ck_assert_msg(strstr(answer->text, text) != NULL, "\"%s\" is not in \"%s\"", text, answer->text);
	ck_assert_uint_eq(answer->host_count, 0);
	resolve_answer_free(&answer);
}

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

/* ---- DANE ---- */

/* One host, up to its addresses. */
static void
begin_host(void)
{
	begin_mx("example.com");
	SAY_MX("example.com", "mx.example");
}

static void
assert_tlsa(enum resolve_tlsa tlsa, const char *base)
{
	struct resolve_answer *answer;

	ck_assert(finding_is_done(finding));
	answer = end();
	ck_assert_uint_eq(answer->host_count, 1);
	ck_assert_int_eq(answer->hosts[0].tlsa, tlsa);
	ck_assert_str_eq(answer->hosts[0].tlsa_base, base);
	ck_assert_uint_eq(answer->hosts[0].record_count, tlsa == RESOLVE_TLSA_USABLE ? 1 : 0);
	resolve_answer_free(&answer);
}

START_TEST(tlsa_is_asked_for_at_hosts_with_secure_addresses_alone)
{
	begin_host();
	say_address("mx.example", 1, true);
	say_tlsa("_25._tcp.mx.example", true);
	assert_tlsa(RESOLVE_TLSA_USABLE, "mx.example");
	begin_host();
	say_address("mx.example", 1, false);
	ck_assert(!is_asked("_25._tcp.mx.example", DNS_TLSA));
	assert_tlsa(RESOLVE_TLSA_NONE, "");
}
END_TEST

START_TEST(insecure_tlsa_means_nothing_and_a_failed_lookup_forbids_the_host)
{
	begin_host();
	say_address("mx.example", 1, true);
	say_tlsa("_25._tcp.mx.example", false);
	assert_tlsa(RESOLVE_TLSA_NONE, "");
	begin_host();
	say_address("mx.example", 1, true);
	say_failed("_25._tcp.mx.example", DNS_TLSA);
	ck_assert(!finding_is_usable(finding));
	assert_tlsa(RESOLVE_TLSA_FAILED, "");
	begin_host();
	say_address("mx.example", 1, true);
	message.length -= 1;
	say_message("_25._tcp.mx.example", DNS_TLSA, true);
	assert_tlsa(RESOLVE_TLSA_FAILED, "");
}
END_TEST

START_TEST(tlsa_of_a_secure_alias_is_looked_for_under_its_target_first)
{
	begin_host();
	say_alias_address("mx.example", "real.example", true);
	ck_assert(!is_asked("_25._tcp.mx.example", DNS_TLSA));
	say_tlsa("_25._tcp.real.example", true);
	assert_tlsa(RESOLVE_TLSA_USABLE, "real.example");
	begin_host();
	say_alias_address("mx.example", "real.example", true);
	say_missing("_25._tcp.real.example", DNS_TLSA);
	say_tlsa("_25._tcp.mx.example", true);
	assert_tlsa(RESOLVE_TLSA_USABLE, "mx.example");
	begin_host();
	say_alias_address("mx.example", "real.example", true);
	say_failed("_25._tcp.real.example", DNS_TLSA);
	assert_tlsa(RESOLVE_TLSA_FAILED, "");
}
END_TEST

START_TEST(a_secure_alias_of_an_insecure_host_has_tlsa_under_its_own_name)
{
	begin_host();
	say_alias_address("mx.example", "real.example", false);
	dns_begin(&message, "mx.example", DNS_CNAME);
	dns_put_cname(&message, "mx.example", "real.example");
	say_message("mx.example", DNS_CNAME, true);
	say_tlsa("_25._tcp.mx.example", true);
	assert_tlsa(RESOLVE_TLSA_USABLE, "mx.example");
	begin_host();
	say_alias_address("mx.example", "real.example", false);
	say_message("mx.example", DNS_CNAME, false);
	assert_tlsa(RESOLVE_TLSA_NONE, "");
	begin_host();
	say_alias_address("mx.example", "real.example", false);
	say_failed("mx.example", DNS_CNAME);
	assert_tlsa(RESOLVE_TLSA_FAILED, "");
}
END_TEST

/* ---- answers on the way ---- */

START_TEST(the_largest_answer_fits_into_a_frame)
{
	static unsigned char record[3 + RESOLVE_TLSA_DATA_MAX] = { 3, 0, 0 };
	struct resolve_answer *answer;
	char name[64], tlsa[96];

	begin_mx("example.com");
	dns_begin(&message, "example.com", DNS_MX);
	for (unsigned i = 0; i < RESOLVE_HOSTS_MAX; i++) {
		snprintf(name, sizeof(name), "mx%u.example", i);
		dns_put_mx(&message, "example.com", i, name);
	}
	say_message("example.com", DNS_MX, true);
	for (unsigned i = 0; i < RESOLVE_HOSTS_MAX; i++) {
		snprintf(name, sizeof(name), "mx%u.example", i);
		snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", name);
		say_address(name, i, true);
		dns_begin(&message, tlsa, DNS_TLSA);
		for (int k = 0; k < 15; k++)
			dns_put_record(&message, tlsa, DNS_TLSA, record, sizeof(record));
		say_message(tlsa, DNS_TLSA, true);
	}
	answer = end();
	ck_assert_uint_eq(answer->host_count, RESOLVE_HOSTS_MAX);
	ck_assert_uint_eq(answer->hosts[15].record_count, 11);
	ck_assert_uint_eq(answer->hosts[15].records[10].data.length, RESOLVE_TLSA_DATA_MAX);
	resolve_answer_free(&answer);
}
END_TEST

START_TEST(an_answer_that_ends_early_or_late_is_refused)
{
	struct resolve_answer *answer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer buffer;
	struct slice whole;

	begin_host();
	say_address("mx.example", 1, true);
	say_tlsa("_25._tcp.mx.example", true);
	buffer_init(&buffer, RESOLVE_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	finding_put_answer(finding, &writer);
	wire_put_u8(&writer, 0);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	whole = buffer_slice(&buffer);
	for (size_t length = 0; length <= whole.length; length++) {
		reader = wire_read(slice_first(whole, length));
		ck_assert_int_eq(resolve_answer_parse(&reader, &answer), length == whole.length - 1 ? 0 : -EPROTO);
		resolve_answer_free(&answer);
	}
	buffer_free(&buffer);
	finding_free(&finding);
}
END_TEST

/* An answer of one host with one number out of its range. */
static int
parse_with(unsigned result, unsigned secure, uint32_t preference, uint32_t addresses, size_t address_length, unsigned tlsa, uint32_t records)
{
	struct resolve_answer *answer;
	struct wire_writer writer;
	struct wire_reader reader;
	struct buffer buffer;
	int error;

	buffer_init(&buffer, RESOLVE_FRAME_MAX);
	writer = wire_begin_bare(&buffer);
	wire_put_u8(&writer, (uint8_t)result);
	wire_put_string(&writer, "");
	wire_put_u8(&writer, (uint8_t)secure);
	wire_put_string(&writer, "example.com");
	wire_put_u32(&writer, 1);
	wire_put_string(&writer, "mx.example");
	wire_put_u32(&writer, preference);
	wire_put_u8(&writer, 0);
	wire_put_u32(&writer, addresses);
	for (uint32_t i = 0; i < addresses; i++)
		wire_put_slice(&writer, slice_of("0123456789abcdefg", address_length));
	wire_put_u8(&writer, (uint8_t)tlsa);
	wire_put_string(&writer, "");
	wire_put_u32(&writer, records);
	for (uint32_t i = 0; i < records; i++) {
		wire_put_u8(&writer, 3);
		wire_put_u8(&writer, 1);
		wire_put_u8(&writer, 1);
		wire_put_string(&writer, "data");
	}
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&buffer));
	error = resolve_answer_parse(&reader, &answer);
	resolve_answer_free(&answer);
	buffer_free(&buffer);
	return error;
}

START_TEST(an_answer_beyond_the_limits_is_refused)
{
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 65535, 16, 16, RESOLVE_TLSA_USABLE, 32), 0);
	ck_assert_int_eq(parse_with(RESOLVE_LOOP, 1, 1, 1, 4, RESOLVE_TLSA_NONE, 0), -EPROTO); /* with a host */
	ck_assert_int_eq(parse_with(RESOLVE_LOOP + 1, 1, 1, 1, 4, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 2, 1, 1, 4, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 65536, 1, 4, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 0, 4, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 17, 4, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 5, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 17, RESOLVE_TLSA_NONE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 4, RESOLVE_TLSA_NONE, 1), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 4, RESOLVE_TLSA_USABLE, 0), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 4, RESOLVE_TLSA_USABLE, 33), -EPROTO);
	ck_assert_int_eq(parse_with(RESOLVE_OK, 1, 1, 1, 4, RESOLVE_TLSA_FAILED + 1, 0), -EPROTO);
}
END_TEST

/* ---- name servers ---- */

START_TEST(resolv_conf_names_the_servers)
{
	struct config_endpoints servers;
	char text[INET6_ADDRSTRLEN];

	servers_from_resolv_conf(SLICE("# nameserver 10.0.0.9\nsearch example.com\nnameserver\t192.0.2.1\n nameserver 2001:db8::1 \n"
	                               "nameserver fe80::1%eth0\nnameserver nonsense\nnameserver\nnameservers 10.0.0.8\n"), &servers);
	ck_assert_uint_eq(servers.count, 2);
	config_address_text((const struct sockaddr *)&servers.list[0].address, text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1");
	config_address_text((const struct sockaddr *)&servers.list[1].address, text, sizeof(text));
	ck_assert_str_eq(text, "2001:db8::1");
	servers_from_resolv_conf(SLICE(""), &servers);
	ck_assert_uint_eq(servers.count, 1);
	config_address_text((const struct sockaddr *)&servers.list[0].address, text, sizeof(text));
	ck_assert_str_eq(text, "127.0.0.1");
}
END_TEST

UNIT_MAIN("finding", addresses_of_both_families_alternate_and_begin_with_ipv6, the_best_hosts_are_asked_for_when_there_are_too_many,
          a_host_that_cannot_be_found_out_leaves_the_others, one_family_that_fails_leaves_the_other,
          no_host_that_can_be_found_out_is_a_temporary_failure, an_answer_at_any_time_has_what_is_known, a_domain_without_mx_is_its_own_host,
          domains_without_mail_are_told_apart, the_name_after_aliases_is_in_the_answer, we_and_all_that_is_not_better_are_dropped,
          we_are_known_under_an_alias_too, a_backup_must_be_among_the_hosts, a_host_of_a_route_may_be_ourselves_and_needs_no_mx,
          an_address_in_place_of_a_name_is_its_own_answer, tlsa_is_asked_for_at_hosts_with_secure_addresses_alone,
          insecure_tlsa_means_nothing_and_a_failed_lookup_forbids_the_host, tlsa_of_a_secure_alias_is_looked_for_under_its_target_first,
          a_secure_alias_of_an_insecure_host_has_tlsa_under_its_own_name, the_largest_answer_fits_into_a_frame,
          an_answer_that_ends_early_or_late_is_refused, an_answer_beyond_the_limits_is_refused, resolv_conf_names_the_servers)
