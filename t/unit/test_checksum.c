/*
 * CRC-32C, also by the table that processors with the instruction never use: hence the .c file is included.
 */
#include "common/base/checksum.c"

#include "t/unit/unit.h"

/* Bit by bit, as the definition has it. */
static uint32_t
slow_crc32c(const unsigned char *data, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

START_TEST(the_examples_of_rfc_3720_come_out)
{
	unsigned char bytes[32];

	memset(bytes, 0, sizeof(bytes));
	ck_assert_uint_eq(checksum_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(checksum_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (unsigned char i = 0; i < 32; i++)
		bytes[i] = i;
	ck_assert_uint_eq(checksum_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
	ck_assert_uint_eq(checksum_crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(checksum_crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(pieces_give_the_same_as_the_whole_at_any_alignment)
{
	unsigned char bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 11);
	for (size_t start = 0; start < 9; start++) {
		for (size_t length = 0; start + length <= sizeof(bytes); length += 7) {
			uint32_t whole = slow_crc32c(bytes + start, length);
			uint32_t half = checksum_crc32c(0, bytes + start, length / 3);

			ck_assert_uint_eq(checksum_crc32c(0, bytes + start, length), whole);
			ck_assert_uint_eq(~checksum_by_table(UINT32_MAX, bytes + start, length), whole);
			ck_assert_uint_eq(checksum_crc32c(half, bytes + start + length / 3, length - length / 3),
					  whole);
		}
	}
}
END_TEST

START_TEST(long_pieces_give_the_same_as_their_bytes)
{
	static unsigned char bytes[20000];
	static const size_t lengths[] = { 2047, 2048, 6143, 6144, 6145, 8192, 12287, 12288, 12289, 18432, 19990 };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 5 ^ i);
	for (size_t start = 0; start < 9; start++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			uint32_t whole = slow_crc32c(bytes + start, lengths[i]);
			uint32_t part = checksum_crc32c(0, bytes + start, 100);

			ck_assert_uint_eq(checksum_crc32c(0, bytes + start, lengths[i]), whole);
			ck_assert_uint_eq(~checksum_by_table(UINT32_MAX, bytes + start, lengths[i]), whole);
			ck_assert_uint_eq(checksum_crc32c(part, bytes + start + 100, lengths[i] - 100), whole);
		}
	}
}
END_TEST

UNIT_MAIN("checksum", the_examples_of_rfc_3720_come_out, pieces_give_the_same_as_the_whole_at_any_alignment,
          long_pieces_give_the_same_as_their_bytes)
