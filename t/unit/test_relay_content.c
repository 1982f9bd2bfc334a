/*
 * The message of a transaction on its way out: large ones from files, chunks, 7 bits, UTF-8, and files that cannot be read.
 */
#include "t/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/checksum.h"
#include "t/unit/relay_world.h"

static struct world *world;
static FILE *file;

/* The body is what was written to FILE. */
static void
use_file(void)
{
	char *bytes;
	long size;

	fflush(file);
	size = ftell(file);
	bytes = malloc((size_t)size);
	ck_assert_int_eq(pread(fileno(file), bytes, (size_t)size, 0), size);
	world->transaction.body_fd = fileno(file);
	world->transaction.size = (uint64_t)size;
	world->transaction.checksum = checksum_crc32c(0, bytes, (size_t)size);
	free(bytes);
}

/* A bit of it flips. */
static void
damage_file(size_t offset)
{
	char byte;

	ck_assert_int_eq(pread(fileno(file), &byte, 1, (off_t)offset), 1);
	byte ^= 4;
	ck_assert_int_eq(pwrite(fileno(file), &byte, 1, (off_t)offset), 1);
}

/* The body is SIZE bytes of lines in a file, each beginning with a dot. Returns the number of lines. */
static size_t
make_file(size_t size)
{
	size_t lines = size / 64;

	file = tmpfile();
	for (size_t i = 0; i < lines; i++)
		fprintf(file, ".%061zu\r\n", i);
	use_file();
	return lines;
}

/* What the client says until it is silent. */
static size_t
hear_all(char **text_r)
{
	size_t used = 0;
	char *all = malloc(WORLD_HEARD_MAX * 2);

	for (;;) {
		size_t length = strlen(world_hears(world));

		if (length == 0)
			break;
		memcpy(all + used, world->heard, length);
		used += length;
		world_turn(world);
	}
	all[used] = '\0';
	*text_r = all;
	return used;
}

START_TEST(a_large_file_goes_out_whole_with_its_dots_doubled)
{
	size_t lines, length;
	char *text;

	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n");
	lines = make_file(3 * 1024 * 1024);
	world_send(world);
	ck_assert_ptr_nonnull(strstr(world_hears(world), "SIZE=3145728"));
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	length = hear_all(&text);
	ck_assert_uint_eq(length, lines * 65 + 3);
	ck_assert_str_eq(text + length - 5, "\r\n.\r\n");
	for (size_t i = 0; i < lines; i++) {
		char expected[80];

		snprintf(expected, sizeof(expected), "..%061zu\r\n", i);
		ck_assert_int_eq(memcmp(text + i * 65, expected, 65), 0);
	}
	world_says(world, "250 Ok\r\n");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DONE);
	free(text);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(a_large_file_goes_out_in_chunks_each_of_which_is_answered)
{
	char *text;

	world = world_new();
	world_ready(world, "250-8BITMIME\r\n250-PIPELINING\r\n250-CHUNKING\r\n");
	make_file(2 * 1024 * 1024 + 128);
	world_send(world);
	ck_assert_str_eq(world_hears(world) + strlen(world->heard) - 25, "RCPT TO:<a@example.org>\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n");
	ck_assert_uint_eq(hear_all(&text), 1024 * 1024 + strlen("BDAT 1048576\r\n"));
	ck_assert_int_eq(memcmp(text, "BDAT 1048576\r\n.0", 16), 0);
	free(text);
	world_says(world, "250 Ok\r\n");
	ck_assert_uint_eq(hear_all(&text), 1024 * 1024 + strlen("BDAT 1048576\r\n"));
	free(text);
	world_says(world, "250 Ok\r\n");
	ck_assert_uint_eq(hear_all(&text), 128 + strlen("BDAT 128 LAST\r\n"));
	ck_assert_int_eq(memcmp(text, "BDAT 128 LAST\r\n", 15), 0);
	free(text);
	ck_assert_uint_eq(world->dones, 0);
	world_says(world, "250 Ok\r\n");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DONE);
	ck_assert(world->outcome.usable);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(a_refused_chunk_ends_the_transaction_which_is_reset)
{
	char *text;

	world = world_new();
	world_ready(world, "250-8BITMIME\r\n250-PIPELINING\r\n250-CHUNKING\r\n");
	make_file(2 * 1024 * 1024);
	world_send(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n");
	hear_all(&text);
	free(text);
	world_says(world, "552 5.3.4 Too much\r\n");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_PERMANENT);
	ck_assert(world->outcome.usable && !world->outcome.chunking_refused);
	world_send(world);
	ck_assert_int_eq(strncmp(world_hears(world), "RSET\r\nMAIL", 10), 0);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(a_refusal_in_the_middle_of_the_message_is_taken_and_ends_the_session)
{
	static const char *const offers[] = { "250-PIPELINING\r\n250-8BITMIME\r\n", "250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n" };

	for (size_t i = 0; i < 2; i++) {
		world = world_new();
		world_ready(world, offers[i]);
		make_file(3 * 1024 * 1024);
		world_send(world);
		world_hears(world);
		world_says(world, i == 0 ? "250 Ok\r\n250 Ok\r\n354 go\r\n" : "250 Ok\r\n250 Ok\r\n");
		world_says(world, "552 5.3.4 Enough\r\n");
		ck_assert_uint_eq(world->dones, 1);
		ck_assert_str_eq(world->recipients[0].result.status, "5.3.4");
		ck_assert(!world->outcome.usable);
		fclose(file);
		world_free(world);
	}
}
END_TEST

START_TEST(a_remote_that_takes_nothing_of_the_message_times_out)
{
	world = world_new();
	world->settings.data_timeout = 100;
	world_ready(world, "250-8BITMIME\r\n250-PIPELINING\r\n");
	make_file(3 * 1024 * 1024);
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	world_wait(world);
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_str_eq(world->recipients[0].result.text, "Timeout while waiting for the message to leave");
	fclose(file);
	world_free(world);
}
END_TEST

/* Sends the file, which is damaged: nobody may take what arrives for a whole message. */
static void
send_damaged(const char *extensions, const char *replies)
{
	char *text;

	world_ready(world, extensions);
	world_send(world);
	world_hears(world);
	world_says(world, replies);
	while (world->dones == 0) {
		ck_assert_uint_lt(hear_all(&text), world->transaction.size);
		ck_assert_ptr_null(strstr(text, "\r\n.\r\n"));
		free(text);
		if (world->dones == 0)
			world_says(world, "250 Ok\r\n"); /* to a chunk that is not the last one */
	}
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DAMAGED);
	ck_assert_str_eq(world->recipients[0].result.text, "The message is damaged in the queue");
	ck_assert(!world->outcome.usable && !world->outcome.untouched);
	fclose(file);
	world_free(world);
}

START_TEST(a_file_that_is_too_short_is_never_ended)
{
	world = world_new();
	make_file(128 * 1024);
	world->transaction.size += 10;
	send_damaged("250-8BITMIME\r\n250-PIPELINING\r\n", "250 Ok\r\n250 Ok\r\n354 go\r\n");
}
END_TEST

START_TEST(a_file_with_a_bit_that_flipped_anywhere_is_never_ended)
{
	static const size_t places[] = { 0, 64 * 1024, 1024 * 1024 + 5, 3 * 512 * 1024 - 1 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		world = world_new();
		make_file(3 * 512 * 1024);
		damage_file(places[i]);
		send_damaged("250-8BITMIME\r\n250-PIPELINING\r\n", "250 Ok\r\n250 Ok\r\n354 go\r\n");
		world = world_new();
		make_file(3 * 512 * 1024);
		damage_file(places[i]);
		send_damaged("250-8BITMIME\r\n250-PIPELINING\r\n250-CHUNKING\r\n", "250 Ok\r\n250 Ok\r\n");
	}
}
END_TEST

START_TEST(a_damaged_file_that_is_to_be_converted_is_found_before_anything_is_said)
{
	world = world_new();
	world_ready(world, "");
	world_hears(world);
	make_file(256 * 1024);
	damage_file(200 * 1024);
	world_send(world);
	ck_assert_str_eq(world_hears(world), "");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DAMAGED);
	ck_assert(world->outcome.usable);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_tried_again)
{
	int closed;

	world = world_new();
	world_ready(world, "250-8BITMIME\r\n");
	make_file(128 * 1024);
	closed = open("/", O_PATH);
	world->transaction.body_fd = closed;
	world_send(world);
	world_says(world, "250 Ok\r\n");
	world_says(world, "250 Ok\r\n");
	world_says(world, "354 go\r\n");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_TEMPORARY);
	ck_assert_str_eq(world->recipients[0].result.text, "The message cannot be read: Bad file descriptor");
	close(closed);
	fclose(file);
	world_free(world);
}
END_TEST

static void
set_body(struct slice body)
{
	world->transaction.body = body;
	world->transaction.size = body.length;
}

START_TEST(bytes_above_127_are_declared_where_8bitmime_is_offered)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-8BITMIME\r\n");
	world_hears(world);
	set_body(SLICE("Subject: x\r\n\r\nm\xc3\xa4h\r\n"));
	world_send(world);
	ck_assert_ptr_nonnull(strstr(world_hears(world), "<s@example.com> BODY=8BITMIME\r\n"));
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	ck_assert_str_eq(world_hears(world), "Subject: x\r\n\r\nm\xc3\xa4h\r\n.\r\n");
	world_free(world);
}
END_TEST

START_TEST(a_server_without_8bitmime_gets_7_bits)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE\r\n");
	world_hears(world);
	set_body(SLICE("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nm\xc3\xa4h\r\n"));
	world->transaction.flags = RELAY_8BITMIME;
	world_send(world);
	ck_assert_str_eq(world_hears(world), "MAIL FROM:<s@example.com>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	world_hears(world);
	ck_assert_ptr_nonnull(strstr(world->heard, "Content-Transfer-Encoding: quoted-printable\r\n"));
	ck_assert_ptr_nonnull(strstr(world->heard, "\r\n\r\nm=C3=A4h\r\n.\r\n"));
	world_says(world, "250 Ok\r\n");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DONE);
	world_free(world);
}
END_TEST

START_TEST(seven_bits_are_sent_as_they_are_whatever_was_declared)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-CHUNKING\r\n");
	world_hears(world);
	world->transaction.flags = RELAY_8BITMIME;
	world_send(world);
	ck_assert_str_eq(world_hears(world), "MAIL FROM:<s@example.com>\r\nRCPT TO:<a@example.org>\r\nBDAT 21 LAST\r\nSubject: x\r\n\r\nhello\r\n");
	world_free(world);
}
END_TEST

START_TEST(a_file_of_7_bits_is_sent_as_it_is_though_it_could_not_be_converted)
{
	size_t lines, length;
	char *text;

	world = world_new();
	world_ready(world, "250-PIPELINING\r\n");
	lines = make_file(256 * 1024); /* no header at all */
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	length = hear_all(&text);
	ck_assert_uint_eq(length, lines * 65 + 3);
	free(text);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(what_cannot_be_converted_fails_before_anything_is_said)
{
	world = world_new();
	world_ready(world, "");
	world_hears(world);
	set_body(SLICE("MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
	               "Content-Transfer-Encoding: 8bit\r\n\r\nm\xc3\xa4h\r\n--b--\r\n"));
	world_send(world);
	ck_assert_str_eq(world_hears(world), "");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_PERMANENT);
	ck_assert_str_eq(world->recipients[0].result.status, "5.6.3");
	ck_assert(world->outcome.usable);
	world_free(world);
}
END_TEST

START_TEST(a_large_file_is_converted_as_well)
{
	char *text;
	size_t length;

	world = world_new();
	world_ready(world, "250-PIPELINING\r\n");
	file = tmpfile();
	fprintf(file, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	for (int i = 0; i < 10000; i++)
		fprintf(file, "m\xc3\xa4h %06d\r\n", i);
	use_file();
	world_send(world);
	world_hears(world);
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	length = hear_all(&text);
	ck_assert_str_eq(text + length - 22, "\r\nm=C3=A4h 009999\r\n.\r\n");
	for (size_t i = 0; i < length; i++)
		ck_assert(text[i] > 0);
	free(text);
	fclose(file);
	world_free(world);
}
END_TEST

START_TEST(smtputf8_is_declared_where_it_is_offered)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n");
	world_hears(world);
	world->recipients[0].address = SLICE("m\xc3\xa4h@b\xc3\xbc.example");
	world_send(world);
	ck_assert_str_eq(world_hears(world), "MAIL FROM:<s@example.com> SMTPUTF8\r\nRCPT TO:<m\xc3\xa4h@b\xc3\xbc.example>\r\nDATA\r\n");
	world_free(world);
}
END_TEST

START_TEST(without_smtputf8_what_needs_it_fails_and_the_rest_goes)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-8BITMIME\r\n");
	world_hears(world);
	world->recipients[0].address = SLICE("m\xc3\xa4h@example.org");
	world->transaction.recipient_count = 2;
	world->transaction.flags = RELAY_SMTPUTF8; /* declared, and the header does not need it */
	world_send(world);
	ck_assert_str_eq(world_hears(world), "MAIL FROM:<s@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
	world_says(world, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	world_says(world, "250 Ok\r\n");
	ck_assert_str_eq(world->recipients[0].result.status, "5.6.7");
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_PERMANENT);
	ck_assert_int_eq(world->recipients[1].result.result, RELAY_DONE);
	world_hears(world);

	set_body(SLICE("Subject: m\xc3\xa4h\r\n\r\nx\r\n"));
	world_send(world);
	ck_assert_str_eq(world_hears(world), "");
	ck_assert_str_eq(world->recipients[1].result.status, "5.6.7");
	world_free(world);
}
END_TEST

START_TEST(a_header_that_cannot_be_read_is_no_reason_to_return_mail)
{
	world = world_new();
	world_ready(world, "250-PIPELINING\r\n250-8BITMIME\r\n");
	world_hears(world);
	make_file(1024);
	world->transaction.size += 10;
	world->transaction.flags = RELAY_SMTPUTF8;
	world_send(world);
	ck_assert_str_eq(world_hears(world), "");
	ck_assert_uint_eq(world->dones, 1);
	ck_assert_int_eq(world->recipients[0].result.result, RELAY_DAMAGED);
	ck_assert_str_eq(world->recipients[0].result.status, "4.3.0");
	ck_assert(world->outcome.usable);
	fclose(file);
	world_free(world);
}
END_TEST

UNIT_MAIN("relay_content", a_large_file_goes_out_whole_with_its_dots_doubled, a_large_file_goes_out_in_chunks_each_of_which_is_answered,
          a_refused_chunk_ends_the_transaction_which_is_reset, a_refusal_in_the_middle_of_the_message_is_taken_and_ends_the_session,
          a_remote_that_takes_nothing_of_the_message_times_out, a_file_that_is_too_short_is_never_ended,
          a_file_with_a_bit_that_flipped_anywhere_is_never_ended, a_damaged_file_that_is_to_be_converted_is_found_before_anything_is_said,
          a_file_that_cannot_be_read_is_tried_again,
          bytes_above_127_are_declared_where_8bitmime_is_offered, a_server_without_8bitmime_gets_7_bits,
          seven_bits_are_sent_as_they_are_whatever_was_declared,
          a_file_of_7_bits_is_sent_as_it_is_though_it_could_not_be_converted, what_cannot_be_converted_fails_before_anything_is_said,
          a_large_file_is_converted_as_well, smtputf8_is_declared_where_it_is_offered, without_smtputf8_what_needs_it_fails_and_the_rest_goes,
          a_header_that_cannot_be_read_is_no_reason_to_return_mail)
