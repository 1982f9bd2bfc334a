/*
 * Bodies in files: their checksums are the same however they come in pieces, and what does not have them is not given out whole.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/checksum.h"
#include "common/io/body_file.h"

enum { SIZE = 3 * BODY_FILE_BEGINNING + 77 };

static char body[SIZE];
static FILE *written;

static void
make_body(size_t size)
{
	for (size_t i = 0; i < SIZE; i++)
		body[i] = (char)(i * 2654435761U >> 13);
	written = tmpfile();
	ck_assert_ptr_nonnull(written);
	ck_assert_int_eq(pwrite(fileno(written), body, size, 0), (ssize_t)size);
}

/* Reads all of FILE in pieces of MOST bytes: 0, or what was said in place of a piece. *got_r: bytes until then. */
static int
read_all(struct body_file *file, size_t most, size_t *got_r)
{
	static char area[SIZE];
	struct slice piece;
	int error;

	for (*got_r = 0;; *got_r += piece.length) {
		error = body_file_read(file, area, most, &piece);
		if (error != 0 || piece.length == 0)
			return error;
		ck_assert_int_eq(memcmp(piece.data, body + *got_r, piece.length), 0);
	}
}

START_TEST(the_sums_do_not_depend_on_the_pieces)
{
	static const size_t sizes[] = { 0, 1, BODY_FILE_BEGINNING - 1, BODY_FILE_BEGINNING, BODY_FILE_BEGINNING + 1, SIZE };
	static const size_t steps[] = { 1000, BODY_FILE_BEGINNING, BODY_FILE_BEGINNING + 3, SIZE };

	make_body(0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t first = sizes[i] < BODY_FILE_BEGINNING ? sizes[i] : BODY_FILE_BEGINNING;

		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			struct body_sums sums = { 0 };

			for (size_t at = 0; at < sizes[i]; at += steps[j])
				body_sums_add(&sums, at, slice_first(slice_of(body + at, sizes[i] - at), steps[j]));
			ck_assert_uint_eq(sums.whole, checksum_crc32c(0, body, sizes[i]));
			ck_assert_uint_eq(sums.beginning, checksum_crc32c(0, body, first));
		}
	}
	fclose(written);
}
END_TEST

START_TEST(a_body_with_the_right_checksum_is_read_to_its_end_and_again)
{
	struct body_file file;
	size_t got;

	make_body(SIZE);
	body_file_begin(&file, fileno(written), SIZE - 5, checksum_crc32c(0, body, SIZE - 5)); /* what stands behind it is no part of it */
	for (size_t most = 1000; most <= SIZE; most += 65000) {
		ck_assert_int_eq(read_all(&file, most, &got), 0);
		ck_assert_uint_eq(got, SIZE - 5);
		body_file_rewind(&file);
	}
	body_file_begin(&file, fileno(written), 0, 0);
	ck_assert_int_eq(read_all(&file, 10, &got), 0);
	body_file_begin(&file, fileno(written), 0, 1);
	ck_assert_int_eq(read_all(&file, 10, &got), -EUCLEAN);
	fclose(written);
}
END_TEST

START_TEST(the_last_piece_of_a_damaged_body_is_not_given_out)
{
	static char area[SIZE];
	struct body_file file;
	struct slice piece;

	make_body(SIZE);
	for (size_t at = 0; at < SIZE; at += 9973) {
		char flipped = (char)(body[at] ^ 1 << at % 8);
		size_t got = 0;
		int error;

		ck_assert_int_eq(pwrite(fileno(written), &flipped, 1, (off_t)at), 1);
		body_file_begin(&file, fileno(written), SIZE, checksum_crc32c(0, body, SIZE));
		while ((error = body_file_read(&file, area, 1000, &piece)) == 0)
			got += piece.length;
		ck_assert_int_eq(error, -EUCLEAN);
		ck_assert_uint_eq(got, SIZE / 1000 * 1000);
		ck_assert_int_eq(pwrite(fileno(written), body + at, 1, (off_t)at), 1);
	}
	fclose(written);
}
END_TEST

START_TEST(a_body_that_is_too_short_is_damaged_and_one_that_cannot_be_read_is_not)
{
	struct body_file file;
	size_t got;

	make_body(SIZE - 1);
	body_file_begin(&file, fileno(written), SIZE, checksum_crc32c(0, body, SIZE));
	ck_assert_int_eq(read_all(&file, 1000, &got), -EUCLEAN);
	ck_assert_uint_lt(got, SIZE);
	fclose(written);
	body_file_begin(&file, -1, SIZE, 0);
	ck_assert_int_eq(read_all(&file, 1000, &got), -EBADF);
}
END_TEST

UNIT_MAIN("body_file", the_sums_do_not_depend_on_the_pieces, a_body_with_the_right_checksum_is_read_to_its_end_and_again,
          the_last_piece_of_a_damaged_body_is_not_given_out, a_body_that_is_too_short_is_damaged_and_one_that_cannot_be_read_is_not)
