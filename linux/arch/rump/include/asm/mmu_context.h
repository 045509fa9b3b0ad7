/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_MMU_CONTEXT_H
#define _ASM_RUMP_MMU_CONTEXT_H
#include <linux/mm_types.h>
#include <asm-generic/mm_hooks.h>
/* User memory is the host's: there is no table to switch. */
static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next, struct task_struct *task)
{
}
#define activate_mm(prev, next) do { } while (0)
#include <asm-generic/mmu_context.h>
#endif
