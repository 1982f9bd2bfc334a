/*
 * relayd/finding.h: what DNS says of TLS at a host; and an answer on its way to a worker (relayd/resolve.h).
 */
#include "t/unit/finding_world.h"

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

UNIT_MAIN("finding answer", tlsa_is_asked_for_at_hosts_with_secure_addresses_alone,
          insecure_tlsa_means_nothing_and_a_failed_lookup_forbids_the_host,
          tlsa_of_a_secure_alias_is_looked_for_under_its_target_first,
          a_secure_alias_of_an_insecure_host_has_tlsa_under_its_own_name, the_largest_answer_fits_into_a_frame,
          an_answer_that_ends_early_or_late_is_refused, an_answer_beyond_the_limits_is_refused)
