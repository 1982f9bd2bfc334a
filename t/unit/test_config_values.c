/*
 * The configuration file: the kinds of values.
 */
#include <arpa/inet.h>
#include <syslog.h>

#include "t/unit/config_test.h"

START_TEST(numbers_are_digits_within_their_range)
{
	accepted("hash_cost 11\nsmtp_workers 0");
	ck_assert_uint_eq(config.hash_cost, 11);
	refused("hash_cost 12", 1, "out of range", "1 to 11");
	refused("hash_cost 0", 1, "out of range", "1 to 11");
	refused("hash_cost -1", 1, "no number", "digits");
	refused("hash_cost 5 6", 1, "no number", "digits");
	refused("smtp_sessions 99999999999999999999", 1, "out of range", "1000000");
}
END_TEST

START_TEST(rates_are_a_number_per_time_or_off)
{
	accepted("smtp_session_rate 50 per 1s\nsmtp_message_rate_per_address off\npop3_session_rate 1000000  per\t1d");
	ck_assert_uint_eq(config.smtp_session_rate.count, 50);
	ck_assert_uint_eq(config.smtp_session_rate.seconds, 1);
	ck_assert_uint_eq(config.smtp_message_rate_per_address.count, 0);
	ck_assert_uint_eq(config.pop3_session_rate.count, 1000000);
	ck_assert_uint_eq(config.pop3_session_rate.seconds, 86400);
	refused("smtp_session_rate 50", 1, "no rate", "1000 per 1h");
	refused("smtp_session_rate 0 per 1s", 1, "no rate", "off");
	refused("smtp_session_rate 1000001 per 1s", 1, "no rate", "1000000");
	refused("smtp_session_rate 5 / 1s", 1, "no rate", "1000 per 1h");
	refused("smtp_session_rate 5 per", 1, "no time", "15m");
	refused("smtp_session_rate 5 per 0s", 1, "out of range", "1s to 1d");
	refused("smtp_session_rate 5 per 1h more", 1, "no time", "15m");
}
END_TEST

START_TEST(times_end_in_seconds_minutes_hours_or_days)
{
	accepted(
		"smtp_command_timeout 90s\nsmtp_data_timeout 45\nqueue_lifetime 2d\npop3_timeout 3h\npop3_login_timeout 2m");
	ck_assert_uint_eq(config.smtp_command_timeout, 90);
	ck_assert_uint_eq(config.smtp_data_timeout, 45);
	ck_assert_uint_eq(config.queue_lifetime, 2 * 86400);
	ck_assert_uint_eq(config.pop3_timeout, 3 * 3600);
	ck_assert_uint_eq(config.pop3_login_timeout, 120);
	refused("queue_lifetime 5w", 1, "no time", "15m");
	refused("queue_lifetime 1h30m", 1, "no time", "15m");
	refused("queue_lifetime m", 1, "no time", "15m");
	refused("queue_lifetime 0", 1, "out of range", "1s to 365d");
	refused("queue_lifetime 213503982334602d", 1, "out of range", "365d");
	refused("queue_lifetime 18446744073709551615d", 1, "out of range", "365d");
}
END_TEST

START_TEST(sizes_end_in_kilo_mega_or_giga)
{
	accepted("message_size_limit 3G\ninline_limit 1M\nbounce_size_limit 0\nspool_reserve 12345");
	ck_assert_uint_eq(config.message_size_limit, UINT64_C(3) << 30);
	ck_assert_uint_eq(config.inline_limit, 1 << 20);
	ck_assert_uint_eq(config.bounce_size_limit, 0);
	ck_assert_uint_eq(config.spool_reserve, 12345);
	refused("message_size_limit 50MB", 1, "no size", "50M");
	refused("message_size_limit huge", 1, "no size", "50M");
	refused("inline_limit 2M", 1, "out of range", "1k to 1M");
	refused("segment_size 1M", 1, "out of range", "4M to 1G");
	refused("message_size_limit 99999999999G", 1, "out of range", "1k to 1024G");
}
END_TEST

START_TEST(words_are_one_of_a_list)
{
	accepted("log_level debug\nover_quota reject");
	ck_assert_int_eq(config.log_level, LOG_DEBUG);
	ck_assert_int_eq(config.over_quota, CONFIG_OVER_QUOTA_REJECT);
	refused("log_level loud", 1, "\"loud\"", "error, warning, notice, info or debug");
	refused("over_quota Defer", 1, "\"Defer\"", "defer or reject");
}
END_TEST

START_TEST(a_separator_is_one_character_or_off)
{
	accepted("subaddress_separator -");
	ck_assert_int_eq(config.subaddress_separator, '-');
	accepted("subaddress_separator off");
	ck_assert_int_eq(config.subaddress_separator, '\0');
	refused("subaddress_separator ++", 1, "cannot separate", "off");
	refused("subaddress_separator @", 1, "cannot separate", "off");
	refused("subaddress_separator a", 1, "cannot separate", "off");
}
END_TEST

START_TEST(paths_are_absolute_and_plain)
{
	accepted("mail_directory /srv/mail/");
	ck_assert_str_eq(config.mail_directory, "/srv/mail");
	refused("mail_directory srv/mail", 1, "relative", "begins with /");
	refused("mail_directory /srv/../mail", 1, "..", "plain path");
	refused("mail_directory /srv//mail", 1, "empty part", "plain path");
	refused("mail_directory /srv/./mail", 1, "empty part", "plain path");
	refused("mail_directory /", 1, "empty part", "plain path");
	refused("mail_directory //", 1, "empty part", "plain path");
	refused("mail_directory /my mail", 1, "blank", "without blanks");
	refused("run_directory /a123456789012345678901234567890123456789012345678901234567890123456789012345678901",
		1, "83 bytes", "80");
}
END_TEST

START_TEST(host_names_and_accounts_are_checked)
{
	accepted("hostname mail.example.org\naccount_smtp 65534");
	ck_assert_str_eq(config.hostname, "mail.example.org");
	ck_assert_str_eq(config.account_smtp, "65534");
	refused("hostname mail_1.example.org", 1, "no host name", "mail.example.org");
	refused("hostname mail.example.org.", 1, "no host name", "mail.example.org");
	refused("hostname [192.0.2.1]", 1, "no host name", "mail.example.org");
	refused("hostname a b", 1, "no host name", "mail.example.org");
	refused("account_smtp -x", 1, "no account", "letters");
	refused("account_smtp a:b", 1, "no account", "letters");
	refused("account_smtp abcdefghijklmnopqrstuvwxyz0123456789", 1, "no account", "31");
}
END_TEST

/* The text of an endpoint's address. */
static const char *
endpoint_text(const struct config_endpoint *endpoint)
{
	static char text[INET6_ADDRSTRLEN];

	config_address_text((const struct sockaddr *)&endpoint->address, text, sizeof(text));
	return text;
}

START_TEST(endpoints_are_addresses_with_ports)
{
	accepted("smtp_listen 127.0.0.1:2525 [::1]:26\nsubmission_listen off\npop3_listen *:110");
	ck_assert_uint_eq(config.smtp_listen.count, 2);
	ck_assert_str_eq(endpoint_text(&config.smtp_listen.list[0]), "127.0.0.1");
	ck_assert_uint_eq(ntohs(((struct sockaddr_in *)&config.smtp_listen.list[0].address)->sin_port), 2525);
	ck_assert_uint_eq(config.smtp_listen.list[0].length, sizeof(struct sockaddr_in));
	ck_assert_str_eq(endpoint_text(&config.smtp_listen.list[1]), "::1");
	ck_assert_uint_eq(config.submission_listen.count, 0);
	ck_assert_uint_eq(config.pop3_listen.count, 2);
	ck_assert_str_eq(endpoint_text(&config.pop3_listen.list[0]), "0.0.0.0");
	ck_assert_str_eq(endpoint_text(&config.pop3_listen.list[1]), "::");
}
END_TEST

START_TEST(what_is_no_endpoint_is_refused)
{
	static const char *const bad[] = { "25",
					   ":25",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "127.0.0.1:smtp",
					   "::1:25",
					   "[::1]",
					   "[127.0.0.1]:25",
					   "localhost:25",
					   "[]:25",
					   "*",
					   "off *:25",
					   "127.0.0.1:25,127.0.0.1:26",
					   "[::1%lo]:25" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "smtp_listen %s", bad[i]);
		refused(text, 1, "no endpoint", "[::1]:25");
	}
	refused("smtp_listen *:1 *:2 *:3 *:4 *:5 *:6 *:7 *:8 *:9", 1, "too many", "at most 16");
}
END_TEST

START_TEST(networks_have_no_host_bits)
{
	accepted("relay_networks 10.0.0.0/8 192.0.2.128/25 2001:db8::/33 0.0.0.0/0 ::1");
	ck_assert_uint_eq(config.relay_networks.count, 5);
	ck_assert_uint_eq(config.relay_networks.list[4].bits, 128);
	accepted("relay_networks off");
	ck_assert_uint_eq(config.relay_networks.count, 0);
	refused("relay_networks 10.0.0.1/8", 1, "host", "write 10.0.0.0/8,");
	refused("relay_networks 192.0.2.192/25", 1, "host", "write 192.0.2.128/25,");
	refused("relay_networks 2001:db8::1/64", 1, "host", "write 2001:db8::/64,");
	refused("relay_networks 10.0.0.0/33", 1, "10.0.0.0/33", "0 to 32");
	refused("relay_networks 10.0.0.0/", 1, "bits", "0 to 32");
	refused("relay_networks 10/8", 1, "no network", "10.0.0.0/8");
	refused("relay_networks example.org", 1, "no network", "10.0.0.0/8");
}
END_TEST

START_TEST(too_many_networks_are_refused)
{
	static char text[CONFIG_NETWORKS_MAX * 20];
	size_t length = (size_t)snprintf(text, sizeof(text), "relay_networks");

	for (int i = 0; i < CONFIG_NETWORKS_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " 10.0.%d.%d", i / 256, i % 256);
	accepted(text);
	snprintf(text + length, sizeof(text) - length, " ::1");
	refused(text, 1, "too many", "256");
}
END_TEST

/* Whether TEXT lies in the networks of the configuration. */
static bool
contained(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return config_networks_contain(&config.relay_networks, (struct sockaddr *)&in);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return config_networks_contain(&config.relay_networks, (struct sockaddr *)&in6);
}

START_TEST(a_network_contains_what_its_bits_say)
{
	struct sockaddr local = { .sa_family = AF_UNIX };
	char text[INET6_ADDRSTRLEN];

	accepted("relay_networks 10.128.0.0/9 192.0.2.7 2001:db8:8000::/33");
	ck_assert(contained("10.128.0.0"));
	ck_assert(contained("10.255.255.255"));
	ck_assert(!contained("10.127.255.255"));
	ck_assert(contained("192.0.2.7"));
	ck_assert(!contained("192.0.2.6"));
	ck_assert(contained("::ffff:192.0.2.7"));
	ck_assert(!contained("::192.0.2.7"));
	ck_assert(contained("2001:db8:ffff::1"));
	ck_assert(!contained("2001:db8:7fff::1"));
	ck_assert(!config_networks_contain(&config.relay_networks, &local));
	config_address_text(&local, text, sizeof(text));
	ck_assert_str_eq(text, "local");
	accepted("relay_networks ::/0");
	ck_assert(contained("::1"));
	ck_assert(!contained("10.0.0.1"));
}
END_TEST

START_TEST(the_retry_sentence_is_read)
{
	accepted("retry 1m for 10m, then 5m for 1h , then 2h");
	ck_assert_uint_eq(config.retry.count, 3);
	ck_assert_uint_eq(config.retry.list[0].interval, 60);
	ck_assert_uint_eq(config.retry.list[0].until, 600);
	ck_assert_uint_eq(config.retry.list[1].interval, 300);
	ck_assert_uint_eq(config.retry.list[1].until, 4200);
	ck_assert_uint_eq(config.retry.list[2].interval, 7200);
	ck_assert_uint_eq(config.retry.list[2].until, UINT32_MAX);
	accepted("retry 10m");
	ck_assert_uint_eq(config.retry.count, 1);
	ck_assert_uint_eq(config.retry.list[0].until, UINT32_MAX);
	accepted("retry 1m for 1h,then 2h");
	ck_assert_uint_eq(config.retry.count, 2);
}
END_TEST

START_TEST(a_retry_sentence_that_is_none_is_refused)
{
	refused("retry often", 1, "\"often\"", "15m");
	refused("retry ,", 1, "an interval", "then");
	refused("retry 15m for", 1, "ends where a time", "then");
	refused("retry 15m for 4h", 1, "after", "then 2h");
	refused("retry 15m for 4h,", 1, "after", "then 2h");
	refused("retry 15m for 4h, 2h", 1, "where \"then\"", "then");
	refused("retry 15m for 4h, then", 1, "ends where an interval", "then");
	refused("retry 15m 4h", 1, "where \"for\"", "for");
	refused("retry 15m for 0, then 1h", 1, "out of range", "1s");
	refused("retry 0 for 1h, then 1h", 1, "out of range", "1s");
}
END_TEST

START_TEST(too_many_retry_intervals_are_refused)
{
	char text[1000] = "retry 1m";

	for (int i = 1; i < CONFIG_RETRIES_MAX; i++)
		strlcat(text, " for 30d then 1m", sizeof(text));
	accepted(text);
	ck_assert_uint_eq(config.retry.count, CONFIG_RETRIES_MAX);
	ck_assert_uint_lt(config.retry.list[CONFIG_RETRIES_MAX - 2].until, UINT32_MAX);
	strlcat(text, " for 30d then 1m", sizeof(text));
	refused(text, 1, "too many", "32");
}
END_TEST

UNIT_MAIN("config_values",
	numbers_are_digits_within_their_range,
	rates_are_a_number_per_time_or_off,
	times_end_in_seconds_minutes_hours_or_days,
	sizes_end_in_kilo_mega_or_giga,
	words_are_one_of_a_list,
	a_separator_is_one_character_or_off,
	paths_are_absolute_and_plain,
	host_names_and_accounts_are_checked,
	endpoints_are_addresses_with_ports,
	what_is_no_endpoint_is_refused,
	networks_have_no_host_bits,
	too_many_networks_are_refused,
	a_network_contains_what_its_bits_say,
	the_retry_sentence_is_read,
	a_retry_sentence_that_is_none_is_refused,
	too_many_retry_intervals_are_refused)
