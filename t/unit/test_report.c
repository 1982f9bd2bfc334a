/*
 * The text of reports. That other programs understand it is shown by the whole-suite tests.
 */

#include "common/mail/header.h"
#include "queued/report.h"
#include "t/unit/unit.h"

static struct report_recipient recipients[2];
static struct report report;
static struct report_traits traits;
static struct buffer out;

static void
setup(void)
{
	recipients[0] = (struct report_recipient){ .original = SLICE("rfc822;Lists@Example.org"), .final = SLICE("user@example.org"),
	                                           .status = SLICE("5.1.1"), .text = SLICE("no such mailbox"), .action = REPORT_FAILED };
	recipients[1] = (struct report_recipient){ .final = SLICE("a b@example.org"), .status = SLICE("4.2.2"),
	                                           .text = SLICE("mailbox full"), .action = REPORT_EXPIRED };
	report = (struct report){
		.hostname = "mx.example.org",
		.id = "0123456789ABC",
		.original_id = "0123456789ABD",
		.boundary = "=_boundary",
		.now = 1800000000,
		.arrival = 1800000000 - 5 * 24 * 3600,
		.to = SLICE("sender@example.net"),
		.recipients = recipients,
		.recipient_count = 2,
		.returned = REPORT_HEADERS,
		.content = SLICE("Subject: hello\r\n\r\n"),
	};
	buffer_init(&out, 1024 * 1024);
}

static void
teardown(void)
{
	buffer_free(&out);
}

static const char *
compose(void)
{
	ck_assert_int_eq(report_compose(&report, &out, &traits), 0);
	ck_assert_int_eq(buffer_append(&out, "", 1), 0);
	return out.data + out.start;
}

static void
expect(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is missing in:\n%s", part, text);
}

static void
expect_no(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in:\n%s", part, text);
}

START_TEST(a_report_is_a_report_with_a_header_of_its_own)
{
	const char *text = compose();
	struct header_field field;

	ck_assert(header_find(slice_from_string(text), SLICE("To"), &field));
	ck_assert(slice_equal(slice_trim(field.value), SLICE("<sender@example.net>")));
	ck_assert(header_find(slice_from_string(text), SLICE("Auto-Submitted"), &field));
	ck_assert(header_find(slice_from_string(text), SLICE("Date"), &field));
	ck_assert(header_find(slice_from_string(text), SLICE("Message-ID"), &field));
	expect(text, "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\n");
	expect(text, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_boundary\"\r\n");
	expect(text, "\r\n--=_boundary--\r\n");
	expect_no(text, "8bit");
}
END_TEST

START_TEST(each_recipient_has_its_group_of_fields)
{
	const char *text = compose();

	expect(text, "\r\n\r\nReporting-MTA: dns; mx.example.org\r\nArrival-Date: ");
	expect(text, "\r\n\r\nOriginal-Recipient: rfc822;Lists@Example.org\r\nFinal-Recipient: rfc822; user@example.org\r\n"
	             "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: X-Angarium; no such mailbox\r\nLast-Attempt-Date: ");
	expect(text, "\r\n\r\nFinal-Recipient: rfc822; \"a b\"@example.org\r\nAction: failed\r\nStatus: 4.4.7\r\n");
	expect_no(text, "Original-Envelope-Id");
	expect_no(text, "Remote-MTA");
	expect_no(text, "Received-From-MTA");
	expect_no(text, "Will-Retry-Until");
}
END_TEST

START_TEST(people_read_what_happened_and_what_they_can_do)
{
	const char *text = compose();

	expect(text, "\r\n<user@example.org>:\r\n    This system cannot deliver the message:\r\n    > no such mailbox\r\n"
	             "    (status 5.1.1)\r\n    There is no such address. Please check how it is written.\r\n");
	expect(text, "\r\n<\"a b\"@example.org>:\r\n    Given up after attempts over 5 days. The last one ended with this:\r\n"
	             "    This system noticed:\r\n    > mailbox full\r\n    (status 4.2.2)\r\n    The mailbox is full.");
	expect(text, "and has the number 0123456789ABD here.\r\nIf you need help");
}
END_TEST

START_TEST(the_words_of_a_remote_host_are_repeated)
{
	const char *text;

	recipients[0].remote = SLICE("mx.example.net [192.0.2.1]:25");
	recipients[0].text = SLICE("550 5.7.1 not from you");
	recipients[0].status = SLICE("5.7.1");
	recipients[0].via = SLICE("alias@example.org");
	text = compose();
	expect(text, "Status: 5.7.1\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.7.1 not from you\r\n");
	expect(text, "<user@example.org>, to which leads <alias@example.org>:\r\n    mx.example.net [192.0.2.1]:25 refused the message:\r\n"
	             "    > 550 5.7.1 not from you\r\n");
	expect(text, "refused by the rules of that mail system");
}
END_TEST

START_TEST(a_remote_host_without_a_name_or_a_reply_is_told_as_it_is)
{
	const char *text;

	recipients[0].remote = SLICE("[192.0.2.1]:25");
	recipients[0].text = SLICE("no answer to DATA");
	recipients[1].remote = SLICE("/run/lmtp.sock");
	text = compose();
	expect(text, "Remote-MTA: dns; [192.0.2.1]\r\nDiagnostic-Code: X-Angarium; no answer to DATA\r\n");
	expect_no(text, "dns; /run");
	buffer_clear(&out);
	recipients[0].remote = SLICE("192.0.2.1 [192.0.2.1]:25");
	recipients[1].remote = SLICE("[2001:db8::1]:25");
	text = compose();
	expect(text, "Remote-MTA: dns; [192.0.2.1]\r\n");
	expect(text, "Remote-MTA: dns; [IPv6:2001:db8::1]\r\n");
}
END_TEST

START_TEST(a_warning_says_how_long_it_goes_on)
{
	const char *text;

	report.kind = REPORT_DELAY;
	report.until = 1800432000;
	report.recipient_count = 1;
	recipients[0].action = REPORT_DELAYED;
	recipients[0].status = SLICE("4.4.1");
	text = compose();
	expect(text, "Subject: Delayed mail (still being tried)\r\n");
	expect(text, "THIS IS ONLY A WARNING");
	expect(text, "returned to you if it cannot be delivered until\r\n    Wed, 20 Jan 2027 08:00:00 +0000\r\n");
	expect(text, "Action: delayed\r\nStatus: 4.4.1\r\n");
	expect(text, "Will-Retry-Until: Wed, 20 Jan 2027 08:00:00 +0000\r\n");
}
END_TEST

START_TEST(success_is_delivered_relayed_or_expanded)
{
	static const struct {
		enum report_action action;
		const char *field, *words;
	} cases[] = {
		{ REPORT_DELIVERED, "Action: delivered\r\nStatus: 2.0.0\r\nLast-Attempt-Date", "    The message was delivered.\r\n" },
		{ REPORT_RELAYED, "Action: relayed\r\nStatus: 2.0.0\r\nLast-Attempt-Date", "sends no reports of success" },
		{ REPORT_EXPANDED, "Action: expanded\r\nStatus: 2.0.0\r\nLast-Attempt-Date", "stands for several others" },
	};

	report.kind = REPORT_SUCCESS;
	report.recipient_count = 1;
	recipients[0].status = SLICE("2.0.0");
	for (size_t i = 0; i < 3; i++) {
		const char *text;

		recipients[0].action = cases[i].action;
		buffer_clear(&out);
		text = compose();
		expect(text, cases[i].field);
		expect(text, cases[i].words);
		expect(text, "Subject: Delivery report\r\n");
	}
}
END_TEST

START_TEST(a_double_bounce_says_why_the_postmaster_gets_it)
{
	report.kind = REPORT_DOUBLE;
	expect(compose(), "it is returned to you, the\r\npostmaster");
}
END_TEST

START_TEST(a_report_belongs_to_the_thread_of_its_message)
{
	expect_no(compose(), "References");
	buffer_clear(&out);
	report.message_id = SLICE("<1@example.net>");
	expect(compose(), "\r\nIn-Reply-To: <1@example.net>\r\nReferences: <1@example.net>\r\n");
}
END_TEST

START_TEST(the_client_is_told_as_an_address_literal)
{
	report.client = SLICE("192.0.2.7");
	expect(compose(), "\r\nReceived-From-MTA: dns; [192.0.2.7]\r\n");
	buffer_clear(&out);
	report.client = SLICE("2001:db8::7");
	expect(compose(), "\r\nReceived-From-MTA: dns; [IPv6:2001:db8::7]\r\n");
	buffer_clear(&out);
	report.client = SLICE("local");
	expect_no(compose(), "Received-From-MTA");
}
END_TEST

START_TEST(long_words_from_a_remote_host_are_broken_into_lines)
{
	static char words[511];
	const char *text, *line;

	for (size_t i = 0; i < sizeof(words); i++)
		words[i] = i % 12 == 11 ? ' ' : 'w';
	recipients[0].text = slice_of(words, sizeof(words));
	text = strstr(compose(), "\r\n    > ");
	ck_assert_ptr_nonnull(text);
	for (line = text + 2; strncmp(line, "    > ", 6) == 0; line = strstr(line, "\r\n") + 2)
		ck_assert_uint_le(strcspn(line, "\r"), 72);
}
END_TEST

START_TEST(the_envelope_id_is_given_back)
{
	report.envid = SLICE("QQ314159");
	expect(compose(), "Original-Envelope-Id: QQ314159\r\n");
}
END_TEST

START_TEST(headers_or_the_whole_message_are_returned)
{
	expect(compose(), "Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\n\r\n\r\n--=_boundary--");
	buffer_clear(&out);
	report.returned = REPORT_FULL;
	report.content = SLICE("Subject: hello\r\n\r\nbody\r\n");
	expect(compose(), "Content-Type: message/rfc822\r\n\r\nSubject: hello\r\n\r\nbody\r\n\r\n--=_boundary--");
}
END_TEST

START_TEST(a_message_with_bytes_above_127_makes_an_8bit_report)
{
	report.content = SLICE("Subject: h\xc3\xa9llo\r\n\r\n");
	expect(compose(), "Content-Transfer-Encoding: 8bit\r\n");
	ck_assert(traits.eight_bit);
	ck_assert(!traits.utf8);
}
END_TEST

START_TEST(a_foreign_text_in_an_ascii_report_is_made_ascii)
{
	recipients[0].text = SLICE("kein Platz f\xfcr mehr");
	expect(compose(), "kein Platz f?r mehr");
	ck_assert(!traits.eight_bit);
}
END_TEST

START_TEST(an_address_in_utf8_makes_a_global_report)
{
	const char *text;

	recipients[0].final = SLICE("j\xc3\xb6rg@example.org");
	text = compose();
	expect(text, "Content-Type: text/plain; charset=utf-8\r\n");
	expect(text, "Content-Type: message/global-delivery-status\r\n");
	expect(text, "Final-Recipient: utf-8; j\xc3\xb6rg@example.org\r\n");
	expect(text, "Content-Type: message/global-headers\r\n");
	ck_assert(traits.eight_bit);
	ck_assert(!traits.utf8); /* its own header is ASCII: no SMTPUTF8 is needed */
}
END_TEST

START_TEST(a_sender_in_utf8_needs_smtputf8)
{
	report.to = SLICE("j\xc3\xb6rg@example.org");
	expect(compose(), "To: <j\xc3\xb6rg@example.org>\r\n");
	ck_assert(traits.utf8);
}
END_TEST

START_TEST(a_message_sent_with_smtputf8_is_returned_as_global)
{
	const char *text;

	report.global = true;
	report.content = SLICE("Subject: h\xc3\xa9llo\r\n\r\n");
	text = compose();
	expect(text, "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n");
	expect(text, "Content-Type: message/delivery-status\r\n");
}
END_TEST

START_TEST(bytes_that_are_no_utf8_do_not_get_into_a_global_report)
{
	recipients[0].final = SLICE("j\xc3\xb6rg@example.org");
	recipients[0].original = SLICE("utf-8;j\xf6rg");
	expect(compose(), "Original-Recipient: utf-8;j?rg\r\n");
}
END_TEST

START_TEST(a_report_that_does_not_fit_is_an_error)
{
	size_t needed = strlen(compose());

	buffer_free(&out);
	for (size_t limit = 0; limit < needed; limit += 7) {
		buffer_init(&out, limit);
		ck_assert_int_ne(report_compose(&report, &out, &traits), 0);
		buffer_free(&out);
	}
}
END_TEST

UNIT_MAIN_WITH("report", setup, teardown,
	a_report_is_a_report_with_a_header_of_its_own,
	each_recipient_has_its_group_of_fields,
	people_read_what_happened_and_what_they_can_do,
	the_words_of_a_remote_host_are_repeated,
	a_remote_host_without_a_name_or_a_reply_is_told_as_it_is,
	a_warning_says_how_long_it_goes_on,
	success_is_delivered_relayed_or_expanded,
	a_double_bounce_says_why_the_postmaster_gets_it,
	a_report_belongs_to_the_thread_of_its_message,
	the_client_is_told_as_an_address_literal,
	long_words_from_a_remote_host_are_broken_into_lines,
	the_envelope_id_is_given_back,
	headers_or_the_whole_message_are_returned,
	a_message_with_bytes_above_127_makes_an_8bit_report,
	a_foreign_text_in_an_ascii_report_is_made_ascii,
	an_address_in_utf8_makes_a_global_report,
	a_sender_in_utf8_needs_smtputf8,
	a_message_sent_with_smtputf8_is_returned_as_global,
	bytes_that_are_no_utf8_do_not_get_into_a_global_report,
	a_report_that_does_not_fit_is_an_error)
