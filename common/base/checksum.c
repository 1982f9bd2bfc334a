/*
 * CRC-32C by the processor's instruction where there is one, else by a table of 8 x 256 entries.
 */
#include "common/base/checksum.h"

#include <stdbool.h>
#include <string.h>

static uint32_t table[8][256];

static void __attribute__((constructor))
checksum_prepare(void)
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
__attribute__((target("sse4.2"))) static uint32_t
checksum_by_instruction(uint32_t crc, const unsigned char *p, size_t length)
{
	uint64_t wide = crc;

	for (; length >= 8; length -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	return checksum_bytes((uint32_t)wide, p, length);
}
#endif

uint32_t
checksum_crc32c(uint32_t crc, const void *data, size_t length)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~checksum_by_instruction(~crc, data, length);
#endif
	return ~checksum_by_table(~crc, data, length);
}
