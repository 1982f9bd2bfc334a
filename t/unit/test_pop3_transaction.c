/*
 * The session role of pop3d in the TRANSACTION state (RFC 1939 section 5): what commands say of messages and their sizes.
 */
#include "t/unit/pop3_session_fixture.h"

START_TEST(sizes_that_no_name_tells_are_counted_when_they_are_asked_for)
{
	write_file("example.org/u/new/1.a", "a\nb\n");
	write_file("example.org/u/cur/2.b:2,S", "a\r\nb");
	write_file("example.org/u/new/3.c", "");
	log_in("");
	received();
	expect("LIST 2\r\n", "+OK 2 4\r\n");
	expect("STAT\r\n", "+OK 3 10\r\n");
	expect("LIST\r\n", "+OK 3 messages (10 octets)\r\n1 6\r\n2 4\r\n3 0\r\n.\r\n");
	expect("RETR 3\r\n", "+OK 0 octets\r\n.\r\n");
	expect("UIDL 3\r\n", "+OK 3 3.c\r\n");
}
END_TEST

START_TEST(a_size_that_the_name_tells_wrong_is_corrected_when_the_message_was_read)
{
	write_file("example.org/u/new/1.a,S=99,W=100", "a\n.b\n");
	log_in("LIST 1\r\nRETR 1\r\nLIST 1\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 1 messages\r\n+OK 1 100\r\n+OK 100 octets\r\na\r\n..b\r\n.\r\n+OK 1 7\r\n");
}
END_TEST

START_TEST(a_message_longer_than_its_name_tells_arrives_whole)
{
	write_file("example.org/u/new/1.a,W=3", "a\nb\n");
	write_file("example.org/u/new/2.b,W=4", "a\nb");
	log_in("RETR 1\r\nRETR 2\r\nLIST 1\r\n");
	ck_assert_str_eq(received(), "+OK the maildrop has 2 messages\r\n+OK 3 octets\r\na\r\nb\r\n.\r\n+OK 4 octets\r\na\r\nb\r\n.\r\n+OK 1 6\r\n");
}
END_TEST

START_TEST(what_took_the_place_of_a_message_is_not_read)
{
	write_file("example.org/u/new/1.a,W=3", "1\n");
	write_file("example.org/u/new/2.b,W=3", "2\n");
	write_file("example.org/u/new/3.c,W=3", "3\n");
	log_in("");
	received();
	unlinkat(root, "example.org/u/new/1.a,W=3", 0);
	unlinkat(root, "example.org/u/new/2.b,W=3", 0);
	unlinkat(root, "example.org/u/new/3.c,W=3", 0);
	ck_assert_int_eq(mkfifoat(root, "example.org/u/new/1.a,W=3", 0600), 0);
	ck_assert_int_eq(mkdirat(root, "example.org/u/new/2.b,W=3", 0700), 0);
	ck_assert_int_eq(symlinkat("1.a,W=3", root, "example.org/u/new/3.c,W=3"), 0);
	for (int i = 1; i <= 3; i++) {
		char command[16];

		snprintf(command, sizeof(command), "RETR %d\r\n", i);
		expect(command, "-ERR [SYS/PERM] the message cannot be read\r\n");
	}
}
END_TEST

START_TEST(a_large_message_arrives_whole_and_waits_for_its_reader)
{
	enum { LINES = 100000, LINE = 42 };
	int fd = openat(root, "example.org/u/new/1.a", O_WRONLY | O_CREAT, 0600);
	char line[LINE + 1];
	size_t expected;

	memset(line, '.', sizeof(line));
	line[LINE - 1] = '\n';
	for (int i = 0; i < LINES; i++)
		ck_assert_int_eq(write(fd, line, LINE), LINE);
	close(fd);
	log_in("RETR 1\r\n");
	expected = strlen("+OK the maildrop has 1 messages\r\n+OK\r\n.\r\n") + (size_t)LINES * (LINE + 2);
	while (buffer_length(&replies) < expected)
		ck_assert(read_some());
	ck_assert_uint_eq(buffer_length(&replies), expected);
	buffer_clear(&replies);
	expect("NOOP\r\n", "+OK\r\n");
}
END_TEST

START_TEST(a_message_that_was_read_ahead_is_the_one_that_is_asked_for)
{
	write_file("example.org/u/new/1.a,W=3", "1\n");
	write_file("example.org/u/new/2.b,W=4", ".2\n");
	write_file("example.org/u/new/3.c,W=9", "3\n");
	write_file("example.org/u/new/4.d,W=3", "4\n");
	log_in("");
	received();
	expect("RETR 1\r\n", "+OK 3 octets\r\n1\r\n.\r\n");
	/* Only what was read before can come now. */
	unlinkat(root, "example.org/u/new/2.b,W=4", 0);
	expect("DELE 1\r\n", "+OK marked as deleted\r\n");
	expect("RETR 2\r\n", "+OK 4 octets\r\n..2\r\n.\r\n");
	/* A size that was wrong is corrected here too; another message than the next is read as ever. */
	expect("TOP 3 0\r\n", "+OK\r\n3\r\n.\r\n");
	expect("RETR 4\r\n", "+OK 3 octets\r\n4\r\n.\r\n");
	expect("RETR 2\r\n", "-ERR [SYS/PERM] the message has been removed by another program\r\n");
	expect("RETR 3\r\n", "+OK 9 octets\r\n3\r\n.\r\n");
	expect("LIST 3\r\n", "+OK 3 3\r\n");
	expect("DELE 4\r\n", "+OK marked as deleted\r\n");
	expect("RETR 4\r\n", "-ERR the message is deleted\r\n");
}
END_TEST

START_TEST(wrong_commands_are_refused_one_by_one)
{
	write_file("example.org/u/new/1.a,W=4", "hi\n");
	log_in("");
	received();
	expect("DELE 1\r\n", "+OK marked as deleted\r\n");
	expect("RETR 1\r\n", "-ERR the message is deleted\r\n");
	expect("LIST 1\r\n", "-ERR the message is deleted\r\n");
	expect("RSET\r\n", "+OK 1 messages, none deleted\r\n");
	expect("RETR 0\r\n", "-ERR there is no such message\r\n");
	expect("RETR 2\r\n", "-ERR there is no such message\r\n");
	expect("RETR x\r\n", "-ERR a message number is needed\r\n");
	expect("RETR\r\n", "-ERR a message number is needed\r\n");
	expect("TOP 1\r\n", "-ERR TOP needs a message number and a number of lines\r\n");
	expect("STAT 1\r\n", "-ERR too many arguments\r\n");
	expect("USER a\r\n", "-ERR you are logged in already\r\n");
	expect("UTF8\r\n", "-ERR UTF8 comes before login\r\n");
	expect("\r\n", "-ERR unknown command\r\n");
	expect("stat\r\n", "+OK 1 4\r\n");
}
END_TEST

UNIT_MAIN_WITH("pop3_transaction", setup, teardown,
	sizes_that_no_name_tells_are_counted_when_they_are_asked_for,
	a_size_that_the_name_tells_wrong_is_corrected_when_the_message_was_read,
	a_message_longer_than_its_name_tells_arrives_whole,
	what_took_the_place_of_a_message_is_not_read,
	a_large_message_arrives_whole_and_waits_for_its_reader,
	a_message_that_was_read_ahead_is_the_one_that_is_asked_for,
	wrong_commands_are_refused_one_by_one)
