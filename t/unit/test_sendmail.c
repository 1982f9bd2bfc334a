/*
 * sendmail/options.h and sendmail/message.h: what programs call sendmail with, and what they write to it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sendmail/message.h"
#include "sendmail/options.h"
#include "t/unit/unit.h"

enum { ARGUMENTS_MAX = 16 };

/* Parses a command line given as words divided by blanks. */
static int
parse(const char *line, struct sendmail_options *options_r)
{
	static char text[256];
	static char *arguments[ARGUMENTS_MAX + 1];
	static char problem[SENDMAIL_PROBLEM_SIZE];
	int count = 0;
	char *rest = text;

	strlcpy(text, line, sizeof(text));
	while (count < ARGUMENTS_MAX && (arguments[count] = strsep(&rest, " ")) != NULL)
		count++;
	arguments[count] = NULL;
	return sendmail_options_parse(count, arguments, options_r, problem);
}

START_TEST(the_options_of_cron_php_and_git_are_understood)
{
	struct sendmail_options options;

	ck_assert_int_eq(parse("/usr/sbin/sendmail -FCronDaemon -i -B8BITMIME -oem root", &options), 0);
	ck_assert_str_eq(options.full_name, "CronDaemon");
	ck_assert(options.dots && options.eight_bit && !options.from_header);
	ck_assert_int_eq(options.recipient_count, 1);
	ck_assert_str_eq(options.recipients[0], "root");
	ck_assert_int_eq(parse("sendmail -t -i -fwww@example.org", &options), 0);
	ck_assert(options.from_header && options.dots);
	ck_assert_str_eq(options.sender, "www@example.org");
	ck_assert_int_eq(parse("sendmail -oi -r me@example.org a@b.example c@d.example", &options), 0);
	ck_assert_int_eq(options.recipient_count, 2);
	ck_assert(options.dots);
	ck_assert_int_eq(parse("sendmail -i -- -odd@example.org", &options), 0);
	ck_assert_str_eq(options.recipients[0], "-odd@example.org");
}
END_TEST

START_TEST(a_name_or_an_option_chooses_the_mode)
{
	static const struct {
		const char *line;
		enum sendmail_mode mode;
	} lines[] = {
		{ "sendmail a@b.example", SENDMAIL_MESSAGE }, { "sendmail -bm a@b.example", SENDMAIL_MESSAGE },
		{ "sendmail -bs", SENDMAIL_SMTP },            { "sendmail -bp", SENDMAIL_LIST },
		{ "/usr/bin/mailq", SENDMAIL_LIST },          { "mailq -Ac", SENDMAIL_LIST },
		{ "newaliases", SENDMAIL_ALIASES },           { "sendmail -bi", SENDMAIL_ALIASES },
		{ "sendmail -I", SENDMAIL_ALIASES },          { "sendmail -q", SENDMAIL_RUN },
	};
	struct sendmail_options options;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert_int_eq(parse(lines[i].line, &options), 0);
		ck_assert_int_eq(options.mode, lines[i].mode);
	}
}
END_TEST

START_TEST(what_is_unknown_is_refused)
{
	static const char *const lines[] = {
		"sendmail -y", "sendmail -f", "sendmail -bd", "sendmail -bt", "sendmail -b", "sendmail -q30m", "sendmail -N often",
		"sendmail -N never,success", "sendmail -N success,", "sendmail -R all",
	};
	struct sendmail_options options;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(parse(lines[i], &options) == -EINVAL, "%s", lines[i]);
	ck_assert_int_eq(parse("sendmail -N never -R HDRS -V id", &options), 0);
	ck_assert_int_eq(parse("sendmail -N success,failure,delay", &options), 0);
}
END_TEST

/* ---- messages ---- */

static const struct message_rules standard = { .domain = "host.example", .from = "me@host.example" };

/* The content that becomes of INPUT, or "!N" with the error. */
static const char *
prepared(const struct message_rules *rules, struct slice input)
{
	static char text[4096];
	struct message message;
	int error;

	message_init(&message, sizeof(text) - 1);
	error = message_prepare(&message, rules, input);
	if (error != 0)
		snprintf(text, sizeof(text), "!%d", error);
	else
		ck_assert_int_eq(slice_to_string(buffer_slice(&message.content), text, sizeof(text)), 0);
	message_free(&message);
	return text;
}

START_TEST(lines_end_in_crlf_however_they_came)
{
	ck_assert_str_eq(prepared(&standard, SLICE("From: x\n\na\nb\r\nc\rd\r\r\n\ne")), "From: x\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\n\r\ne\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("From: x\n\na\0b\n")), "From: x\r\n\r\nab\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("From me Thu Jan 1\nFrom: x\n\nFrom me\n")), "From: x\r\n\r\nFrom me\r\n");
}
END_TEST

START_TEST(a_dot_alone_ends_the_message_unless_it_is_text)
{
	struct message_rules dots = standard;

	dots.dots = true;
	ck_assert_str_eq(prepared(&standard, SLICE("From: x\n\na\n.\nb\n")), "From: x\r\n\r\na\r\n");
	ck_assert_str_eq(prepared(&dots, SLICE("From: x\n\na\n.\nb\n")), "From: x\r\n\r\na\r\n.\r\nb\r\n");
}
END_TEST

START_TEST(the_header_section_is_completed_and_blind_recipients_are_taken_out)
{
	ck_assert_str_eq(prepared(&standard, SLICE("Subject: s\n\ntext\n")), "From: me@host.example\r\nSubject: s\r\n\r\ntext\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("text only\n")), "From: me@host.example\r\n\r\ntext only\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("")), "From: me@host.example\r\n\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("Bcc: a@b.example,\n c@d.example\nfrom: x\nresent-bcc: e\n\nBcc: text\n")),
	                 "from: x\r\n\r\nBcc: text\r\n");
	ck_assert_str_eq(prepared(&standard, SLICE("From: x\nSubject: no empty line\nno field\n")),
	                 "From: x\r\nSubject: no empty line\r\n\r\nno field\r\n");
}
END_TEST

/* The recipients of a header section, divided by blanks; "!" when it is malformed. */
static const char *
recipients_of(const char *header)
{
	static char text[1024];
	struct message_rules rules = standard;
	struct message message;
	const char *at;

	rules.from_header = true;
	text[0] = '\0';
	message_init(&message, 4096);
	if (message_prepare(&message, &rules, slice_from_string(header)) != 0)
		strlcpy(text, "!", sizeof(text));
	at = buffer_slice(&message.recipients.list).data;
	for (size_t i = 0; i < message.recipients.count && text[0] != '!'; i++, at += strlen(at) + 1) {
		strlcat(text, i == 0 ? "" : " ", sizeof(text));
		strlcat(text, at, sizeof(text));
	}
	message_free(&message);
	return text;
}

START_TEST(recipients_are_found_in_the_header)
{
	ck_assert_str_eq(recipients_of("To: a@b.example\nCc: \"X, Y\" <c@D.example>,\n\t(no@body.example) e@f.example\nBcc: g@h.example\n\n"),
	                 "a@b.example c@d.example e@f.example g@h.example");
	ck_assert_str_eq(recipients_of("To: friends: a@b.example, c@d.example;, e@f.example\n\n"), "a@b.example c@d.example e@f.example");
	ck_assert_str_eq(recipients_of("To: undisclosed-recipients:;\nBcc: a@b.example\n"), "a@b.example");
	ck_assert_str_eq(recipients_of("To: root, \"Post Master\" <postmaster>\n\n"), "root@host.example postmaster@host.example");
	ck_assert_str_eq(recipients_of("Subject: s\n\nTo: text@b.example\n"), "");
	ck_assert_str_eq(recipients_of("To: old@b.example\nResent-To: new@b.example\nresent-cc: two@b.example\n\n"),
	                 "new@b.example two@b.example");
}
END_TEST

START_TEST(malformed_recipients_are_not_guessed_at)
{
	ck_assert_str_eq(recipients_of("To: a@b.example c@d.example\n\n"), "!");
	ck_assert_str_eq(recipients_of("To: <>\n\n"), "!");
	ck_assert_str_eq(recipients_of("To: a@@b\n\n"), "!");
	ck_assert_str_eq(recipients_of("To: <a@b.example\n\n"), "!");
	ck_assert_str_eq(recipients_of("To: foo@\n\n"), "!");
	ck_assert_str_eq(recipients_of("To: |program\n\n"), "|program@host.example");
}
END_TEST

START_TEST(a_message_that_is_too_large_is_refused)
{
	static char large[8192];

	memset(large, 'x', sizeof(large));
	ck_assert_str_eq(prepared(&standard, slice_of(large, sizeof(large))), "!-105");
	ck_assert_int_eq(ENOBUFS, 105);
}
END_TEST

UNIT_MAIN("sendmail", the_options_of_cron_php_and_git_are_understood, a_name_or_an_option_chooses_the_mode, what_is_unknown_is_refused,
          lines_end_in_crlf_however_they_came, a_dot_alone_ends_the_message_unless_it_is_text,
          the_header_section_is_completed_and_blind_recipients_are_taken_out, recipients_are_found_in_the_header,
          malformed_recipients_are_not_guessed_at, a_message_that_is_too_large_is_refused)
