/*
 * SMTP sessions: what becomes of a message's content, and what the queue gets.
 */
#include "smtpd/transaction.h"
#include "t/unit/smtp_test.h"

START_TEST(a_message_reaches_the_queue_with_its_envelope)
{
	struct envelope envelope;

	fake_replies(fake);
	begin(" BODY=8BITMIME RET=HDRS ENVID=a+2Bb");
	expect("RCPT TO:<c@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y\r\n", "250");
	expect("DATA\r\n", "354");
	fake_send_string(fake, "Subject: s\r\n\r\ntext\r\n.\r\n");
	ck_assert_str_eq(fake_replies(fake), "250 2.0.0 Ok: queued as 0000000000001\r\n");
	ck_assert_str_eq(content(), "Subject: s\r\n\r\ntext\r\n");
	ck_assert_int_eq(envelope_decode(buffer_slice(&fake->message.envelope), &envelope), 0);
	ck_assert(slice_equal(envelope.sender, SLICE("a@example.net")));
	ck_assert(slice_equal(envelope.envid, SLICE("a+b")));
	ck_assert(slice_equal(envelope.client, SLICE("192.0.2.1")));
	ck_assert_uint_eq(envelope.flags, ENVELOPE_8BITMIME | ENVELOPE_RET_HDRS);
	ck_assert_uint_eq(envelope.recipient_count, 2);
	ck_assert(slice_equal(envelope.recipients[1].address, SLICE("c@example.org")));
	ck_assert(slice_equal(envelope.recipients[1].orcpt, SLICE("rfc822;x@y")));
	ck_assert_uint_eq(envelope.recipients[1].notify, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE);
	envelope_free(&envelope);
	expect("RCPT TO:<c@example.org>\r\nQUIT\r\n", "503 221");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(received_names_client_host_protocol_id_and_the_only_recipient)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\n.\r\n", "354 250");
	ck_assert(strstr(fake_body(fake), "Received: from client.example.net ([192.0.2.1])\r\n"
	                                  "\tby mail.example.org with ESMTP id 0000000000001\r\n"
	                                  "\tfor <b@example.org>; ") == fake_body(fake));
	expect("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n.\r\n",
	       "250 250 250 250 354 250");
	ck_assert(strstr(fake_body(fake), "with SMTP id") != NULL);
	ck_assert(strstr(fake_body(fake), "for <") == NULL);
	expect("EHLO x\r\nMAIL FROM:<\xc3\xbc@x.example> SMTPUTF8\r\nRCPT TO:<b@example.org>\r\nDATA\r\n.\r\n", "250 250 250 354 250");
	ck_assert(strstr(fake_body(fake), "with UTF8SMTP id") != NULL);
}
END_TEST

START_TEST(a_queue_that_is_down_gives_a_temporary_failure_at_data)
{
	fake_replies(fake);
	begin("");
	fake->queued_down = true;
	fake_restart_queued(fake);
	expect("DATA\r\nNOOP\r\n", "451 250");
	fake->queued_down = false;
	fake_restart_queued(fake);
	begin("");
	expect("DATA\r\n.\r\n", "354 250");
}
END_TEST

START_TEST(a_queue_that_starts_anew_during_data_gives_a_temporary_failure)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\n", "354");
	fake_restart_queued(fake);
	expect("text\r\n.\r\n", "451");
	ck_assert_uint_eq(fake->message.count, 0);
	begin("");
	expect("DATA\r\n.\r\n", "354 250");
}
END_TEST

START_TEST(a_queue_lost_before_its_answer_gives_a_temporary_failure)
{
	fake_replies(fake);
	begin("");
	fake->patient = true;
	expect("DATA\r\ntext\r\n.\r\nNOOP\r\n", "354");
	fake_restart_queued(fake);
	ck_assert_str_eq(fake_codes(fake), "451 250");
}
END_TEST

START_TEST(each_answer_of_the_queue_has_its_reply)
{
	static const struct {
		enum submit_result result;
		const char *codes;
	} cases[] = {
		{ SUBMIT_TEMPORARY, "354 451" },
		{ SUBMIT_NO_SPACE, "354 452" },
		{ SUBMIT_TOO_BIG, "354 552" },
	};

	fake_replies(fake);
	for (size_t i = 0; i < 3; i++) {
		begin("");
		fake->message_result = cases[i].result;
		expect("DATA\r\n.\r\n", cases[i].codes);
	}
}
END_TEST

START_TEST(a_large_body_goes_into_a_spool_file)
{
	size_t header;

	fake_replies(fake);
	begin("");
	expect("DATA\r\nSubject: large\r\n\r\n", "354");
	send_lines(5000);
	ck_assert_uint_eq(fake->opened, 1);
	expect(".\r\n", "250");
	ck_assert(fake->message.in_file);
	header = (size_t)(strstr(fake_body(fake), "Subject:") - fake_body(fake));
	ck_assert_uint_eq(buffer_length(&fake->message.body), header + 18 + 5000 * 79);
	ck_assert_uint_eq(fake->aborted, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_gives_its_spool_file_up_and_submits_nothing)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\n", "354");
	send_lines(2000);
	fake_hang_up(fake);
	ck_assert_ptr_null(fake->session);
	ck_assert_uint_eq(fake->aborted, 1);
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_after_the_end_loses_nothing)
{
	fake_replies(fake);
	begin("");
	fake->patient = true;
	expect("DATA\r\n", "354");
	send_lines(2000);
	fake_answer_all(fake);
	fake_send_string(fake, ".\r\n");
	ck_assert_uint_eq(fake->message.count, 1);
	fake_hang_up(fake);
	ck_assert_uint_eq(fake->aborted, 0);
}
END_TEST

START_TEST(a_refused_spool_file_is_answered_after_the_end)
{
	fake_replies(fake);
	begin("");
	fake->open_result = SUBMIT_NO_SPACE;
	expect("DATA\r\n", "354");
	send_lines(2000);
	expect(".\r\n", "452");
	ck_assert_uint_eq(fake->aborted, 0);
}
END_TEST

START_TEST(a_message_over_the_limit_is_drained_and_refused)
{
	fake->config.message_size_limit = 100000;
	fake->config.inline_limit = 65536;
	fake_replies(fake);
	hello();
	expect("MAIL FROM:<a@b.example> SIZE=100001\r\n", "552");
	begin(" SIZE=100000");
	expect("DATA\r\n", "354");
	send_lines(2000);
	expect(".\r\nNOOP\r\n", "552 250");
	ck_assert_uint_eq(fake->aborted, 1);
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

START_TEST(bare_line_ends_are_refused_at_the_end_and_smuggle_nothing)
{
	static const char *const cases[] = {
		"x\n.\n", "x\n.\r\n", "x\r\n.\n", "x\r.\r", "x\r\n.\r", "x\r.\r\n", "x\n.\r", "x\r.\n", "\r\n.\r\r\n", "a\rb", "a\nb", "\n",
	};

	fake->config.smtp_errors = 1000;
	fake_replies(fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin("");
		expect("DATA\r\n", "354");
		fake_send_string(fake, cases[i]);
		fake_send_string(fake, "MAIL FROM:<evil@b.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nevil\r\n.\r\n");
		ck_assert_str_eq(fake_codes(fake), "550");
	}
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

START_TEST(a_nul_byte_in_the_text_is_refused)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\n", "354");
	fake_send(fake, SLICE("a\0b\r\n.\r\n"));
	ck_assert_str_eq(fake_codes(fake), "550");
}
END_TEST

START_TEST(too_many_hops_are_refused)
{
	fake->config.hops_limit = 2;
	fake_replies(fake);
	begin("");
	expect("DATA\r\nReceived: a\r\nreceived : b\r\n\r\nReceived: in the body\r\n.\r\n", "354 250");
	begin("");
	expect("DATA\r\nReceived: a\r\nRECEIVED: b\r\n folded\r\nReceived: c\r\n\r\n.\r\n", "354 554");
}
END_TEST

START_TEST(submission_adds_what_is_missing_at_the_end_of_the_header)
{
	const char *at;

	fake_hang_up(fake);
	fake->config.relay_networks.list[0] = (struct config_network){ .family = AF_INET, .bits = 0 };
	fake_connect(fake, true);
	fake_replies(fake);
	begin("");
	expect("DATA\r\nSubject: s\r\n\r\ntext\r\n.\r\n", "354 250");
	ck_assert(strstr(content(), "Subject: s\r\nDate: ") == content());
	at = strstr(content(), "\r\nMessage-ID: <");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, ".0000000000001@mail.example.org>\r\n\r\ntext\r\n"));
	begin("");
	expect("DATA\r\nDATE: x\r\nmessage-id: y\r\n\r\ntext\r\n.\r\n", "354 250");
	ck_assert_str_eq(content(), "DATE: x\r\nmessage-id: y\r\n\r\ntext\r\n");
	begin("");
	expect("DATA\r\nno header\r\n.\r\n", "354 250");
	ck_assert_ptr_nonnull(strstr(content(), "\r\n\r\nno header\r\n"));
}
END_TEST

START_TEST(a_message_without_a_header_gets_an_empty_line_before_its_text)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\nno header\r\n.\r\n", "354 250");
	ck_assert_str_eq(content(), "\r\nno header\r\n");
	begin("");
	expect("DATA\r\n\r\ntext\r\n.\r\n", "354 250");
	ck_assert_str_eq(content(), "\r\ntext\r\n");
	begin("");
	expect("DATA\r\nSubject: s\r\nno field\r\n\r\n.\r\n", "354 250");
	ck_assert_str_eq(content(), "Subject: s\r\nno field\r\n\r\n");
}
END_TEST

START_TEST(eight_bit_text_is_accepted_and_marked)
{
	fake_replies(fake);
	begin("");
	expect("DATA\r\nSubject: s\r\n\r\n\xe9\r\n.\r\n", "354 250");
	ck_assert_uint_eq(envelope_flags(), ENVELOPE_8BITMIME);
}
END_TEST

START_TEST(more_messages_than_a_range_has_ids_are_taken)
{
	uint64_t last = 0;

	fake_replies(fake);
	for (int i = 0; i < 3 * SUBMIT_IDS_COUNT; i++) {
		begin("");
		expect("DATA\r\n.\r\n", "354 250");
		ck_assert_uint_gt(fake->message.id, last);
		last = fake->message.id;
	}
}
END_TEST

/* Leaves BYTES of smtp_memory, from now on. */
static void
leave_memory(size_t bytes)
{
	fake->config.smtp_memory = buffer_memory() + transaction_memory() + bytes;
}

START_TEST(without_memory_new_messages_and_recipients_get_452)
{
	fake_replies(fake);
	hello();
	leave_memory(0);
	fake_send_string(fake, "MAIL FROM:<a@example.net>\r\n");
	ck_assert_str_eq(fake_replies(fake), "452 4.3.1 Too many messages are under way; try again later\r\n");
	fake->config.smtp_memory = 1 << 20;
	expect("MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\n", "250 250");
	leave_memory(0);
	expect("RCPT TO:<c@example.org>\r\nDATA\r\n", "452 452");
	fake->config.smtp_memory = 1 << 20;
	begin("");
	leave_memory(0);
	expect("BDAT 3\r\nx\r\nBDAT 2 LAST\r\n\r\n", "452 452");
	ck_assert_uint_eq(transaction_memory(), 0);
}
END_TEST

START_TEST(without_memory_a_client_that_reads_no_replies_is_cut_off_and_the_others_stay)
{
	fake_replies(fake);
	hello();
	leave_memory(0);
	expect("NOOP\r\n", "250");
	fake->unsent = 10000;
	fake_send_string(fake, "NOOP\r\n");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(a_message_under_way_that_fills_the_memory_is_refused_at_its_end_and_keeps_none)
{
	size_t before;

	fake->config.inline_limit = 1 << 20;
	fake->config.smtp_memory = 1 << 30;
	fake_replies(fake);
	begin("");
	expect("DATA\r\n", "354");
	before = buffer_memory();
	leave_memory(100 * 1024);
	send_lines(4000);
	ck_assert_uint_le(buffer_memory(), before + 100 * 1024);
	expect(".\r\n", "452");
	fake->config.smtp_memory = 1 << 30;
	begin("");
	expect("DATA\r\n", "354");
	send_lines(4000);
	expect(".\r\n", "250");
}
END_TEST

UNIT_MAIN_WITH("smtp_content", setup, teardown,
	a_message_reaches_the_queue_with_its_envelope,
	received_names_client_host_protocol_id_and_the_only_recipient,
	a_queue_that_is_down_gives_a_temporary_failure_at_data,
	a_queue_that_starts_anew_during_data_gives_a_temporary_failure,
	a_queue_lost_before_its_answer_gives_a_temporary_failure,
	each_answer_of_the_queue_has_its_reply,
	a_large_body_goes_into_a_spool_file,
	a_client_that_vanishes_gives_its_spool_file_up_and_submits_nothing,
	a_client_that_vanishes_after_the_end_loses_nothing,
	a_refused_spool_file_is_answered_after_the_end,
	a_message_over_the_limit_is_drained_and_refused,
	bare_line_ends_are_refused_at_the_end_and_smuggle_nothing,
	a_nul_byte_in_the_text_is_refused,
	too_many_hops_are_refused,
	submission_adds_what_is_missing_at_the_end_of_the_header,
	a_message_without_a_header_gets_an_empty_line_before_its_text,
	eight_bit_text_is_accepted_and_marked,
	more_messages_than_a_range_has_ids_are_taken,
	without_memory_new_messages_and_recipients_get_452,
	without_memory_a_client_that_reads_no_replies_is_cut_off_and_the_others_stay,
	a_message_under_way_that_fills_the_memory_is_refused_at_its_end_and_keeps_none)
