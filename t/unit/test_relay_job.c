/*
 * Jobs of relayd: their frames, their destinations, and what is known of hosts.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "relayd/literal.h"
#include "relayd/quirks.h"
#include "relayd/tls_policy.h"
#include "t/unit/relay_frames.h"
#include "t/unit/unit.h"

static struct buffer frame;

static int
decode(struct slice bytes, int fd, struct job **job_r)
{
	struct wire_reader reader = wire_read(bytes);

	*job_r = NULL;
	return job_decode(&reader, fd, job_r);
}

static void
make_frame(unsigned count)
{
	struct route route = { .kind = ROUTE_MX };

	buffer_init(&frame, 4 * 1024 * 1024);
	relay_frame(&frame, "example.org", &route, count);
}

START_TEST(a_job_has_what_its_frame_says_when_the_frame_is_gone)
{
	struct job *job;

	make_frame(2);
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), 0);
	memset(frame.data, 'x', frame.size);
	buffer_free(&frame);
	ck_assert_str_eq(job->domain, "example.org");
	ck_assert_slice(job->transaction.sender, "sender@example.net");
	ck_assert_slice(job->transaction.body, RELAY_FRAMES_BODY);
	ck_assert_uint_eq(job->transaction.recipient_count, 2);
	ck_assert_slice(job->recipients[1].address, "user@example.org");
	ck_assert_slice(job->recipients[1].orcpt, "rfc822;user@example.org");
	ck_assert_int_eq(job->transaction.body_fd, -1);
	job_free(&job);
	ck_assert_ptr_null(job);
}
END_TEST

START_TEST(a_domain_beyond_ascii_is_asked_for_by_its_a_labels)
{
	struct job *job = relay_frames_job("b\303\274cher.example", "mx", ROUTE_TLS_STANDARD, 1);

	ck_assert_str_eq(job->domain, "xn--bcher-kva.example");
	job_free(&job);
	job = relay_frames_job("\xc2\xad.example", "mx", ROUTE_TLS_STANDARD, 1);
	ck_assert_str_eq(job->domain, "\xc2\xad.example"); /* it has none */
	job_free(&job);
}
END_TEST

START_TEST(a_frame_that_is_cut_or_too_long_is_refused)
{
	struct job *job;
	struct slice whole;

	make_frame(3);
	whole = buffer_slice(&frame);
	for (size_t length = 0; length < whole.length; length++)
		ck_assert_int_eq(decode(slice_first(whole, length), -1, &job), -EPROTO);
	buffer_append(&frame, "", 1);
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), -EPROTO);
	buffer_free(&frame);
}
END_TEST

START_TEST(a_job_has_at_least_one_recipient_and_at_most_as_many_as_promised)
{
	struct job *job;

	make_frame(0);
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), -EPROTO);
	buffer_free(&frame);
	make_frame(RELAY_TARGETS_MAX + 1);
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), -EPROTO);
	buffer_free(&frame);
	make_frame(RELAY_TARGETS_MAX);
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), 0);
	buffer_free(&frame);
	job_free(&job);
}
END_TEST

START_TEST(an_address_cannot_end_a_command)
{
	struct job *job;
	char *at;

	make_frame(1);
	at = memmem(frame.data, frame.end, "user@", 5);
	ck_assert_ptr_nonnull(at);
	*at = '\n';
	ck_assert_int_eq(decode(buffer_slice(&frame), -1, &job), -EPROTO);
	buffer_free(&frame);
}
END_TEST

START_TEST(a_body_is_in_the_frame_or_in_a_file_and_not_in_both)
{
	struct job *job;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	make_frame(1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(decode(buffer_slice(&frame), fd, &job), -EPROTO);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close(fd);
	buffer_free(&frame);
}
END_TEST

START_TEST(a_reply_has_a_result_for_each_recipient)
{
	struct job *job = relay_frames_job("example.org", "mx", ROUTE_TLS_STANDARD, 2);
	struct client_result result = { .result = RELAY_PERMANENT, .status = "5.1.1", .text = "550 no such user" };
	struct wire_writer writer;
	struct wire_reader reader;
	char text[JOBS_TEXT_MAX];

	job_decide(job, &result);
	job->recipients[0].result = (struct client_result){ .result = RELAY_DONE, .status = "2.0.0" };
	job->destination = RELAY_DESTINATION_UP;
	job->dsn = true;
	strlcpy(job->remote, "mx.example.org [192.0.2.1]:25", sizeof(job->remote));
	buffer_init(&frame, 1024 * 1024);
	writer = wire_begin_bare(&frame);
	job_put_reply(job, &writer);
	ck_assert_int_eq(wire_end_bare(&writer), 0);
	reader = wire_read(buffer_slice(&frame));
	ck_assert_uint_eq(wire_get_u8(&reader), RELAY_DESTINATION_UP);
	wire_get_string(&reader, text, sizeof(text));
	ck_assert_str_eq(text, "mx.example.org [192.0.2.1]:25");
	ck_assert_uint_eq(wire_get_u8(&reader), 1);
	ck_assert_uint_eq(wire_get_u32(&reader), 2);
	ck_assert_uint_eq(wire_get_u8(&reader), RELAY_DONE);
	ck_assert_slice(wire_get_slice(&reader), "2.0.0");
	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_uint_eq(wire_get_u8(&reader), RELAY_PERMANENT);
	ck_assert_slice(wire_get_slice(&reader), "5.1.1");
	ck_assert_slice(wire_get_slice(&reader), "550 no such user");
	ck_assert(wire_done(&reader));
	buffer_free(&frame);
	job_free(&job);
}
END_TEST

static bool
same_destination(const char *domain, const char *route, enum route_tls tls, const char *other_domain, const char *other_route,
                 enum route_tls other_tls)
{
	struct job *one = relay_frames_job(domain, route, tls, 1);
	struct job *other = relay_frames_job(other_domain, other_route, other_tls, 1);
	char keys[2][JOB_KEY_MAX];
	bool same = strcmp(job_key(one, keys[0]), job_key(other, keys[1])) == 0;

	job_free(&one);
	job_free(&other);
	return same;
}

START_TEST(a_destination_is_a_domain_or_the_host_that_a_route_leads_to)
{
	const enum route_tls standard = ROUTE_TLS_STANDARD;

	ck_assert(same_destination("a.example", "mx", standard, "a.example", "mx", standard));
	ck_assert(!same_destination("a.example", "mx", standard, "b.example", "mx", standard));
	ck_assert(same_destination("a.example", "smtp://hub.example", standard, "b.example", "smtp://hub.example", standard));
	ck_assert(!same_destination("a.example", "smtp://hub.example", standard, "a.example", "smtp://hub.example:26", standard));
	ck_assert(!same_destination("a.example", "smtp://hub.example", standard, "a.example", "smtp://hub.example", ROUTE_TLS_VERIFIED));
	ck_assert(!same_destination("a.example", "mx", standard, "a.example", "mx://b.example", standard));
}
END_TEST

START_TEST(an_address_can_stand_for_a_host)
{
	struct resolve_address address;
	struct connector_address connector;
	char text[64];

	ck_assert(literal_of_domain(SLICE("[192.0.2.1]"), &address));
	ck_assert_uint_eq(address.length, 4);
	ck_assert(literal_of_domain(SLICE("[IPv6:2001:db8::1]"), &address));
	literal_connector_address(&address, 25, &connector);
	config_address_text((const struct sockaddr *)&connector.address, text, sizeof(text));
	ck_assert_str_eq(text, "2001:db8::1");
	ck_assert(!literal_of_domain(SLICE("192.0.2.1"), &address));
	ck_assert(!literal_of_domain(SLICE("[2001:db8::1]"), &address));
	ck_assert(!literal_of_domain(SLICE("[]"), &address));
	ck_assert(literal_of_host(SLICE("192.0.2.1"), &address));
	ck_assert(literal_of_host(SLICE("[2001:db8::1]"), &address));
	ck_assert(!literal_of_host(SLICE("mx.example.org"), &address));
	ck_assert(!literal_of_host(SLICE(""), &address));
}
END_TEST

static enum tls_policy
policy(enum route_tls tls, enum config_relay_tls standard, enum resolve_tlsa tlsa, bool broken)
{
	const struct route route = { .kind = ROUTE_MX, .tls = tls };

	return tls_policy_of(&route, standard, tlsa, broken);
}

START_TEST(tls_is_as_dns_the_configuration_and_the_route_ask_for)
{
	const enum config_relay_tls dane = CONFIG_RELAY_TLS_DANE, may = CONFIG_RELAY_TLS_MAY, off = CONFIG_RELAY_TLS_OFF;

	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, off, RESOLVE_TLSA_NONE, false), TLS_POLICY_OFF);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, may, RESOLVE_TLSA_NONE, false), TLS_POLICY_MAY);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, may, RESOLVE_TLSA_NONE, true), TLS_POLICY_OFF);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, dane, RESOLVE_TLSA_NONE, false), TLS_POLICY_MAY);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, dane, RESOLVE_TLSA_USABLE, false), TLS_POLICY_DANE);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, dane, RESOLVE_TLSA_USABLE, true), TLS_POLICY_DANE);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, dane, RESOLVE_TLSA_UNUSABLE, true), TLS_POLICY_MUST);
	ck_assert_int_eq(policy(ROUTE_TLS_STANDARD, dane, RESOLVE_TLSA_FAILED, false), TLS_POLICY_SKIP);
	ck_assert_int_eq(policy(ROUTE_TLS_OFF, dane, RESOLVE_TLSA_USABLE, false), TLS_POLICY_OFF);
	ck_assert_int_eq(policy(ROUTE_TLS_REQUIRED, off, RESOLVE_TLSA_NONE, true), TLS_POLICY_MUST);
	ck_assert_int_eq(policy(ROUTE_TLS_REQUIRED, dane, RESOLVE_TLSA_USABLE, false), TLS_POLICY_DANE);
	ck_assert_int_eq(policy(ROUTE_TLS_VERIFIED, off, RESOLVE_TLSA_NONE, true), TLS_POLICY_AUTHORITY);
	ck_assert_int_eq(policy(ROUTE_TLS_VERIFIED, off, RESOLVE_TLSA_USABLE, false), TLS_POLICY_DANE);
	ck_assert_int_eq(policy(ROUTE_TLS_VERIFIED, off, RESOLVE_TLSA_FAILED, false), TLS_POLICY_SKIP);
}
END_TEST

START_TEST(smtps_is_never_in_the_clear)
{
	const struct route route = { .kind = ROUTE_SMTP, .tls_at_once = true };

	ck_assert_int_eq(tls_policy_of(&route, CONFIG_RELAY_TLS_OFF, RESOLVE_TLSA_NONE, true), TLS_POLICY_MUST);
}
END_TEST

START_TEST(what_a_host_does_wrong_is_remembered_for_some_minutes)
{
	struct quirks *quirks = quirks_new();

	ck_assert_uint_eq(quirks_of(quirks, "mx.example.org", 0), 0);
	quirks_add(quirks, "mx.example.org", QUIRK_TLS, 0);
	quirks_add(quirks, "mx.example.org", QUIRK_CHUNKING, 0);
	ck_assert_uint_eq(quirks_of(quirks, "mx.example.org", QUIRKS_TIME_MS - 1), QUIRK_TLS | QUIRK_CHUNKING);
	ck_assert_uint_eq(quirks_of(quirks, "mx.example.com", 1), 0);
	ck_assert_uint_eq(quirks_of(quirks, "mx.example.org", QUIRKS_TIME_MS), 0);
	quirks_free(&quirks);
}
END_TEST

START_TEST(hosts_that_do_wrong_take_a_bounded_memory)
{
	struct quirks *quirks = quirks_new();
	char name[32];

	for (int i = 0; i <= QUIRKS_MAX; i++) {
		snprintf(name, sizeof(name), "mx%d.example.org", i);
		quirks_add(quirks, name, QUIRK_TLS, i);
	}
	ck_assert_uint_eq(quirks_of(quirks, "mx0.example.org", QUIRKS_MAX), 0);
	ck_assert_uint_eq(quirks_of(quirks, "mx1.example.org", QUIRKS_MAX), QUIRK_TLS);
	quirks_free(&quirks);
}
END_TEST

UNIT_MAIN("relay_job", a_domain_beyond_ascii_is_asked_for_by_its_a_labels,
          a_job_has_what_its_frame_says_when_the_frame_is_gone, a_frame_that_is_cut_or_too_long_is_refused,
          a_job_has_at_least_one_recipient_and_at_most_as_many_as_promised, an_address_cannot_end_a_command,
          a_body_is_in_the_frame_or_in_a_file_and_not_in_both, a_reply_has_a_result_for_each_recipient,
          a_destination_is_a_domain_or_the_host_that_a_route_leads_to, an_address_can_stand_for_a_host,
          tls_is_as_dns_the_configuration_and_the_route_ask_for, smtps_is_never_in_the_clear,
          what_a_host_does_wrong_is_remembered_for_some_minutes, hosts_that_do_wrong_take_a_bounded_memory)
