/*
 * AUTH in an SMTP session (smtpd/verb_auth.c), and what a user may send.
 */
#include "t/unit/smtp_test.h"

/* A session instead of the one that there is. */
static void
connect_to(bool port)
{
	fake_hang_up(fake);
	fake->config.smtp_session_rate_per_address.count = fake->config.smtp_error_rate_per_address.count = 0;
	fake_connect(fake, port);
	fake_replies(fake);
}

/* A session on the submission port, after EHLO. */
static void
submission(void)
{
	fake->config.auth_without_tls = CONFIG_YES;
	connect_to(true);
	hello();
}

static void
log_in(void)
{
	submission();
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "235");
}

START_TEST(a_user_logs_in_by_each_mechanism)
{
	log_in();
	submission();
	expect("AUTH plain\r\n", "334");
	expect("AGFsaWNlAHJpZ2h0\r\n", "235");
	submission();
	fake_send_string(fake, "AUTH LOGIN\r\n");
	ck_assert_str_eq(fake_replies(fake), "334 VXNlcm5hbWU6\r\n");
	fake_send_string(fake, "YWxpY2U=\r\n");
	ck_assert_str_eq(fake_replies(fake), "334 UGFzc3dvcmQ6\r\n");
	expect("cmlnaHQ=\r\n", "235");
	submission();
	fake_send_string(fake, "AUTH SCRAM-SHA-256 biws\r\n");
	ck_assert_str_eq(fake_replies(fake), "334 Zm9v\r\n");
	fake_send_string(fake, "YmFy\r\n");
	ck_assert_str_eq(fake_replies(fake), "334 dj14\r\n");
	expect("\r\n", "235");
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "503");
}
END_TEST

START_TEST(mechanisms_are_offered_where_they_may_be_used)
{
	submission();
	fake_send_string(fake, "EHLO x\r\n");
	ck_assert_ptr_nonnull(strstr(fake_replies(fake), "\r\n250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"));
	fake->config.auth_without_tls = CONFIG_NO;
	fake_send_string(fake, "EHLO x\r\n");
	ck_assert_ptr_nonnull(strstr(fake_replies(fake), "\r\n250-AUTH SCRAM-SHA-256\r\n"));
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\nAUTH CRAM-MD5\r\nAUTH SCRAM-SHA-256-PLUS\r\nAUTH\r\n", "538 504 504 501");
	connect_to(false);
	fake_send_string(fake, "EHLO x\r\n");
	ck_assert_ptr_null(strstr(fake_replies(fake), "AUTH"));
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "502");
	fake->config.auth_on_smtp = CONFIG_YES;
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "538");
}
END_TEST

START_TEST(auth_comes_after_ehlo_and_before_mail)
{
	fake->config.auth_without_tls = CONFIG_YES;
	connect_to(true);
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "503");
	log_in();
	expect("MAIL FROM:<alice@example.org>\r\nAUTH PLAIN AGFsaWNlAHJpZ2h0\r\n", "250 503");
}
END_TEST

START_TEST(what_is_wrong_ends_the_exchange_and_nothing_else)
{
	char line[5000];

	submission();
	expect("AUTH PLAIN\r\n*\r\n", "334 501");
	expect("AUTH PLAIN\r\nx\r\n", "334 501");
	expect("AUTH PLAIN =\r\n", "501");
	expect("AUTH PLAIN AGFsaWNlAGxhdGU=\r\n", "454");
	expect("AUTH PLAIN\r\nAGFsaWNl\n\r\nNOOP\r\n", "334 500 250");
	memset(line, 'A', sizeof(line) - 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	expect("AUTH PLAIN\r\n", "334");
	expect(line, "500");
	expect("NOOP\r\n", "250");
	expect("AUTH SCRAM-SHA-256 biws\r\n*\r\n", "334 501");
	ck_assert_uint_eq(fake->abandoned, 1);
}
END_TEST

START_TEST(three_wrong_passwords_close_the_session)
{
	submission();
	expect("AUTH PLAIN AGFsaWNlAHg=\r\n", "535");
	expect("AUTH PLAIN AGFsaWNlAHg=\r\n", "535");
	expect("AUTH PLAIN AGFsaWNlAHg=\r\n", "535 421");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(a_client_that_goes_while_tabled_is_asked_is_forgotten)
{
	submission();
	fake->patient = true;
	fake_send_string(fake, "AUTH PLAIN AGFsaWNlAHJpZ2h0\r\nNOOP\r\n");
	ck_assert_str_eq(fake_codes(fake), "");
	fake_hang_up(fake);
	ck_assert_ptr_null(fake->session);
	fake_answer_all(fake);
	fake->patient = false;
	submission();
	fake->patient = true;
	fake_send_string(fake, "AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n");
	fake_restart_tabled(fake);
	ck_assert_str_eq(fake_codes(fake), "454");
}
END_TEST

START_TEST(a_submission_needs_a_user_or_a_network_that_may_relay)
{
	submission();
	expect("MAIL FROM:<alice@example.org>\r\n", "530");
	expect("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\nMAIL FROM:<alice@example.org> AUTH=<>\r\n", "235 250");
	fake->config.relay_networks.count = 1;
	fake->config.relay_networks.list[0] = (struct config_network){ .family = AF_INET, .bits = 0 };
	submission();
	expect("MAIL FROM:<a@example.net> AUTH=a+2Bb@example.net\r\n", "250");
	expect("RSET\r\nMAIL FROM:<a@example.net> AUTH=a+2\r\n", "250 501");
}
END_TEST

START_TEST(the_sender_must_be_the_users)
{
	log_in();
	expect("MAIL FROM:<bob@example.org>\r\nRCPT TO:<b@example.org>\r\n", "553 503");
	expect("MAIL FROM:<late@example.org>\r\n", "451");
	expect("MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@remote.example>\r\nRSET\r\n", "250 250 250");
	expect("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nRSET\r\n", "250 250 250");
	fake->patient = true;
	fake_send_string(fake, "MAIL FROM:<alice@example.org>\r\n");
	fake_hang_up(fake);
	ck_assert_ptr_null(fake->session);
}
END_TEST

/* The codes for a message of a user's with these header fields. */
static const char *
message(const char *header)
{
	fake_send_string(fake, "MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
	fake_replies(fake);
	fake_send_string(fake, header);
	fake_send_string(fake, "\r\nText\r\n.\r\n");
	return fake_codes(fake);
}

START_TEST(the_from_field_must_be_the_users)
{
	log_in();
	ck_assert_str_eq(message("From: Alice <alice@example.org>, alice+x@example.org\r\n"), "250");
	ck_assert_ptr_nonnull(strstr(fake_body(fake), " with ESMTPA id "));
	ck_assert_str_eq(message("Subject: none\r\n"), "250");
	ck_assert_str_eq(message("From: Bob <bob@example.org>\r\n"), "550");
	ck_assert_str_eq(message("From: alice@example.org,\r\n bob@example.org\r\n"), "550");
	ck_assert_str_eq(message("From: alice@example.org\r\nFrom: alice@example.org\r\n"), "550");
	ck_assert_str_eq(message("From: nonsense\r\n"), "550");
	ck_assert_str_eq(message("Subject: x\r\nno field\r\nFrom: bob@example.org\r\n"), "550");
	ck_assert_str_eq(message("From: late@example.org\r\n"), "451");
	ck_assert_uint_eq(fake->message.count, 2);
}
END_TEST

START_TEST(a_client_that_goes_while_its_from_field_is_asked_about_is_forgotten)
{
	log_in();
	fake_send_string(fake, "MAIL FROM:<alice@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
	fake->patient = true;
	fake_send_string(fake, "From: alice@example.org\r\n\r\n.\r\n");
	ck_assert_uint_eq(fake->questions, 1);
	fake_hang_up(fake);
	ck_assert_ptr_null(fake->session);
	fake_answer_all(fake);
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

UNIT_MAIN_WITH("smtp_auth", setup, teardown,
	a_user_logs_in_by_each_mechanism,
	mechanisms_are_offered_where_they_may_be_used,
	auth_comes_after_ehlo_and_before_mail,
	what_is_wrong_ends_the_exchange_and_nothing_else,
	three_wrong_passwords_close_the_session,
	a_client_that_goes_while_tabled_is_asked_is_forgotten,
	a_submission_needs_a_user_or_a_network_that_may_relay,
	the_sender_must_be_the_users,
	the_from_field_must_be_the_users,
	a_client_that_goes_while_its_from_field_is_asked_about_is_forgotten)
