/*
 * CRC-32C by the processor's instruction where there is one, else by a table of 8 x 256 entries.
 *
 * The instruction is ready for the next one in each cycle and has its result after three. So a long piece is three strands of STRAND bytes that are
 * computed side by side, the second and third from 0, and put together: a CRC is linear, and what follows the first strand shifts it by as many
 * zeros as it has bytes.
 */
#include "common/base/checksum.h"

#include <stdbool.h>
#include <string.h>

static uint32_t table[8][256];

static void
table_prepare(void)
{
	const uint32_t polynomial = 0x82f63b78; /* 0x1edc6f41, bits reversed */

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
		table[0][i] = crc;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++)
			table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 255];
}

static uint32_t
checksum_bytes(uint32_t crc, const unsigned char *p, size_t length)
{
	while (length-- > 0)
		crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 255];
	return crc;
}

static uint32_t
checksum_by_table(uint32_t crc, const unsigned char *p, size_t length)
{
	for (; length >= 8; length -= 8, p += 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

		crc = table[7][low & 255] ^ table[6][(low >> 8) & 255] ^ table[5][(low >> 16) & 255] ^
		      table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	return checksum_bytes(crc, p, length);
}

#if defined(__x86_64__)
enum {
	STRAND_BITS = 11,
	STRAND = 1 << STRAND_BITS, /* bytes */
};

static uint32_t strand_table[4][256]; /* what STRAND zeros make of each byte of a CRC */

/* BASIS has what some zeros make of each single bit. */
static uint32_t
shift_by_basis(const uint32_t *basis, uint32_t crc)
{
	uint32_t sum = 0;

	for (int bit = 0; bit < 32; bit++)
		sum ^= (crc >> bit & 1) != 0 ? basis[bit] : 0;
	return sum;
}

static void
strand_prepare(void)
{
	const unsigned char zero = 0;
	uint32_t basis[32], twice[32];

	for (int bit = 0; bit < 32; bit++)
		basis[bit] = checksum_bytes((uint32_t)1 << bit, &zero, 1);
	for (int i = 0; i < STRAND_BITS; i++) {
		for (int bit = 0; bit < 32; bit++)
			twice[bit] = shift_by_basis(basis, basis[bit]);
		memcpy(basis, twice, sizeof(basis));
	}
	/* Each byte is one with a bit less, and that bit. */
	for (int t = 0; t < 4; t++)
		for (unsigned i = 1; i < 256; i++)
			strand_table[t][i] = strand_table[t][i & (i - 1)] ^ basis[8 * t + __builtin_ctz(i)];
}

static uint32_t
strand_shift(uint32_t crc)
{
	return strand_table[0][crc & 255] ^ strand_table[1][(crc >> 8) & 255] ^ strand_table[2][(crc >> 16) & 255] ^
	       strand_table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static inline uint64_t
add_word(uint64_t crc, const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return __builtin_ia32_crc32di(crc, word);
}

__attribute__((target("sse4.2"))) static uint32_t
checksum_by_instruction(uint32_t crc, const unsigned char *p, size_t length)
{
	uint64_t first = crc, second, third;

	for (; length >= 3 * STRAND; length -= 3 * STRAND, p += 3 * STRAND) {
		second = third = 0;
		for (size_t i = 0; i < STRAND; i += 8) {
			first = add_word(first, p + i);
			second = add_word(second, p + STRAND + i);
			third = add_word(third, p + 2 * STRAND + i);
		}
		first = strand_shift(strand_shift((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
	}
	for (; length >= 8; length -= 8, p += 8)
		first = add_word(first, p);
	return checksum_bytes((uint32_t)first, p, length);
}
#endif

static void __attribute__((constructor))
checksum_prepare(void)
{
	table_prepare();
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		strand_prepare();
#endif
}

uint32_t
checksum_crc32c(uint32_t crc, const void *data, size_t length)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~checksum_by_instruction(~crc, data, length);
#endif
	return ~checksum_by_table(~crc, data, length);
}
