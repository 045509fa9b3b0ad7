// SPDX-License-Identifier: BSD-2-Clause
/* CRC-32 of eight bytes a step, by eight tables that are made at first use */
#include <pthread.h>
#include <string.h>

#include "crc32.h"

#define POLYNOMIAL 0xedb88320U /* x^32 + x^26 + ... + 1, the lowest power in the highest bit */

/* table[k][b]: what byte b, followed by k zero bytes, does to the remainder */
static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t remainder = byte;

		for (int bit = 0; bit < 8; bit++)
			remainder = remainder & 1 ? remainder >> 1 ^ POLYNOMIAL : remainder >> 1;
		table[0][byte] = remainder;
	}
	for (int k = 1; k < 8; k++)
		for (int byte = 0; byte < 256; byte++)
			table[k][byte] = table[k - 1][byte] >> 8 ^ table[0][table[k - 1][byte] & 0xff];
}

/* The host is little-endian: lib/elf64.h says so for all that is loaded. */
static uint32_t eight_bytes(uint32_t remainder, const unsigned char *bytes)
{
	uint32_t low, high;

	memcpy(&low, bytes, sizeof(low));
	memcpy(&high, bytes + sizeof(low), sizeof(high));
	low ^= remainder;
	return table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
	       table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
}

uint32_t crc32_of(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint32_t remainder = ~0U;

	pthread_once(&once, make_table);
	for (; size >= 8; size -= 8, at += 8)
		remainder = eight_bytes(remainder, at);
	for (; size; size--, at++)
		remainder = remainder >> 8 ^ table[0][(remainder ^ *at) & 0xff];
	return ~remainder;
}
