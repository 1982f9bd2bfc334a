/*
 * SMTP sessions: content in chunks, and binary content (RFC 3030).
 */
#include "t/unit/smtp_test.h"

START_TEST(chunks_make_a_message)
{
	fake_replies(fake);
	begin("");
	expect("BDAT 12\r\nSubject: s\r\nBDAT 8\r\n\r\n.\r\n.\r\nBDAT 0 LAST\r\n", "250 250 250");
	ck_assert_str_eq(content(), "Subject: s\r\n\r\n.\r\n.\r\n");
	begin("");
	expect("BDAT 3 LAST\r\na:b", "250");
	ck_assert_str_eq(content(), "a:b\r\n");
}
END_TEST

START_TEST(a_refused_chunk_is_swallowed)
{
	fake_replies(fake);
	expect("BDAT 6\r\nNOOP\r\nNOOP\r\n", "503 250");
	hello();
	expect("MAIL FROM:<a@b.example>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 250");
	expect("RSET\r\n", "250");
	begin("");
	expect("BDAT 4\r\na: bDATA\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@example.org>\r\nNOOP\r\nRSET\r\n", "250 503 503 503 250 250");
	expect("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "503 250");
}
END_TEST

START_TEST(a_chunk_after_a_failed_one_fails_in_the_same_way)
{
	fake_replies(fake);
	begin("");
	fake->queued_down = true;
	fake_restart_queued(fake);
	expect("BDAT 2\r\nabBDAT 2 LAST\r\ncdNOOP\r\n", "451 451 250");
	fake->queued_down = false;
	fake_restart_queued(fake);
	begin("");
	expect("BDAT 3\r\na\nbBDAT 2 LAST\r\ncdNOOP\r\n", "550 550 250");
	fake->config.message_size_limit = 1000;
	begin("");
	fake_send_string(fake, "BDAT 2000 LAST\r\n");
	for (int i = 0; i < 200; i++)
		fake_send_string(fake, "RCPT TO:\r\n");
	ck_assert_str_eq(fake_codes(fake), "552");
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

START_TEST(a_line_end_may_be_split_between_chunks_but_not_left_open)
{
	fake_replies(fake);
	begin("");
	expect("BDAT 5\r\na: b\rBDAT 1 LAST\r\n\n", "250 250");
	ck_assert_str_eq(content(), "a: b\r\n");
	begin("");
	expect("BDAT 5 LAST\r\na: b\rNOOP\r\n", "550 250");
}
END_TEST

START_TEST(a_malformed_chunk_size_ends_the_session)
{
	fake_replies(fake);
	begin("");
	expect("BDAT\r\n", "501");
	expect("BDAT x LAST\r\nMAIL FROM:<a@b.example>\r\n", "501");
	ck_assert_ptr_null(fake->session);
}
END_TEST

START_TEST(binary_content_needs_bdat_and_becomes_lines)
{
	fake_replies(fake);
	begin(" BODY=BINARYMIME");
	expect("DATA\r\n", "503");
	fake_send(fake, SLICE("BDAT 40\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\nBDAT 2 LAST\r\n\xff\r"));
	ck_assert_str_eq(fake_codes(fake), "250 250");
	ck_assert_str_eq(content(), "Content-Transfer-Encoding: base64\r\n\r\nAA0K/w0=\r\n");
	ck_assert_uint_eq(envelope_flags(), 0);
}
END_TEST

START_TEST(a_message_announced_as_binary_may_consist_of_lines)
{
	fake_replies(fake);
	begin(" BODY=BINARYMIME SMTPUTF8");
	expect("BDAT 17 LAST\r\nSubject: s\r\n\r\n\xe9\r\n", "250");
	ck_assert_uint_eq(envelope_flags(), ENVELOPE_8BITMIME | ENVELOPE_SMTPUTF8);
}
END_TEST

START_TEST(binary_content_that_cannot_be_converted_is_refused_with_554)
{
	fake_replies(fake);
	begin(" BODY=BINARYMIME");
	fake_send(fake, SLICE("BDAT 9\r\na: b\r\n\r\n\0BDAT 2 LAST\r\nxyNOOP\r\n"));
	ck_assert_str_eq(fake_codes(fake), "554 554 250");
	begin(" BODY=BINARYMIME");
	expect("BDAT 9 LAST\r\na: b\r\n\r\n\r", "554");
	begin(" BODY=BINARYMIME");
	expect("BDAT 11 LAST\r\nno header\r\n", "554");
	ck_assert_uint_eq(fake->message.count, 0);
}
END_TEST

START_TEST(large_binary_content_becomes_lines_in_a_spool_file)
{
	enum { CHUNKS = 20, CHUNK = 100000 };
	static char zeros[CHUNK];
	const size_t lines = (CHUNKS * CHUNK + 56) / 57;
	const size_t length = (CHUNKS * CHUNK + 2) / 3 * 4 + lines * 2;
	struct slice body;

	fake_replies(fake);
	begin(" BODY=BINARYMIME");
	expect("BDAT 37\r\nContent-Transfer-Encoding: binary\r\n\r\n", "250");
	for (int i = 0; i < CHUNKS; i++) {
		fake_send_string(fake, "BDAT 100000\r\n");
		fake_send(fake, slice_of(zeros, sizeof(zeros)));
		ck_assert_str_eq(fake_codes(fake), "250");
	}
	expect("BDAT 0 LAST\r\n", "250");
	ck_assert(fake->message.in_file);
	body = buffer_slice(&fake->message.body);
	ck_assert_uint_gt(body.length, length);
	body = slice_from(body, body.length - length);
	for (size_t at = 0; at < length - 78; at += 78)
		ck_assert_int_eq(memcmp(body.data + at, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n", 78), 0);
}
END_TEST

START_TEST(a_large_chunked_body_goes_into_a_spool_file)
{
	fake_replies(fake);
	begin("");
	for (int i = 0; i < 100; i++) {
		fake_send_string(fake, "BDAT 8000\r\n");
		for (int j = 0; j < 100; j++)
			fake_send_string(fake, "...............................................................................\n");
		ck_assert_str_eq(fake_codes(fake), "550");
	}
	expect("RSET\r\n", "250");
	begin("");
	for (int i = 0; i < 100; i++) {
		fake_send_string(fake, "BDAT 8000\r\n");
		for (int j = 0; j < 100; j++)
			fake_send_string(fake, "..............................................................................\r\n");
		ck_assert_str_eq(fake_codes(fake), "250");
	}
	expect("BDAT 0 LAST\r\n", "250");
	ck_assert(fake->message.in_file);
	ck_assert_uint_gt(buffer_length(&fake->message.body), 800000);
}
END_TEST

UNIT_MAIN_WITH("smtp_chunking", setup, teardown,
	chunks_make_a_message,
	a_refused_chunk_is_swallowed,
	a_chunk_after_a_failed_one_fails_in_the_same_way,
	a_line_end_may_be_split_between_chunks_but_not_left_open,
	a_malformed_chunk_size_ends_the_session,
	binary_content_needs_bdat_and_becomes_lines,
	a_message_announced_as_binary_may_consist_of_lines,
	binary_content_that_cannot_be_converted_is_refused_with_554,
	large_binary_content_becomes_lines_in_a_spool_file,
	a_large_chunked_body_goes_into_a_spool_file)
