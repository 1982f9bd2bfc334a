/*
 * The configuration: defaults, every kind of value, and what is said of mistakes. The sample and the manual page
 * must tell the same as the table of directives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/mail/config_directive.h"
#include "t/unit/unit.h"

static struct config config;
static char error[CONFIG_ERROR_MAX];

static int
parse(const char *text)
{
	return config_parse(&config, "file", slice_from_string(text), error);
}

/* Asserts that TEXT is refused and that what is said begins with "file:LINE: " and holds each of two texts. */
static void
refused(const char *text, unsigned line, const char *wrong, const char *right)
{
	char place[32];

	ck_assert_msg(parse(text) == -EINVAL, "accepted: %s", text);
	snprintf(place, sizeof(place), "file:%u: ", line);
	ck_assert_msg(strncmp(error, place, strlen(place)) == 0 && strstr(error, wrong) != NULL &&
	                      strstr(error, right) != NULL,
	              "of \"%s\" is said: %s", text, error);
}

/* Asserts that TEXT is accepted. */
static void
accepted(const char *text)
{
	ck_assert_msg(parse(text) == 0, "%s", error);
	ck_assert_str_eq(error, "");
}

START_TEST(an_empty_file_gives_the_defaults)
{
	accepted("");
	ck_assert_str_ne(config.hostname, "");
	ck_assert_str_eq(config.run_directory, RUNSTATEDIR "/angarium");
	ck_assert_str_eq(config.mail_directory, LOCALSTATEDIR "/mail/angarium");
	ck_assert_str_eq(config.account_vmail, "_ang_vmail");
	ck_assert_int_eq(config.log, CONFIG_LOG_STDERR);
	ck_assert_int_eq(config.log_level, LOG_INFO);
	ck_assert_uint_eq(config.smtp_listen.count, 4);
	ck_assert_uint_eq(config.relay_networks.count, 2);
	ck_assert_uint_eq(config.smtp_command_timeout, 300);
	ck_assert_uint_eq(config.message_size_limit, 50 * 1024 * 1024);
	ck_assert_uint_eq(config.inline_limit, 128 * 1024);
	ck_assert_int_eq(config.subaddress_separator, '+');
	ck_assert_uint_eq(config.queue_lifetime, 5 * 86400);
	ck_assert_int_eq(config.over_quota, CONFIG_OVER_QUOTA_DEFER);
	ck_assert_uint_eq(config.retry.count, 4);
	ck_assert_uint_eq(config.retry.list[0].interval, 15 * 60);
	ck_assert_uint_eq(config.retry.list[0].until, 4 * 3600);
}
END_TEST

START_TEST(every_default_passes_its_own_parser)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		char text[256];

		if (config_directives[i].standard == NULL)
			continue;
		snprintf(text, sizeof(text), "%s %s\n", config_directives[i].name, config_directives[i].standard);
		accepted(text);
	}
}
END_TEST

/* The whole of a file that was built. */
static char *
read_built(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 100000);

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_gt(fread(text, 1, 99999, file), 0);
	fclose(file);
	return text;
}

START_TEST(the_sample_shows_every_directive_with_its_default)
{
	char *sample = read_built(SAMPLE);

	accepted(sample);
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *directive = &config_directives[i];
		const char *standard = directive->standard == NULL ? "mail.example.org" : directive->standard;
		char line[300];

		snprintf(line, sizeof(line), "\n#%s %s\n", directive->name, standard);
		ck_assert_msg(strstr(sample, line) != NULL, "missing:%s", line);
	}
	free(sample);
}
END_TEST

START_TEST(the_manual_page_explains_every_directive)
{
	char *page = read_built(MANUAL);

	for (size_t i = 0; i < config_directive_count; i++) {
		char line[100];

		snprintf(line, sizeof(line), "\n.It Ic %s ", config_directives[i].name);
		ck_assert_msg(strstr(page, line) != NULL, "missing:%s", line);
	}
	free(page);
}
END_TEST

START_TEST(comments_blanks_and_line_ends_mean_nothing)
{
	accepted("# comment\n\n  \t\n hops_limit\t 7  # comment\r\n#hops_limit 8\n\tlog syslog");
	ck_assert_uint_eq(config.hops_limit, 7);
	ck_assert_int_eq(config.log, CONFIG_LOG_SYSLOG);
	accepted("spool_directory /var/a#b\n");
	ck_assert_str_eq(config.spool_directory, "/var/a#b");
	accepted("# \xc3\xa9 in a comment\n");
}
END_TEST

START_TEST(an_unknown_name_is_answered_with_the_nearest)
{
	refused("log info\nhost x", 1, "log", "stderr or syslog");
	refused("\nmessage_size_limt 50M", 2, "message_size_limt", "did you mean message_size_limit?");
	refused("Hostname x", 1, "Hostname", "did you mean hostname?");
	refused("smpt_listen *:25", 1, "smpt_listen", "did you mean smtp_listen?");
	refused("frobnicate yes", 1, "frobnicate", "angarium.conf(5)");
	refused("x", 1, "\"x\"", "angarium.conf(5)");
}
END_TEST

START_TEST(a_directive_given_twice_is_refused_with_both_lines)
{
	refused("hops_limit 5\n\nhops_limit 5\n", 3, "line 1", "keep one");
}
END_TEST

START_TEST(a_name_without_value_is_refused)
{
	refused("hops_limit\n", 1, "no value", "100");
	refused("hostname # nothing\n", 1, "no value", "write one");
}
END_TEST

START_TEST(bytes_that_are_not_printable_are_refused)
{
	char nul[] = "hops_limit 5\0";

	refused("hostname a\x01", 1, "\\x01", "ASCII");
	refused("hostname \xc3\xa9.example", 1, "\\xc3", "ASCII");
	ck_assert_int_eq(config_parse(&config, "file", slice_of(nul, sizeof(nul) - 1), error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "\\x00"));
}
END_TEST

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

START_TEST(directives_that_contradict_each_other_are_refused)
{
	refused("account_smtp root\naccount_login root\n", 2, "account_smtp and account_login", "own");
	refused("spool_directory /a\nmail_directory /a/b\nlog stderr", 2,
		"mail_directory lies within spool_directory", "apart");
	refused("spool_directory /a\ntable_directory /a", 2, "lies within", "apart");
	accepted("spool_directory /a\nmail_directory /ab");
	refused("pop3_listen 127.0.0.1:25", 1, "smtp_listen and pop3_listen", "its own");
	refused("smtp_listen [::1]:25 [::1]:25", 1, "twice", "keep one");
	accepted("smtp_listen [::1]:25 127.0.0.1:25\npop3_listen 127.0.0.2:25");
	refused("smtp_listen [::]:25\npop3_listen [::1]:25", 2, "same port", "its own");
	refused("queue_lifetime 10m", 1, "queue_lifetime", "longer lifetime");
	refused("\nmessage_size_limit 10k", 2, "bounce_size_limit", "10k");
}
END_TEST

START_TEST(what_is_said_of_a_mistake_is_bounded_and_printable)
{
	static char text[CONFIG_TEXT_MAX + 2];
	char name[2000];

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(config_parse(&config, "file", slice_of(text, 100000), error), -EINVAL);
	ck_assert_uint_lt(strlen(error), 200);
	ck_assert_int_eq(config_parse(&config, "file", slice_of(text, CONFIG_TEXT_MAX + 1), error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "at most 1048576"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(config_parse(&config, name, SLICE("x"), error), -EINVAL);
	ck_assert_uint_lt(strlen(error), CONFIG_ERROR_MAX);
}
END_TEST

START_TEST(a_file_is_loaded_with_its_text)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	size_t length;
	char *text;

	ck_assert_int_eq((int)write(fd, "hops_limit 9\n", 13), 13);
	ck_assert_int_eq(config_load(&config, path, &text, &length, error), 0);
	ck_assert_uint_eq(config.hops_limit, 9);
	ck_assert(slice_equal(slice_of(text, length), SLICE("hops_limit 9\n")));
	free(text);
	ck_assert_int_eq((int)write(fd, "x\n", 2), 2);
	ck_assert_int_eq(config_load(&config, path, &text, &length, error), -EINVAL);
	ck_assert_ptr_null(text);
	ck_assert(strncmp(error, path, strlen(path)) == 0);
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
	size_t length;
	char *text;

	ck_assert_int_eq(config_load(&config, "/nonexistent/file", &text, &length, error), -ENOENT);
	ck_assert_str_eq(error,
			 "/nonexistent/file: cannot read: No such file or directory; name a readable file with -c");
	ck_assert_int_eq(config_load(&config, "/", &text, &length, error), -EISDIR);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(there_is_at_least_one_core)
{
	ck_assert_uint_ge(config_cores(), 1);
}
END_TEST

UNIT_MAIN("config", an_empty_file_gives_the_defaults, every_default_passes_its_own_parser,
	  the_sample_shows_every_directive_with_its_default, the_manual_page_explains_every_directive,
	  comments_blanks_and_line_ends_mean_nothing, an_unknown_name_is_answered_with_the_nearest,
	  a_directive_given_twice_is_refused_with_both_lines, a_name_without_value_is_refused,
	  bytes_that_are_not_printable_are_refused, numbers_are_digits_within_their_range,
	  rates_are_a_number_per_time_or_off, times_end_in_seconds_minutes_hours_or_days, sizes_end_in_kilo_mega_or_giga, words_are_one_of_a_list,
	  a_separator_is_one_character_or_off, paths_are_absolute_and_plain, host_names_and_accounts_are_checked,
	  endpoints_are_addresses_with_ports, what_is_no_endpoint_is_refused, networks_have_no_host_bits,
	  too_many_networks_are_refused, a_network_contains_what_its_bits_say, the_retry_sentence_is_read,
	  a_retry_sentence_that_is_none_is_refused, too_many_retry_intervals_are_refused,
	  directives_that_contradict_each_other_are_refused, what_is_said_of_a_mistake_is_bounded_and_printable,
	  a_file_is_loaded_with_its_text, a_file_that_cannot_be_read_is_named, there_is_at_least_one_core)
