/*
 * The text of bounces. That other programs understand it is shown by the whole-suite tests.
 */
#include <check.h>
#include <stdlib.h>

#include "common/mail/header.h"
#include "queued/bounce.h"

static struct bounce_recipient recipients[2];
static struct bounce bounce;
static struct bounce_traits traits;
static struct buffer out;

static void
setup(void)
{
	recipients[0] = (struct bounce_recipient){ .original = SLICE("rfc822;Lists@Example.org"), .final = SLICE("user@example.org"),
	                                           .status = SLICE("5.1.1"), .text = SLICE("no such mailbox") };
	recipients[1] = (struct bounce_recipient){ .final = SLICE("a b@example.org"), .status = SLICE("4.4.7"),
	                                           .text = SLICE("mailbox full"), .expired = true };
	bounce = (struct bounce){
		.hostname = "mx.example.org",
		.id = "0123456789ABC",
		.message_id = "0123456789ABD",
		.boundary = "=_boundary",
		.now = 1800000000,
		.arrival = 1799990000,
		.sender = SLICE("sender@example.net"),
		.recipients = recipients,
		.recipient_count = 2,
		.returned = BOUNCE_HEADERS,
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
	ck_assert_int_eq(bounce_compose(&bounce, &out, &traits), 0);
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

START_TEST(a_bounce_is_a_report_with_a_header_of_its_own)
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

	expect(text, "Reporting-MTA: dns; mx.example.org\r\n");
	expect(text, "\r\n\r\nOriginal-Recipient: rfc822;Lists@Example.org\r\nFinal-Recipient: rfc822; user@example.org\r\n"
	             "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: X-Angarium; no such mailbox\r\n");
	expect(text, "\r\n\r\nFinal-Recipient: rfc822; \"a b\"@example.org\r\nAction: failed\r\nStatus: 4.4.7\r\n");
	expect(text, "<\"a b\"@example.org>:\r\n    given up after many attempts; the last one said:\r\n    mailbox full (4.4.7)\r\n");
	expect_no(text, "Original-Envelope-Id");
}
END_TEST

START_TEST(the_envelope_id_is_given_back)
{
	bounce.envid = SLICE("QQ314159");
	expect(compose(), "Original-Envelope-Id: QQ314159\r\n");
}
END_TEST

START_TEST(headers_or_the_whole_message_are_returned)
{
	expect(compose(), "Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\n\r\n\r\n--=_boundary--");
	buffer_clear(&out);
	bounce.returned = BOUNCE_FULL;
	bounce.content = SLICE("Subject: hello\r\n\r\nbody\r\n");
	expect(compose(), "Content-Type: message/rfc822\r\n\r\nSubject: hello\r\n\r\nbody\r\n\r\n--=_boundary--");
}
END_TEST

START_TEST(a_message_with_bytes_above_127_makes_an_8bit_bounce)
{
	bounce.content = SLICE("Subject: h\xc3\xa9llo\r\n\r\n");
	expect(compose(), "Content-Transfer-Encoding: 8bit\r\n");
	ck_assert(traits.eight_bit);
	ck_assert(!traits.utf8);
}
END_TEST

START_TEST(a_foreign_text_in_an_ascii_bounce_is_made_ascii)
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
	expect(text, "Content-Type: message/global-delivery-status\r\n");
	expect(text, "Final-Recipient: utf-8; j\xc3\xb6rg@example.org\r\n");
	expect(text, "Content-Type: message/global-headers\r\n");
	ck_assert(traits.utf8);
}
END_TEST

START_TEST(a_bounce_that_does_not_fit_is_an_error)
{
	size_t needed = strlen(compose());

	buffer_free(&out);
	for (size_t limit = 0; limit < needed; limit += 7) {
		buffer_init(&out, limit);
		ck_assert_int_ne(bounce_compose(&bounce, &out, &traits), 0);
		buffer_free(&out);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bounce");
	TCase *tests = tcase_create("bounce");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_bounce_is_a_report_with_a_header_of_its_own);
	tcase_add_test(tests, each_recipient_has_its_group_of_fields);
	tcase_add_test(tests, the_envelope_id_is_given_back);
	tcase_add_test(tests, headers_or_the_whole_message_are_returned);
	tcase_add_test(tests, a_message_with_bytes_above_127_makes_an_8bit_bounce);
	tcase_add_test(tests, a_foreign_text_in_an_ascii_bounce_is_made_ascii);
	tcase_add_test(tests, an_address_in_utf8_makes_a_global_report);
	tcase_add_test(tests, a_bounce_that_does_not_fit_is_an_error);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
