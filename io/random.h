/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for what is to go wrong by chance, and the same way each time */
#ifndef IO_RANDOM_H
#define IO_RANDOM_H

#include <stdint.h>

/** io_random() - a number that depends on nothing but its arguments, evenly spread */
static inline uint64_t io_random(uint64_t seed, uint64_t a, uint64_t b)
{
	uint64_t mixed = seed;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		mixed += (i == 0 ? a : i == 1 ? b : 0) + UINT64_C(0x9e3779b97f4a7c15);
		mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
		mixed ^= mixed >> 31;
	}
	return mixed;
}

#endif
