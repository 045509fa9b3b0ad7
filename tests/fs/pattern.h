/* SPDX-License-Identifier: BSD-2-Clause */
/* Reproducible random numbers, and file contents that a seed and an offset determine. */
#ifndef TESTS_FS_PATTERN_H
#define TESTS_FS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** pattern_mix() - one output of the splitmix64 generator for this state */
static inline uint64_t pattern_mix(uint64_t state)
{
	state += 0x9e3779b97f4a7c15ULL;
	state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
	state = (state ^ (state >> 27)) * 0x94d049bb133111ebULL;
	return state ^ (state >> 31);
}

/** pattern_random() - the next number below @bound */
static inline uint64_t pattern_random(uint64_t *state, uint64_t bound)
{
	return pattern_mix((*state)++) % bound;
}

/** pattern_byte() - the byte at @offset of the contents that @seed determines */
static inline unsigned char pattern_byte(uint64_t seed, uint64_t offset)
{
	return pattern_mix(seed * 31 + offset / 8) >> (offset % 8 * 8);
}

/** pattern_fill() - write the contents from @offset on to @buf */
static inline void pattern_fill(uint64_t seed, uint64_t offset, unsigned char *buf, size_t len)
{
	size_t i = 0;

	for (; i < len && (offset + i) % 8; i++)
		buf[i] = pattern_byte(seed, offset + i);
	for (; i + 8 <= len; i += 8) {
		const uint64_t word = pattern_mix(seed * 31 + (offset + i) / 8);

		for (int k = 0; k < 8; k++)
			buf[i + k] = word >> (k * 8);
	}
	for (; i < len; i++)
		buf[i] = pattern_byte(seed, offset + i);
}

/** pattern_is() - does @buf have these contents? */
static inline bool pattern_is(uint64_t seed, uint64_t offset, const unsigned char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != pattern_byte(seed, offset + i))
			return false;
	return true;
}

#endif
