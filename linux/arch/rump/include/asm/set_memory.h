/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SET_MEMORY_H
#define _ASM_RUMP_SET_MEMORY_H
#include <asm-generic/set_memory.h>
/* Both at once: one change of the host's mapping. */
int set_memory_rox(unsigned long addr, int pages);
#define set_memory_rox set_memory_rox
#endif
