/*
 * The session role of pop3d: how a session begins, by a ticket from a login worker, and how it ends.
 */
#include "t/unit/pop3_session_fixture.h"

START_TEST(a_redeemed_ticket_opens_the_maildrop_and_what_the_client_sent_ahead_is_answered)
{
	write_file("example.org/u/new/1.a,S=3,W=4", "hi\n");
	log_in("STAT\r\nRETR 1\r\nNO");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 4\r\n+OK 4 octets\r\nhi\r\n.\r\n");
	expect("OP\r\n", "+OK\r\n");
	expect("QUIT\r\n", "+OK bye\r\n");
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_ticket_that_is_not_known_opens_nothing)
{
	struct buffer payload;

	buffer_init(&payload, 16);
	ck_assert_int_eq(buffer_append(&payload, "\1", 1), 0);
	hand_over("");
	ck_assert_int_eq(answer(&payload), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_client_is_told_when_tabled_is_away)
{
	tabled_is_down = true;
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
	ck_assert(is_closed());
}
END_TEST

START_TEST(a_malformed_answer_of_tabled_breaks_its_channel_and_opens_nothing)
{
	struct buffer payload;

	buffer_init(&payload, 16);
	ck_assert_int_eq(buffer_append(&payload, "\0\4\0\0\0u@e", 8), 0);
	hand_over("");
	ck_assert_int_lt(answer(&payload), 0);
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/TEMP] "));
}
END_TEST

START_TEST(a_path_or_folder_that_leads_elsewhere_opens_nothing)
{
	static const char *const pairs[][2] = {
		{ "", "../etc" },         { "", "/etc" },
		{ "", "" },               { "..", "example.org/u" },
		{ "a/../../v", "example.org/u" }, { "No", "example.org/u" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		hand_over("");
		ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
		redeem(pairs[i][0], pairs[i][1]);
		ck_assert_ptr_nonnull(strstr(received(), "-ERR [SYS/PERM] "));
		ck_assert(is_closed());
		close(client);
	}
}
END_TEST

START_TEST(a_worker_with_all_its_sessions_takes_no_more)
{
	int first;

	config.pop3_sessions = 1;
	log_in("");
	first = client;
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_FULL);
	ck_assert(is_closed());
	client = first;
	received();
	expect("NOOP\r\n", "+OK\r\n");
}
END_TEST

static void
assert_channel_closed(void)
{
	char byte;

	turn();
	ck_assert_int_eq(recv(login_worker, &byte, 1, 0), 0);
	close(login_worker);
	open_channel();
}

START_TEST(a_login_worker_that_breaks_the_protocol_is_cut_off_and_hurts_no_session)
{
	static const char garbage[32] = { 1, 0, 0, 0, 99, 0 };
	int file = open(directory, O_RDONLY | O_DIRECTORY);
	int pair[2];

	log_in("");
	received();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	hand_over_as(pair[0], TABLE_TICKET_SIZE - 1, "");
	assert_channel_closed();
	hand_over_as(file, TABLE_TICKET_SIZE, ""); /* no socket */
	assert_channel_closed();
	hand_over_as(-1, TABLE_TICKET_SIZE, ""); /* nothing at all */
	assert_channel_closed();
	send_bytes(slice_of(garbage, sizeof(garbage)), -1);
	assert_channel_closed();
	expect("NOOP\r\n", "+OK\r\n");
	hand_over("");
	ck_assert_int_eq(handoff_result(), HANDOFF_TAKEN);
}
END_TEST

START_TEST(a_client_that_leaves_after_quit_has_its_deletions_carried_out)
{
	write_file("example.org/u/new/1.a", "hi\n");
	log_in("");
	ck_assert_int_eq(send(client, "DELE 1\r\nQUIT\r\n", 14, 0), 14);
	close(client);
	turn();
	ck_assert(!exists("example.org/u/new/1.a"));
}
END_TEST

START_TEST(a_client_that_leaves_without_quit_deletes_nothing_and_frees_the_maildrop)
{
	int first;

	write_file("example.org/u/new/1.a", "hi\n");
	log_in("DELE 1\r\n");
	first = client;
	log_in("");
	ck_assert_ptr_nonnull(strstr(received(), "-ERR [IN-USE] "));
	close(first);
	turn();
	log_in("STAT\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 4\r\n");
	ck_assert(exists("example.org/u/new/1.a"));
}
END_TEST

START_TEST(deletions_that_fail_are_reported_and_the_others_are_done)
{
	write_file("example.org/u/new/1.a", "hi\n");
	write_file("example.org/u/new/2.b", "hi\n");
	log_in("DELE 1\r\nDELE 2\r\n");
	received();
	/* A directory in the place of the file cannot be unlinked, not even by root. */
	ck_assert_int_eq(unlinkat(root, "example.org/u/new/1.a", 0), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/u/new/1.a", 0700), 0);
	expect("QUIT\r\n", "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
	ck_assert(!exists("example.org/u/new/2.b"));
}
END_TEST

UNIT_MAIN_WITH("pop3_session", setup, teardown,
	a_redeemed_ticket_opens_the_maildrop_and_what_the_client_sent_ahead_is_answered,
	a_ticket_that_is_not_known_opens_nothing,
	a_client_is_told_when_tabled_is_away,
	a_malformed_answer_of_tabled_breaks_its_channel_and_opens_nothing,
	a_path_or_folder_that_leads_elsewhere_opens_nothing,
	a_worker_with_all_its_sessions_takes_no_more,
	a_login_worker_that_breaks_the_protocol_is_cut_off_and_hurts_no_session,
	a_client_that_leaves_after_quit_has_its_deletions_carried_out,
	a_client_that_leaves_without_quit_deletes_nothing_and_frees_the_maildrop,
	deletions_that_fail_are_reported_and_the_others_are_done)
