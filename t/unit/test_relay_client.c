/*
 * Sessions of the relay's client that go as they should: what it says, and what it makes of the replies.
 */
#include "t/unit/unit.h"

#include "common/mail/envelope.h"
#include "t/unit/relay_world.h"

static struct world *world;

static void
setup(void)
{
	world = world_new();
}

static void
teardown(void)
{
	world_free(world);
}

static void
ck_hears(const char *expected)
{
	ck_assert_str_eq(world_hears(world), expected);
}

static void
ck_result(size_t index, enum relay_result result, const char *status, const char *text)
{
	ck_assert_str_eq(world->recipients[index].result.text, text);
	ck_assert_str_eq(world->recipients[index].result.status, status);
	ck_assert_int_eq(world->recipients[index].result.result, result);
}

START_TEST(a_message_goes_command_by_command_to_a_server_that_offers_nothing)
{
	setup();
	world_connect(world);
	ck_hears("");
	world_says(world, "220-remote\r\n220 says hello\r\n");
	ck_hears("EHLO me.example\r\n");
	world_says(world, "250 remote\r\n");
	ck_assert_uint_eq(world->readies, 1);
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com>\r\n");
	world_says(world, "250 Ok\r\n");
	ck_hears("RCPT TO:<a@example.org>\r\n");
	world_says(world, "250 Ok\r\n");
	ck_hears("DATA\r\n");
	world_says(world, "354 go on\r\n");
	ck_hears("Subject: x\r\n\r\nhello\r\n.\r\n");
	ck_assert_uint_eq(world->dones, 0);
	world_says(world, "250 2.6.0 Queued as 1\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert(world->outcome.usable && !world->outcome.dsn && !world->outcome.busy && !world->outcome.untouched);
	ck_result(0, RELAY_DONE, "2.6.0", "250 2.6.0 Queued as 1");
	client_quit(&world->client);
	world_turn(world);
	ck_hears("QUIT\r\n");
	teardown();
}
END_TEST

START_TEST(helo_is_said_to_a_server_that_does_not_know_ehlo)
{
	setup();
	world_connect(world);
	world_says(world, "220 remote\r\n");
	ck_hears("EHLO me.example\r\n");
	world_says(world, "502 What\r\n");
	ck_hears("HELO me.example\r\n");
	world_says(world, "250-PIPELINING\r\n250 remote\r\n");
	ck_assert_uint_eq(world->readies, 1);
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com>\r\n"); /* what HELO answers offers nothing */
	teardown();
}
END_TEST

START_TEST(the_first_line_of_the_reply_to_ehlo_offers_nothing)
{
	setup();
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_says(world, "250-PIPELINING is my name\r\n250 HELP\r\n");
	world_hears(world);
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com>\r\n");
	teardown();
}
END_TEST

START_TEST(with_pipelining_all_commands_leave_at_once_and_results_are_kept_apart)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n");
	world_hears(world);
	world->transaction.recipient_count = 3;
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n");
	world_says(world, "250 Ok\r\n550 5.1.1 No such\r\n250 Ok\r\n452 4.2.2 Full\r\n354 go\r\n");
	ck_hears("Subject: x\r\n\r\nhello\r\n.\r\n");
	world_says(world, "250 Ok\r\n");
	ck_result(0, RELAY_PERMANENT, "5.1.1", "550 5.1.1 No such");
	ck_result(1, RELAY_DONE, "2.0.0", "250 Ok");
	ck_result(2, RELAY_TEMPORARY, "4.2.2", "452 4.2.2 Full");
	ck_assert(world->outcome.usable);
	teardown();
}
END_TEST

START_TEST(a_small_message_leaves_with_its_commands_where_chunking_is_offered)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1000\r\n");
	world_hears(world);
	world->again = true;
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com> SIZE=21\r\nRCPT TO:<a@example.org>\r\nBDAT 21 LAST\r\nSubject: x\r\n\r\nhello\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n250 Ok\r\n");
	/* The second one follows over the same session, without RSET. */
	ck_hears("MAIL FROM:<s@example.com> SIZE=21\r\nRCPT TO:<a@example.org>\r\nBDAT 21 LAST\r\nSubject: x\r\n\r\nhello\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n250 2.0.0 second\r\n");
	ck_assert_uint_eq(world->dones, 2);
	ck_result(0, RELAY_DONE, "2.0.0", "250 2.0.0 second");
	teardown();
}
END_TEST

START_TEST(when_all_recipients_are_refused_a_pipelined_bdat_is_refused_too)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world->transaction.recipient_count = 2;
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n550 no a\r\n450 not now\r\n");
	ck_assert_uint_eq(world->dones, 0);
	world_says(world, "503 no valid recipients\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_result(0, RELAY_PERMANENT, "5.0.0", "550 no a");
	ck_result(1, RELAY_TEMPORARY, "4.0.0", "450 not now");
	ck_assert(world->outcome.usable);
	/* What may be still open is reset with the next. */
	world->transaction.recipient_count = 1;
	world_send(world);
	ck_hears("RSET\r\nMAIL FROM:<s@example.com>\r\nRCPT TO:<a@example.org>\r\nBDAT 21 LAST\r\nSubject: x\r\n\r\nhello\r\n");
	world_says(world, "250 reset\r\n250 Ok\r\n250 Ok\r\n250 done\r\n");
	ck_result(0, RELAY_DONE, "2.0.0", "250 done");
	teardown();
}
END_TEST

START_TEST(a_server_that_takes_data_for_nobody_gets_an_empty_message)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n");
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n550 no a\r\n354 go on\r\n");
	ck_hears(".\r\n");
	world_says(world, "250 Thanks\r\n");
	ck_result(0, RELAY_PERMANENT, "5.0.0", "550 no a");
	ck_assert(world->outcome.usable);
	teardown();
}
END_TEST

START_TEST(when_mail_is_refused_the_rest_of_the_pipeline_is_waited_for)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n");
	world->transaction.recipient_count = 2;
	world_send(world);
	world_hears(world);
	world_says(world, "451 4.7.1 Greylisted\r\n503 x\r\n503 x\r\n");
	ck_assert_uint_eq(world->dones, 0);
	world_says(world, "503 x\r\n");
	ck_result(0, RELAY_TEMPORARY, "4.7.1", "451 4.7.1 Greylisted");
	ck_result(1, RELAY_TEMPORARY, "4.7.1", "451 4.7.1 Greylisted");
	ck_assert(world->outcome.usable && world->outcome.deferred && !world->outcome.untouched);
	teardown();
}
END_TEST

START_TEST(without_pipelining_a_refused_mail_ends_the_transaction)
{
	setup();
	world_ready(world, "");
	world_send(world);
	world_hears(world);
	world_says(world, "553 5.1.8 Bad sender\r\n");
	ck_result(0, RELAY_PERMANENT, "5.1.8", "553 5.1.8 Bad sender");
	ck_assert(world->outcome.usable && !world->outcome.deferred);
	ck_hears("");
	teardown();
}
END_TEST

START_TEST(without_pipelining_a_transaction_that_failed_is_reset_before_the_next)
{
	setup();
	world_ready(world, "");
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n");
	ck_hears("RCPT TO:<a@example.org>\r\n");
	world_says(world, "550 No\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_hears("");
	world_send(world);
	ck_hears("RSET\r\n");
	world_says(world, "250 Ok\r\n");
	ck_hears("MAIL FROM:<s@example.com>\r\n");
	teardown();
}
END_TEST

START_TEST(by_lmtp_each_recipient_has_a_reply_at_the_end)
{
	setup();
	world->settings.lmtp = true;
	world_connect(world);
	world_says(world, "220 remote LMTP\r\n");
	ck_hears("LHLO me.example\r\n");
	world_says(world, "250-remote\r\n250 PIPELINING\r\n");
	world->transaction.recipient_count = 3;
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n550 No\r\n250 Ok\r\n354 go\r\n");
	ck_hears("Subject: x\r\n\r\nhello\r\n.\r\n");
	world_says(world, "250 2.1.5 a\r\n");
	ck_assert_uint_eq(world->dones, 0);
	world_says(world, "452 4.2.2 c\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_result(0, RELAY_DONE, "2.1.5", "250 2.1.5 a");
	ck_result(1, RELAY_PERMANENT, "5.0.0", "550 No");
	ck_result(2, RELAY_TEMPORARY, "4.2.2", "452 4.2.2 c");
	ck_assert(world->outcome.usable);
	teardown();
}
END_TEST

START_TEST(by_lmtp_the_last_chunk_has_a_reply_for_each_recipient_too)
{
	setup();
	world->settings.lmtp = true;
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world->transaction.recipient_count = 2;
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n250 Ok\r\n250 2.0.0 a\r\n450 b\r\n");
	ck_result(0, RELAY_DONE, "2.0.0", "250 2.0.0 a");
	ck_result(1, RELAY_TEMPORARY, "4.0.0", "450 b");
	ck_assert(world->outcome.usable);
	teardown();
}
END_TEST

START_TEST(by_lmtp_bdat_is_not_unknown_once_a_recipient_has_the_message)
{
	setup();
	world->settings.lmtp = true;
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world->transaction.recipient_count = 2;
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n250 Ok\r\n250 2.0.0 a\r\n500 b\r\n");
	ck_assert(!world->outcome.chunking_refused); /* all would get it again */
	ck_result(0, RELAY_DONE, "2.0.0", "250 2.0.0 a");
	ck_result(1, RELAY_PERMANENT, "5.0.0", "500 b");
	teardown();
}
END_TEST

START_TEST(lmtp_does_not_fall_back_to_helo)
{
	setup();
	world->settings.lmtp = true;
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_hears(world);
	world_says(world, "500 What\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_PERMANENT);
	teardown();
}
END_TEST

START_TEST(dsn_is_passed_on_where_it_is_offered)
{
	setup();
	world_ready(world, "250-PIPELINING\r\n250-DSN\r\n");
	world_hears(world);
	world->transaction.envid = SLICE("id");
	world->transaction.flags = RELAY_RET_HDRS;
	world->recipients[0].orcpt = SLICE("rfc822;o@example.net");
	world->recipients[0].notify = ENVELOPE_NOTIFY_SUCCESS;
	world_send(world);
	ck_hears("MAIL FROM:<s@example.com> RET=HDRS ENVID=id\r\nRCPT TO:<a@example.org> NOTIFY=SUCCESS ORCPT=rfc822;o@example.net\r\nDATA\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	world_says(world, "250 Ok\r\n");
	ck_assert(world->outcome.dsn);
	teardown();
}
END_TEST

START_TEST(a_message_over_the_announced_size_is_not_offered)
{
	setup();
	world_ready(world, "250-SIZE 20\r\n");
	world_hears(world);
	world_send(world);
	ck_assert_uint_eq(world->dones, 1);
	ck_hears("");
	ck_result(0, RELAY_PERMANENT, "5.3.4", "The message has 21 bytes, and the remote takes 20");
	ck_assert(world->outcome.usable && !world->outcome.untouched);
	teardown();
}
END_TEST

START_TEST(a_login_needs_tls)
{
	setup();
	world->settings.login = SLICE("user");
	world->settings.password = SLICE("secret");
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_hears(world);
	world_says(world, "250-remote\r\n250 AUTH PLAIN LOGIN\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->end.result.status, "4.7.11");
	client_quit(&world->client);
	world_turn(world);
	ck_hears("QUIT\r\n");
	teardown();
}
END_TEST

START_TEST(where_tls_is_needed_and_not_offered_no_mail_is_sent)
{
	setup();
	world->settings.tls = CLIENT_TLS_MUST;
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_says(world, "250 remote\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->end.result.status, "4.7.5");
	ck_assert(!world->end.tls_failed);
	teardown();
}
END_TEST

START_TEST(a_refused_starttls_is_gone_on_without_where_tls_may_be)
{
	setup();
	world->settings.tls = CLIENT_TLS_MAY;
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_hears(world);
	world_says(world, "250-remote\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
	ck_hears("STARTTLS\r\n");
	world_says(world, "454 4.7.0 Not now\r\n");
	ck_assert_uint_eq(world->readies, 1);
	teardown();
}
END_TEST

START_TEST(a_refused_starttls_defers_where_tls_must_be)
{
	setup();
	world->settings.tls = CLIENT_TLS_MUST;
	world_connect(world);
	world_says(world, "220 remote\r\n");
	world_says(world, "250-remote\r\n250 STARTTLS\r\n");
	world_says(world, "502 5.5.1 Not at all\r\n");
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_int_eq(world->end.result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->end.result.text, "502 5.5.1 Not at all");
	teardown();
}
END_TEST

START_TEST(a_client_may_be_closed_in_each_callback)
{
	setup();
	world->close_in_callback = true;
	world_ready(world, "");
	ck_assert_uint_eq(world->readies, 1);
	ck_assert_ptr_null(world->client);
	teardown();

	setup();
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world->close_in_callback = true;
	world_send(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n250 Ok\r\n250 too much\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_ptr_null(world->client);
	teardown();

	setup();
	world->close_in_callback = true;
	world_connect(world);
	world_drops(world);
	ck_assert_uint_eq(world->ends, 1);
	ck_assert_ptr_null(world->client);
	teardown();

	setup();
	world_ready(world, "250-SIZE 1\r\n");
	client_send(world->client, &world->transaction);
	client_close(&world->client); /* before it could say that the message is too large */
	world_turn(world);
	ck_assert_uint_eq(world->dones, 0);
	teardown();
}
END_TEST

UNIT_MAIN("relay_client", a_message_goes_command_by_command_to_a_server_that_offers_nothing, helo_is_said_to_a_server_that_does_not_know_ehlo,
          the_first_line_of_the_reply_to_ehlo_offers_nothing, with_pipelining_all_commands_leave_at_once_and_results_are_kept_apart,
          a_small_message_leaves_with_its_commands_where_chunking_is_offered, when_all_recipients_are_refused_a_pipelined_bdat_is_refused_too,
          a_server_that_takes_data_for_nobody_gets_an_empty_message, when_mail_is_refused_the_rest_of_the_pipeline_is_waited_for,
          without_pipelining_a_refused_mail_ends_the_transaction, without_pipelining_a_transaction_that_failed_is_reset_before_the_next,
          by_lmtp_each_recipient_has_a_reply_at_the_end, by_lmtp_the_last_chunk_has_a_reply_for_each_recipient_too,
          by_lmtp_bdat_is_not_unknown_once_a_recipient_has_the_message, lmtp_does_not_fall_back_to_helo, dsn_is_passed_on_where_it_is_offered, a_message_over_the_announced_size_is_not_offered, a_login_needs_tls,
          where_tls_is_needed_and_not_offered_no_mail_is_sent, a_refused_starttls_is_gone_on_without_where_tls_may_be,
          a_refused_starttls_defers_where_tls_must_be, a_client_may_be_closed_in_each_callback)
