/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_ARCHRANDOM_H
#define _ASM_RUMP_ARCHRANDOM_H
size_t rump_entropy(unsigned long *v, size_t max_longs);

static inline size_t __must_check arch_get_random_longs(unsigned long *v, size_t max_longs)
{
	return 0;
}

static inline size_t __must_check arch_get_random_seed_longs(unsigned long *v, size_t max_longs)
{
	return rump_entropy(v, max_longs);
}
#endif
