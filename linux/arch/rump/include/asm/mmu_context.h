/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_MMU_CONTEXT_H
#define _ASM_RUMP_MMU_CONTEXT_H
#include <linux/mm_types.h>
#include <asm-generic/mm_hooks.h>
/* User memory is the host's: there is no table to switch. */
static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next, struct task_struct *task)
{
}

void rump_window_destroy(struct mm_struct *mm);

/* The copy of a process's memory has no window: what its original has mapped is not in it. */
static inline int init_new_context(struct task_struct *task, struct mm_struct *mm)
{
	mm->context.window = NULL;
	return 0;
}
#define init_new_context init_new_context

static inline void destroy_context(struct mm_struct *mm)
{
	rump_window_destroy(mm);
}
#define destroy_context destroy_context
#define activate_mm(prev, next) do { } while (0)
#include <asm-generic/mmu_context.h>
#endif
