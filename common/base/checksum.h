/*
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): the checksum of queue records.
 */
#ifndef ANGARIUM_BASE_CHECKSUM_H
#define ANGARIUM_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of LENGTH bytes that follow those whose checksum is CRC; begin with 0. */
uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t length);

#endif
