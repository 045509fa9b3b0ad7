/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_PTRACE_H
#define _ASM_RUMP_PTRACE_H
#include <uapi/asm/ptrace.h>
#ifndef __ASSEMBLY__
/* Registers of a program stay with its host thread; this is what the tree asks of an interrupted context. */
struct pt_regs {
	unsigned long pc, sp, result;
	unsigned long user; /* it was outside the kernel */
};
#define user_mode(regs) ((regs)->user)
#define kernel_mode(regs) (!(regs)->user)
#define instruction_pointer(regs) ((regs)->pc)
#define user_stack_pointer(regs) ((regs)->sp)
#define profile_pc(regs) instruction_pointer(regs)
#define current_pt_regs() task_pt_regs(current)

static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long pc)
{
	regs->pc = pc;
}

static inline long regs_return_value(struct pt_regs *regs)
{
	return regs->result;
}
#endif
#endif
