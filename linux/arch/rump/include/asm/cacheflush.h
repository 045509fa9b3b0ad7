/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_CACHEFLUSH_H
#define _ASM_RUMP_CACHEFLUSH_H
/* New kernel mappings become the host's here; tlbflush.h takes them back. */
void rump_map_kernel_range(unsigned long start, unsigned long end);
#define flush_cache_vmap(start, end) rump_map_kernel_range(start, end)
#define flush_cache_vmap_early(start, end) rump_map_kernel_range(start, end)
/* Code was written: every thread is to see it. */
void rump_sync_code(unsigned long start, unsigned long end);
#define flush_icache_range(start, end) rump_sync_code(start, end)
#include <asm-generic/cacheflush.h>
#endif
