/*
 * What a server says: replies and extensions; and what it is told: commands with their parameters, and a message with its dots doubled.
 */
#include "t/unit/unit.h"

#include "common/mail/envelope.h"
#include "relayd/command.h"
#include "relayd/dots.h"
#include "relayd/ehlo.h"
#include "relayd/reply.h"

static struct reply reply;

/* Takes all lines of TEXT; the last step. */
static enum reply_step
take(struct slice text)
{
	enum reply_step step = REPLY_INCOMPLETE;
	struct slice words;
	size_t used;

	reply = (struct reply){ .code = 0 };
	do {
		step = reply_take(&reply, text, &used, &words);
		text = slice_from(text, used);
	} while (step == REPLY_MORE);
	return step;
}

static const char *
status(void)
{
	static char out[REPLY_STATUS_SIZE];

	reply_status(&reply, out);
	return out;
}

START_TEST(a_reply_is_a_code_and_words)
{
	ck_assert_int_eq(take(SLICE("250 Ok\r\n")), REPLY_WHOLE);
	ck_assert_uint_eq(reply.code, 250);
	ck_assert_str_eq(reply.text, "250 Ok");
	ck_assert_str_eq(status(), "2.0.0");
	ck_assert_int_eq(take(SLICE("354\r\n")), REPLY_WHOLE);
	ck_assert_str_eq(reply.text, "354");
	ck_assert_int_eq(take(SLICE("550 gone\n")), REPLY_WHOLE);
	ck_assert_str_eq(status(), "5.0.0");
}
END_TEST

START_TEST(a_reply_of_many_lines_becomes_one_text)
{
	ck_assert_int_eq(take(SLICE("550-5.1.1 No such\r\n550-5.1.1  mailbox\r\n550-\r\n550 5.1.1 here\r\n")), REPLY_WHOLE);
	ck_assert_str_eq(reply.text, "550 5.1.1 No such mailbox here");
	ck_assert_str_eq(status(), "5.1.1");
	ck_assert_uint_eq(reply.lines, 4);
}
END_TEST

START_TEST(a_status_code_of_another_class_is_none)
{
	take(SLICE("450 5.1.1 later\r\n"));
	ck_assert_str_eq(status(), "4.0.0");
	take(SLICE("450 4.1234.1 later\r\n"));
	ck_assert_str_eq(status(), "4.0.0");
	take(SLICE("450 4.999.999 later\r\n"));
	ck_assert_str_eq(status(), "4.999.999");
	take(SLICE("450 4.2later\r\n"));
	ck_assert_str_eq(status(), "4.0.0");
	take(SLICE("552 5.2.2\r\n"));
	ck_assert_str_eq(status(), "5.2.2");
}
END_TEST

START_TEST(what_is_no_reply_is_malformed)
{
	static const char *const faults[] = { "\r\n", "hello\r\n", "25 x\r\n", "199 x\r\n", "600 x\r\n", "2500 x\r\n", "250x\r\n", "25a x\r\n",
		"250-a\r\n251 b\r\n", "250-a\r\nb\r\n" };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		ck_assert_msg(take(slice_from_string(faults[i])) == REPLY_MALFORMED, "%s", faults[i]);
}
END_TEST

START_TEST(half_a_line_is_waited_for)
{
	ck_assert_int_eq(take(SLICE("")), REPLY_INCOMPLETE);
	ck_assert_int_eq(take(SLICE("250 O")), REPLY_INCOMPLETE);
	ck_assert_int_eq(take(SLICE("250-O\r\n250")), REPLY_INCOMPLETE);
}
END_TEST

START_TEST(a_reply_without_end_is_not_taken)
{
	static char text[REPLY_BYTES_MAX + 2 * REPLY_LINE_MAX];
	size_t lines;

	memset(text, 'x', sizeof(text));
	memcpy(text, "250 ", 4);
	ck_assert_int_eq(take(slice_of(text, REPLY_LINE_MAX - 1)), REPLY_INCOMPLETE);
	ck_assert_int_eq(take(slice_of(text, REPLY_LINE_MAX)), REPLY_ENDLESS);
	text[REPLY_LINE_MAX - 1] = '\n';
	ck_assert_int_eq(take(slice_of(text, REPLY_LINE_MAX)), REPLY_WHOLE);
	text[REPLY_LINE_MAX] = '\n';
	text[REPLY_LINE_MAX - 1] = 'x';
	ck_assert_int_eq(take(slice_of(text, REPLY_LINE_MAX + 1)), REPLY_ENDLESS);
	for (size_t at = 0; at + REPLY_LINE_MAX <= sizeof(text); at += REPLY_LINE_MAX) {
		memcpy(text + at, "250-", 4);
		text[at + REPLY_LINE_MAX - 1] = '\n';
	}
	ck_assert_int_eq(take(slice_of(text, sizeof(text))), REPLY_ENDLESS);
	for (lines = 0; lines <= REPLY_LINES_MAX; lines++)
		memcpy(text + lines * 6, "250-\r\n", 6);
	ck_assert_int_eq(take(slice_of(text, lines * 6)), REPLY_ENDLESS);
}
END_TEST

START_TEST(words_become_printable_and_short)
{
	static char text[3000] = "550 ";

	take(SLICE("550 a\0b\x1b[2Jc\td\x7f \xc3\xa4\xff\xc2\x9b\r\r\n"));
	ck_assert_str_eq(reply.text, "550 a?b?[2Jc?d? \xc3\xa4???");
	for (size_t i = 4; i < sizeof(text) - 2; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	memcpy(text + sizeof(text) - 2, "\r\n", 2);
	ck_assert_int_eq(take(slice_of(text, sizeof(text))), REPLY_WHOLE);
	ck_assert_uint_eq(strlen(reply.text), reply.length);
	ck_assert_uint_lt(reply.length, sizeof(reply.text));
	ck_assert_uint_eq(reply.length % 2, 0); /* no half character */
}
END_TEST

START_TEST(extensions_are_known_in_any_case)
{
	struct ehlo ehlo = { .size_limit = 0 };

	ehlo_take(&ehlo, SLICE("pipelining"));
	ehlo_take(&ehlo, SLICE("Size 1000"));
	ehlo_take(&ehlo, SLICE("8BITMIME"));
	ehlo_take(&ehlo, SLICE("AUTH CRAM-MD5 plain"));
	ck_assert(ehlo.pipelining && ehlo.size && ehlo.eightbitmime && ehlo.auth_plain);
	ck_assert(!ehlo.chunking && !ehlo.smtputf8 && !ehlo.dsn && !ehlo.starttls && !ehlo.auth_login);
	ck_assert_uint_eq(ehlo.size_limit, 1000);
	ehlo_take(&ehlo, SLICE("AUTH=LOGIN"));
	ehlo_take(&ehlo, SLICE("CHUNKING"));
	ehlo_take(&ehlo, SLICE("SMTPUTF8"));
	ehlo_take(&ehlo, SLICE("DSN"));
	ehlo_take(&ehlo, SLICE("STARTTLS"));
	ck_assert(ehlo.chunking && ehlo.smtputf8 && ehlo.dsn && ehlo.starttls && ehlo.auth_login);
}
END_TEST

START_TEST(what_is_unknown_or_malformed_offers_nothing)
{
	static const char *const lines[] = { "", " ", "XPIPELINING", "PIPELININGS", "-PIPELINING", "AUTHPLAIN", "AUTH", "XXXXXXXA" };
	struct ehlo ehlo = { .size_limit = 0 };
	struct ehlo nothing = { .size_limit = 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ehlo_take(&ehlo, slice_from_string(lines[i]));
	ck_assert_mem_eq(&ehlo, &nothing, sizeof(ehlo));
	ehlo_take(&ehlo, SLICE("SIZE 99999999999999999999999"));
	ck_assert_uint_eq(ehlo.size_limit, 0);
	ehlo_take(&ehlo, SLICE("SIZE -1"));
	ck_assert_uint_eq(ehlo.size_limit, 0);
}
END_TEST

static char line[8192];

static const char *
rcpt(const char *address, const char *orcpt, uint8_t notify, bool dsn, bool smtputf8)
{
	struct client_recipient recipient = { .address = slice_from_string(address), .orcpt = slice_from_string(orcpt), .notify = notify };
	struct ehlo ehlo = { .dsn = dsn };
	struct buffer out;

	buffer_init(&out, sizeof(line) - 1);
	ck_assert_int_eq(command_rcpt(&recipient, &ehlo, smtputf8, &out), 0);
	ck_assert_int_eq(slice_to_string(buffer_slice(&out), line, sizeof(line)), 0);
	buffer_free(&out);
	return line;
}

START_TEST(rcpt_passes_on_what_dsn_asks_for)
{
	ck_assert_str_eq(rcpt("a@b.c", "", 0, true, false), "RCPT TO:<a@b.c>\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "rfc822;x+y=z@b.c", ENVELOPE_NOTIFY_NEVER, true, false),
	                 "RCPT TO:<a@b.c> NOTIFY=NEVER ORCPT=rfc822;x+2By+3Dz@b.c\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "", ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY, true, false), "RCPT TO:<a@b.c> NOTIFY=SUCCESS,DELAY\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "rfc822;x@b.c", ENVELOPE_NOTIFY_NEVER, false, false), "RCPT TO:<a@b.c>\r\n");
}
END_TEST

START_TEST(nothing_in_an_envelope_ends_a_line)
{
	ck_assert_str_eq(rcpt("a b@b.c", "rfc822;x\r\nRSET y\x7f@b.c", 0, true, false), "RCPT TO:<\"a b\"@b.c> ORCPT=rfc822;x+0D+0ARSET+20y+7F@b.c\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "utf-8;x\ny@b.c", 0, true, true), "RCPT TO:<a@b.c> ORCPT=utf-8;x\\x{A}y@b.c\r\n");
	ck_assert(!command_address_fits(SLICE("a\r\nDATA@b.c")));
	ck_assert(command_address_fits(SLICE("a@b.c")));
}
END_TEST

START_TEST(an_original_address_in_utf8_is_said_as_the_remote_takes_it)
{
	ck_assert_str_eq(rcpt("a@b.c", "utf-8;m\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7+@b.c", 0, true, false),
	                 "RCPT TO:<a@b.c> ORCPT=utf-8;m\\x{E4}\\x{20AC}\\x{1F4E7}\\x{2B}@b.c\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "utf-8;m\xc3\xa4\\x{2B}@b.c", 0, true, true), "RCPT TO:<a@b.c> ORCPT=utf-8;m\xc3\xa4\\x{2B}@b.c\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "utf-8;\xff@b.c", 0, true, true), "RCPT TO:<a@b.c> ORCPT=utf-8;?@b.c\r\n");
	ck_assert_str_eq(rcpt("a@b.c", "rfc822;\xc3\xa4@b.c", 0, true, true), "RCPT TO:<a@b.c> ORCPT=rfc822;+C3+A4@b.c\r\n");
}
END_TEST

START_TEST(mail_declares_what_is_known_of_the_message)
{
	struct client_transaction transaction = { .sender = SLICE("s@b.c"), .envid = SLICE("a+b c"), .flags = RELAY_RET_HDRS, .size = 4711 };
	struct command_declared declared = { .size = true, .eightbit = true, .smtputf8 = true };
	struct ehlo ehlo = { .dsn = true };
	struct buffer out;

	buffer_init(&out, 4096);
	ck_assert_int_eq(command_mail(&transaction, &ehlo, &declared, &out), 0);
	ck_assert_slice(buffer_slice(&out), "MAIL FROM:<s@b.c> SIZE=4711 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+20c\r\n");
	buffer_clear(&out);
	transaction.sender = SLICE("");
	transaction.flags = RELAY_RET_FULL;
	transaction.envid = SLICE("");
	declared = (struct command_declared){ .size = false };
	ck_assert_int_eq(command_mail(&transaction, &ehlo, &declared, &out), 0);
	ck_assert_slice(buffer_slice(&out), "MAIL FROM:<> RET=FULL\r\n");
	buffer_clear(&out);
	ehlo.dsn = false;
	ck_assert_int_eq(command_mail(&transaction, &ehlo, &declared, &out), 0);
	ck_assert_slice(buffer_slice(&out), "MAIL FROM:<>\r\n");
	buffer_free(&out);
}
END_TEST

/* TEXT as DATA has it, given in pieces of PIECE bytes. */
static const char *
stuffed(const char *text, size_t piece)
{
	struct dots dots = { .line_start = true };
	struct slice rest = slice_from_string(text);
	size_t used = 0;

	while (rest.length > 0) {
		struct slice part = slice_first(rest, piece);

		rest = slice_from(rest, part.length);
		while (part.length > 0) {
			struct slice run = dots_next(&dots, &part);

			memcpy(line + used, run.data, run.length);
			used += run.length;
		}
	}
	memcpy(line + used, dots_end(&dots).data, dots_end(&dots).length);
	line[used + dots_end(&dots).length] = '\0';
	return line;
}

START_TEST(dots_are_doubled_at_the_start_of_lines_wherever_pieces_are_cut)
{
	static const char *const cases[][2] = {
		{ "", ".\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ "a\r", "a\r\n.\r\n" },
		{ ".\r\n..\r\na.b\r\n.c\r\n\r\n.", "..\r\n...\r\na.b\r\n..c\r\n\r\n..\r\n.\r\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 30; piece++)
			ck_assert_str_eq(stuffed(cases[i][0], piece), cases[i][1]);
}
END_TEST

UNIT_MAIN("relay_reply", a_reply_is_a_code_and_words, a_reply_of_many_lines_becomes_one_text, a_status_code_of_another_class_is_none,
          what_is_no_reply_is_malformed, half_a_line_is_waited_for, a_reply_without_end_is_not_taken, words_become_printable_and_short,
          extensions_are_known_in_any_case, what_is_unknown_or_malformed_offers_nothing, rcpt_passes_on_what_dsn_asks_for,
          nothing_in_an_envelope_ends_a_line, an_original_address_in_utf8_is_said_as_the_remote_takes_it, mail_declares_what_is_known_of_the_message,
          dots_are_doubled_at_the_start_of_lines_wherever_pieces_are_cut)
