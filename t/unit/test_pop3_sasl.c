/*
 * The login role of pop3d: AUTH (RFC 5034).
 */
#include "t/unit/pop3_login_fixture.h"

/* The fields of a question after service and client address. */
static struct wire_reader
login_question(uint16_t type)
{
	struct wire_reader reader = question(TABLED, type);

	ck_assert_slice(wire_get_slice(&reader), "pop3");
	ck_assert_slice(wire_get_slice(&reader), "192.0.2.1");
	return reader;
}

START_TEST(a_client_logs_in_by_plain_with_and_without_an_initial_response)
{
	static const char *const ways[] = { "AUTH PLAIN AHUAcA==\r\n", "AUTH plain\r\nAHUAcA==\r\n" };

	for (size_t i = 0; i < 2; i++) {
		struct wire_reader reader;

		say(ways[i]);
		reader = login_question(TABLE_AUTH);
		ck_assert_slice(wire_get_slice(&reader), "u");
		ck_assert_slice(wire_get_slice(&reader), "p");
		ck_assert_str_eq(received(), i == 0 ? "" : "+ \r\n");
		answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\1"));
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [AUTH] "));
	}
	say("AUTH PLAIN AHUAcA==\r\nSTAT\r\n");
	answer(TABLED, 0, TABLE_AUTH_REPLY, RIGHT);
	ck_assert_slice(slice_first(slice_from(slice_of(links[SESSION].out.data, buffer_length(&links[SESSION].out)), 16), 16), "0123456789abcdef");
	answer(SESSION, 0, HANDOFF_REPLY, SLICE("\0"));
}
END_TEST

START_TEST(a_client_logs_in_by_login_and_by_scram)
{
	struct wire_reader reader;

	expect("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
	expect("dQ==\r\n", "+ UGFzc3dvcmQ6\r\n");
	say("cA==\r\n");
	reader = login_question(TABLE_AUTH);
	ck_assert_slice(wire_get_slice(&reader), "u");
	ck_assert_slice(wire_get_slice(&reader), "p");
	answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\1"));
	received();
	say("AUTH SCRAM-SHA-256 biws\r\n");
	reader = login_question(TABLE_SCRAM_BEGIN);
	ck_assert_uint_eq(wire_get_u8(&reader), 0);
	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_slice(wire_get_slice(&reader), "");
	ck_assert_slice(wire_get_slice(&reader), "n,,");
	answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\0\7\0\0\0\0\0\0\0\3\0\0\0foo"));
	ck_assert_str_eq(received(), "+ Zm9v\r\n");
	say("YmFy\r\n");
	reader = question(TABLED, TABLE_SCRAM_FINISH);
	ck_assert_uint_eq(wire_get_u64(&reader), 7);
	ck_assert_slice(wire_get_slice(&reader), "bar");
	answer(TABLED, 0, TABLE_AUTH_REPLY, SLICE("\0\20\0\0\0" "0123456789abcdef" "\3\0\0\0" "u@e" "\3\0\0\0" "v=x"));
	ck_assert_str_eq(received(), "+ dj14\r\n");
	say("\r\n");
	question(SESSION, HANDOFF_TAKE);
	answer(SESSION, 0, HANDOFF_REPLY, SLICE("\0"));
}
END_TEST

START_TEST(what_is_wrong_in_a_sasl_exchange_ends_it_and_nothing_else)
{
	static char line[6000];

	expect("AUTH\r\n", "-ERR AUTH needs the name of a mechanism; CAPA lists them\r\n");
	expect("AUTH CRAM-MD5\r\n", "-ERR there is no such mechanism; CAPA lists them\r\n");
	expect("AUTH SCRAM-SHA-256-PLUS\r\n", "-ERR there is no such mechanism; CAPA lists them\r\n");
	expect("AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR cancelled\r\n");
	expect("AUTH PLAIN\r\n*a\r\n", "+ \r\n-ERR that is malformed\r\n");
	expect("AUTH PLAIN =\r\n", "-ERR that is malformed\r\n");
	expect("AUTH PLAIN\r\n", "+ \r\n");
	memset(line, 'A', sizeof(line) - 3);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	expect(line, "-ERR that is malformed\r\n");
	expect("NOOP\r\n", "-ERR log in first\r\n");
	say("AUTH SCRAM-SHA-256 biws\r\n");
	answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\3"));
	ck_assert_str_eq(received(), "-ERR that is malformed\r\n");
	say("AUTH SCRAM-SHA-256 biws\r\n");
	ck_assert_int_lt(answer(TABLED, 0, TABLE_SCRAM_CHALLENGE, SLICE("\0\7")), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
}
END_TEST

UNIT_MAIN_WITH("pop3_sasl", setup, teardown,
	a_client_logs_in_by_plain_with_and_without_an_initial_response,
	a_client_logs_in_by_login_and_by_scram,
	what_is_wrong_in_a_sasl_exchange_ends_it_and_nothing_else)
