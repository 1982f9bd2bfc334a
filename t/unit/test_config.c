/*
 * The configuration: defaults, directives, and what is said of mistakes. The sample and the manual page
 * must tell the same as the table of directives.
 */
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "t/unit/config_test.h"

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

UNIT_MAIN("config",
	an_empty_file_gives_the_defaults,
	every_default_passes_its_own_parser,
	the_sample_shows_every_directive_with_its_default,
	the_manual_page_explains_every_directive,
	comments_blanks_and_line_ends_mean_nothing,
	an_unknown_name_is_answered_with_the_nearest,
	a_directive_given_twice_is_refused_with_both_lines,
	a_name_without_value_is_refused,
	bytes_that_are_not_printable_are_refused,
	directives_that_contradict_each_other_are_refused,
	what_is_said_of_a_mistake_is_bounded_and_printable,
	a_file_is_loaded_with_its_text,
	a_file_that_cannot_be_read_is_named,
	there_is_at_least_one_core)
