/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow memory of the address sanitizer: found by a call, not by a constant, because the image, the linear map and the
 * area of vmalloc() lie elsewhere in each process and for each kernel. So checks are calls ("outline"), and variables on
 * stacks, which the compiler poisons in line with a constant or not at all, are not watched.
 */
#ifndef _ASM_RUMP_KASAN_H
#define _ASM_RUMP_KASAN_H
#ifndef __ASSEMBLY__
#include <linux/types.h>
#include <asm/page.h>

#define KASAN_SHADOW_SCALE_SHIFT 3
#define KASAN_SHADOW_OFFSET 0UL
#define KASAN_SHADOW_START rump_kasan_shadow
#define KASAN_SHADOW_END (rump_kasan_shadow + (rump_kasan_size >> KASAN_SHADOW_SCALE_SHIFT))

/* What is watched, and its shadow; set once, before the kernel's first instruction. */
extern unsigned long rump_kasan_start, rump_kasan_size, rump_kasan_shadow;
extern unsigned char kasan_early_shadow_page[PAGE_SIZE];

/* All else is the host's: it has one byte of shadow, which says that access is fine. */
static __always_inline void *kasan_mem_to_shadow(const void *addr)
{
	unsigned long offset = (unsigned long)addr - rump_kasan_start;

	if (offset > rump_kasan_size)
		return kasan_early_shadow_page;
	return (void *)(rump_kasan_shadow + (offset >> KASAN_SHADOW_SCALE_SHIFT));
}
#define kasan_mem_to_shadow kasan_mem_to_shadow

static inline const void *kasan_shadow_to_mem(const void *shadow)
{
	return (void *)(((unsigned long)shadow - rump_kasan_shadow) << KASAN_SHADOW_SCALE_SHIFT) + rump_kasan_start;
}
#define kasan_shadow_to_mem kasan_shadow_to_mem

static __always_inline bool kasan_arch_is_ready(void)
{
	return rump_kasan_shadow;
}
#define kasan_arch_is_ready kasan_arch_is_ready

/* The first page is where null pointers lead. */
#define addr_has_metadata(addr) ((unsigned long)(addr) >= PAGE_SIZE)

/* The tree's code for memory that is added uses it; other architectures have it in asm/page.h. */
#define pfn_to_kaddr(pfn) __va((pfn) << PAGE_SHIFT)
#endif
#endif
