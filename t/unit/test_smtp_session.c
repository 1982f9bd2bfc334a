/*
 * SMTP sessions: commands, recipients, time and limits.
 */
#include "common/mail/envelope.h"
#include "smtpd/command.h"
#include "smtpd/transaction.h"
#include "smtpd/verb.h"
#include "t/unit/smtp_test.h"

START_TEST(the_greeting_has_220_the_host_and_esmtp)
{
	ck_assert_str_eq(fake_replies(fake), "220 mail.example.org ESMTP Angarium\r\n");
}
END_TEST

START_TEST(ehlo_offers_the_extensions)
{
	fake_replies(fake);
	fake_send_string(fake, "EHLO client.example.net\r\n");
	ck_assert_str_eq(fake_replies(fake), "250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
	                                     "250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n"
	                                     "250-DSN\r\n250-LIMITS RCPTMAX=1000\r\n250 HELP\r\n");
}
END_TEST

START_TEST(starttls_is_offered_with_a_certificate_and_forgets_everything)
{
	fake->tls = true;
	fake_replies(fake);
	expect("STARTTLS\r\n", "503");
	fake_send_string(fake, "EHLO client.example.net\r\n");
	ck_assert_ptr_nonnull(strstr(fake_replies(fake), "250-STARTTLS\r\n"));
	expect("STARTTLS now\r\n", "501");
	expect("MAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\nSTARTTLS\r\nNOOP\r\nRSET\r\n", "250 250 220");
	ck_assert_ptr_null(fake->session->helo);
	ck_assert_ptr_null(fake->session->transaction);
	expect("MAIL FROM:<a@b.example>\r\n", "503");
	fake_send_string(fake, "EHLO client.example.net\r\n");
	ck_assert_ptr_null(strstr(fake_replies(fake), "STARTTLS"));
	expect("STARTTLS\r\n", "503");
	begin("");
	expect("DATA\r\n.\r\n", "354 250");
	ck_assert_ptr_nonnull(strstr(fake_body(fake), "with ESMTPS id"));
	ck_assert_ptr_nonnull(strstr(fake_body(fake), "\r\n\ttls TLS_AES_128_GCM_SHA256 group x25519 (TLSv1.3, 128 bits); "));
}
END_TEST

START_TEST(starttls_is_unknown_without_a_certificate_and_refused_without_a_keeper)
{
	hello();
	expect("STARTTLS\r\n", "502");
	fake->tls = true;
	fake->keeper_down = true;
	expect("STARTTLS\r\nNOOP\r\n", "454 250");
	fake->keeper_down = false;
	expect("STARTTLS\r\n", "220");
}
END_TEST

START_TEST(names_that_could_forge_a_header_are_refused)
{
	fake_replies(fake);
	expect("EHLO\r\nEHLO a b\r\nEHLO a(b)\r\nHELO <a>\r\nEHLO [192.0.2.1]\r\nEHLO [IPv6:::1]\r\nEHLO my_host\r\n",
	       "501 501 501 501 250 250 250");
}
END_TEST

START_TEST(commands_out_of_order_get_503)
{
	fake_replies(fake);
	expect("MAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n", "503 503 503");
	hello();
	expect("RCPT TO:<a@b.example>\r\nDATA\r\n", "503 503");
	expect("MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n", "250 503 503");
	expect("RCPT TO:<no@example.org>\r\nDATA\r\n", "550 554");
}
END_TEST

START_TEST(each_class_of_address_has_its_reply)
{
	fake_replies(fake);
	begin("");
	fake_send_string(fake, "RCPT TO:<no@example.org>\r\nRCPT TO:<off@example.org>\r\nRCPT TO:<loop@example.org>\r\n"
	                       "RCPT TO:<late@example.org>\r\nRCPT TO:<alias@example.org>\r\nRCPT TO:<x@remote.example>\r\n"
	                       "RCPT TO:<x@relay.example>\r\nRCPT TO:<Postmaster>\r\n");
	ck_assert_str_eq(fake_replies(fake),
	                 "550 5.1.1 No such mailbox\r\n550 5.2.1 The mailbox is disabled\r\n"
	                 "550 5.4.6 The aliases of this address lead in a circle\r\n"
	                 "451 4.3.0 The address cannot be looked up now; try again later\r\n250 2.1.5 Recipient ok\r\n"
	                 "550 5.7.1 Not one of our domains, and you may not relay\r\n"
	                 "250 2.1.5 Recipient ok\r\n"
	                 "250 2.1.5 Recipient ok\r\n");
}
END_TEST

START_TEST(a_client_that_may_relay_sends_to_other_domains)
{
	struct config_network network = { .family = AF_INET, .address = { 192, 0, 2, 0 }, .bits = 24 };

	fake_hang_up(fake);
	fake->config.relay_networks.list[0] = network;
	fake->config.relay_networks.count = 1;
	fake_connect(fake, false);
	fake_replies(fake);
	begin("");
	expect("RCPT TO:<x@remote.example>\r\nRCPT TO:<x%other@relay.example>\r\n", "250 250");
}
END_TEST

START_TEST(a_stranger_sends_no_way_around_to_a_relayed_domain)
{
	fake_replies(fake);
	begin("");
	expect("RCPT TO:<x%remote.example@relay.example>\r\nRCPT TO:<remote.example!x@relay.example>\r\n"
	       "RCPT TO:<\"x@remote.example\"@relay.example>\r\nRCPT TO:<@relay.example:x@remote.example>\r\n"
	       "RCPT TO:<@remote.example:x@relay.example>\r\n", "550 550 550 550 250");
}
END_TEST

START_TEST(parameters_of_a_remote_recipient_stand_in_the_envelope)
{
	struct envelope envelope;

	fake_replies(fake);
	hello();
	expect("MAIL FROM:<> RET=HDRS ENVID=id+2B1\r\n"
	       "RCPT TO:<x@relay.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;y+2Bz@first.example\r\n"
	       "DATA\r\n", "250 250 354");
	expect("Subject: x\r\n\r\ntext\r\n.\r\n", "250");
	ck_assert_int_eq(envelope_decode(buffer_slice(&fake->message.envelope), &envelope), 0);
	ck_assert_slice(envelope.sender, "");
	ck_assert_slice(envelope.envid, "id+1");
	ck_assert_uint_eq(envelope.flags & (ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS), ENVELOPE_RET_HDRS);
	ck_assert_uint_eq(envelope.recipient_count, 1);
	ck_assert_slice(envelope.recipients[0].address, "x@relay.example");
	ck_assert_slice(envelope.recipients[0].orcpt, "rfc822;y+z@first.example");
	ck_assert_uint_eq(envelope.recipients[0].notify, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE);
	envelope_free(&envelope);
}
END_TEST

START_TEST(while_the_queue_has_no_space_mail_is_refused_before_it_is_sent)
{
	fake_replies(fake);
	hello();
	fake_tell_space(false);
	expect("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n", "452 503 503");
	fake_tell_space(true);
	expect("MAIL FROM:<a@example.net>\r\n", "250");
}
END_TEST

START_TEST(a_queue_that_was_started_again_has_space_until_it_says_otherwise)
{
	fake_replies(fake);
	hello();
	fake_tell_space(false);
	fake_restart_queued(fake);
	expect("MAIL FROM:<a@example.net>\r\n", "250");
}
END_TEST

START_TEST(pipelined_recipients_are_asked_at_once_and_answered_in_order)
{
	fake_replies(fake);
	hello();
	fake->patient = fake->newest_first = true;
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\nRCPT TO:<one@example.org>\r\nRCPT TO:<no@example.org>\r\nRCPT TO:bad\r\n"
	                       "RCPT TO:<late@example.org>\r\nDATA\r\n");
	ck_assert_str_eq(fake_codes(fake), "250");
	ck_assert_uint_eq(fake->questions, 3);
	ck_assert_uint_eq(fake->deadline, 0);
	fake_answer(fake);
	fake_answer(fake);
	ck_assert_str_eq(fake_codes(fake), "");
	fake_answer(fake);
	ck_assert_str_eq(fake_codes(fake), "250 550 501 451 354");
}
END_TEST

START_TEST(ten_thousand_recipients_are_all_answered_and_no_more_than_the_limit_kept)
{
	fake->config.recipients_limit = 1000;
	fake_replies(fake);
	hello();
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\n");
	fake_codes(fake);
	for (int i = 0; i < 10000; i++) {
		char line[60];

		snprintf(line, sizeof(line), "RCPT TO:<u%d@example.org>\r\n", i);
		fake_send_string(fake, line);
		ck_assert_str_eq(fake_codes(fake), i < 1000 ? "250" : "452");
	}
	ck_assert_uint_eq(fake->lookups, 1000);
	expect("DATA\r\n.\r\n", "354 250");
}
END_TEST

START_TEST(at_the_limit_a_recipient_waits_for_those_before_it)
{
	fake->config.recipients_limit = 2;
	fake_replies(fake);
	hello();
	fake->patient = true;
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\nRCPT TO:<no1@example.org>\r\nRCPT TO:<no2@example.org>\r\n"
	                       "RCPT TO:<u1@example.org>\r\nRCPT TO:<u2@example.org>\r\nRCPT TO:<u3@example.org>\r\n");
	ck_assert_uint_eq(fake->questions, 2);
	fake_answer_all(fake);
	ck_assert_str_eq(fake_codes(fake), "250 550 550 250 250 452");
}
END_TEST

START_TEST(no_more_than_a_window_of_lookups_is_under_way)
{
	fake_replies(fake);
	hello();
	fake->patient = true;
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\n");
	for (int i = 0; i < 300; i++) {
		char line[60];

		snprintf(line, sizeof(line), "RCPT TO:<u%d@example.org>\r\n", i);
		fake_send_string(fake, line);
	}
	fake_answer_all(fake);
	ck_assert_uint_eq(fake->most_questions, VERB_RCPT_WINDOW);
	ck_assert_uint_eq(fake->lookups, 300);
}
END_TEST

START_TEST(a_recipient_named_twice_is_accepted_and_put_once)
{
	struct envelope envelope;

	fake_replies(fake);
	begin("");
	expect("RCPT TO:<b@EXAMPLE.org>\r\nRCPT TO:<\"b\"@example.org>\r\nDATA\r\n.\r\n", "250 250 354 250");
	ck_assert_int_eq(envelope_decode(buffer_slice(&fake->message.envelope), &envelope), 0);
	ck_assert_uint_eq(envelope.recipient_count, 1);
	envelope_free(&envelope);
}
END_TEST

START_TEST(a_lost_table_gives_a_temporary_failure)
{
	fake_replies(fake);
	hello();
	fake->patient = true;
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\nNOOP\r\n");
	fake->tabled_down = true;
	fake_restart_tabled(fake);
	ck_assert_str_eq(fake_codes(fake), "250 451 250");
	expect("RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\n", "451 451");
	fake->tabled_down = false;
	fake_restart_tabled(fake);
	fake_send_string(fake, "RCPT TO:<b@example.org>\r\n");
	fake_answer_all(fake);
	ck_assert_str_eq(fake_codes(fake), "250");
}
END_TEST

START_TEST(a_bare_line_feed_ends_no_command)
{
	fake_replies(fake);
	expect("NOOP\nNOOP\r\nNOOP\r\n", "500 250");
	expect("NOOP\nNOOP\nNOOP\n", "500 500 500");
	expect("QUIT\r\nNOOP\r\n", "250");
	expect("NOOP\rNOOP\r\n", "500");
	hello();
	expect("MAIL FROM:<a@b.example>\nRCPT TO:<b@example.org>\r\nDATA\r\n", "500 503");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused_once_and_not_kept)
{
	char part[1024];

	memset(part, 'x', sizeof(part));
	fake_replies(fake);
	for (int i = 0; i < 1000; i++)
		fake_send(fake, slice_of(part, sizeof(part)));
	expect("\nx\rx\r\nNOOP\r\n", "500 250");
	ck_assert_uint_le(fake->longest_input, COMMAND_LINE_MAX);
}
END_TEST

START_TEST(control_characters_and_unannounced_bytes_are_refused)
{
	fake_replies(fake);
	hello();
	fake_send(fake, SLICE("NOOP \0\r\n\0\r\n\xff\r\nNOOP \xe9\r\nVRFY \xc3\xbc\r\nVRFY \xc3\xbc SMTPUTF8\r\n"
	                      "MAIL FROM:<\xc3\xbc@b.example>\r\nMAIL FROM:<\xff@b.example> SMTPUTF8\r\n"));
	ck_assert_str_eq(fake_codes(fake), "500 500 500 500 553 252 553 553");
}
END_TEST

START_TEST(unknown_commands_and_parameters_get_500_and_555)
{
	fake_replies(fake);
	hello();
	expect("FROBNICATE\r\n\r\nTURN\r\nMAIL FROM:<a@b.example> NOSUCH\r\nMAIL FROM:<a@b.example>x\r\nMAIL FROM:<a@b.example> SIZE=x\r\n",
	       "500 500 502 555 501 501");
	expect("EXPN x\r\nVRFY x\r\nVRFY\r\nHELP\r\nNOOP x\r\nRSET x\r\n", "550 252 501 214 250 501");
}
END_TEST

START_TEST(too_many_bad_commands_end_the_session_with_421)
{
	fake->config.smtp_errors = 3;
	fake_replies(fake);
	expect("X\r\nX\r\nX\r\nX\r\nNOOP\r\n", "500 500 500 421");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(messages_over_the_rate_of_an_address_get_450)
{
	fake_hang_up(fake);
	fake->config.smtp_message_rate_per_address = (struct bucket_rate){ 2, 3600 };
	fake_connect(fake, false);
	fake_replies(fake);
	begin("");
	expect("DATA\r\n.\r\nMAIL FROM:<a@b.example>\r\nRSET\r\n", "354 250 250 250");
	fake_send_string(fake, "MAIL FROM:<a@b.example>\r\n");
	ck_assert_str_eq(fake_replies(fake), "450 4.7.1 Too many messages from your address; try again later\r\n");
	ck_assert_uint_eq(fake->session->state, SESSION_READY);
}
END_TEST

START_TEST(recipients_over_the_rate_of_an_address_get_450_and_are_not_looked_up)
{
	fake_hang_up(fake);
	fake->config.smtp_recipient_rate_per_address = (struct bucket_rate){ 2, 3600 };
	fake_connect(fake, false);
	fake_replies(fake);
	begin("");
	expect("RCPT TO:<no@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n.\r\n", "550 450 354 250");
	ck_assert_uint_eq(fake->lookups, 2);
}
END_TEST

START_TEST(an_address_that_makes_too_many_mistakes_is_sent_away)
{
	fake_hang_up(fake);
	fake->config.smtp_error_rate_per_address = (struct bucket_rate){ 3, 3600 };
	fake_connect(fake, false);
	fake_replies(fake);
	begin("");
	expect("X\r\nRCPT TO:<no@example.org>\r\nRCPT TO:<x@remote.example>\r\nRCPT TO:<d@example.org>\r\n", "500 550 550 250");
	expect("RCPT TO:<no@example.org>\r\nNOOP\r\n", "550 421");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(refused_recipients_are_no_bad_commands)
{
	fake->config.smtp_errors = 3;
	fake_replies(fake);
	begin("");
	for (int i = 0; i < 100; i++)
		expect("RCPT TO:<no@example.org>\r\n", "550");
}
END_TEST

START_TEST(time_runs_out_with_421)
{
	fake_replies(fake);
	ck_assert_uint_eq(fake->deadline, fake->config.smtp_command_timeout * 1000);
	begin("");
	expect("DATA\r\n", "354");
	ck_assert_uint_eq(fake->deadline, fake->config.smtp_data_timeout * 1000);
	fake->deadline = 1;
	fake_send_string(fake, "a byte now and then");
	ck_assert_uint_eq(fake->deadline, 1);
	send_lines(500);
	ck_assert_uint_eq(fake->deadline, fake->config.smtp_data_timeout * 1000);
	fake_time_out(fake);
	ck_assert_str_eq(fake_replies(fake), "421 4.4.2 Timeout, closing\r\n");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(a_command_that_drips_earns_no_time)
{
	fake_replies(fake);
	fake->deadline = 1;
	fake_send_string(fake, "NO");
	ck_assert_uint_eq(fake->deadline, 1);
	fake_send_string(fake, "OP\r\n");
	ck_assert_uint_eq(fake->deadline, fake->config.smtp_command_timeout * 1000);
}
END_TEST

START_TEST(shutdown_says_421_but_lets_a_message_finish)
{
	fake_replies(fake);
	begin("");
	fake->patient = true;
	expect("DATA\r\n.\r\n", "354");
	session_shut_down(fake->session);
	ck_assert_str_eq(fake_codes(fake), "");
	fake_answer_all(fake);
	ck_assert_str_eq(fake_codes(fake), "250 421");
	ck_assert_ptr_null(fake->session);
	fake_connect(fake, false);
	fake_replies(fake);
	session_shut_down(fake->session);
	ck_assert_str_eq(fake_replies(fake), "421 4.3.2 The service is shutting down\r\n");
}
END_TEST

START_TEST(an_idle_session_has_no_transaction)
{
	fake_replies(fake);
	begin("");
	ck_assert_ptr_nonnull(fake->session->transaction);
	expect("DATA\r\n.\r\n", "354 250");
	ck_assert_ptr_null(fake->session->transaction);
	begin("");
	expect("RSET\r\n", "250");
	ck_assert_ptr_null(fake->session->transaction);
}
END_TEST

UNIT_MAIN_WITH("smtp_session", setup, teardown,
	the_greeting_has_220_the_host_and_esmtp,
	ehlo_offers_the_extensions,
	starttls_is_offered_with_a_certificate_and_forgets_everything,
	starttls_is_unknown_without_a_certificate_and_refused_without_a_keeper,
	names_that_could_forge_a_header_are_refused,
	commands_out_of_order_get_503,
	each_class_of_address_has_its_reply,
	a_client_that_may_relay_sends_to_other_domains,
	a_stranger_sends_no_way_around_to_a_relayed_domain,
	parameters_of_a_remote_recipient_stand_in_the_envelope,
	while_the_queue_has_no_space_mail_is_refused_before_it_is_sent,
	a_queue_that_was_started_again_has_space_until_it_says_otherwise,
	pipelined_recipients_are_asked_at_once_and_answered_in_order,
	ten_thousand_recipients_are_all_answered_and_no_more_than_the_limit_kept,
	at_the_limit_a_recipient_waits_for_those_before_it,
	no_more_than_a_window_of_lookups_is_under_way,
	a_recipient_named_twice_is_accepted_and_put_once,
	a_lost_table_gives_a_temporary_failure,
	a_bare_line_feed_ends_no_command,
	a_line_that_is_too_long_is_refused_once_and_not_kept,
	control_characters_and_unannounced_bytes_are_refused,
	unknown_commands_and_parameters_get_500_and_555,
	too_many_bad_commands_end_the_session_with_421,
	messages_over_the_rate_of_an_address_get_450,
	recipients_over_the_rate_of_an_address_get_450_and_are_not_looked_up,
	an_address_that_makes_too_many_mistakes_is_sent_away,
	refused_recipients_are_no_bad_commands,
	time_runs_out_with_421,
	a_command_that_drips_earns_no_time,
	shutdown_says_421_but_lets_a_message_finish,
	an_idle_session_has_no_transaction)
