/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_PROCESSOR_H
#define _ASM_RUMP_PROCESSOR_H
#include <asm/ptrace.h>
#include <asm/relax.h>
#include <asm/stacktop.h>
#include <cpu/address.h>

struct task_struct;
struct rumpus_image_thread;

/**
 * struct thread_struct - the machine's part of a task
 * @sp:     stack pointer while it does not run
 * @fn:     what it begins with, with @arg
 * @caller: the host thread whose system calls it makes; NULL for the kernel's own
 * @looks:  times that its present wait was looked at, by kernel/hung.c
 */
struct thread_struct {
	void *sp;
	int (*fn)(void *arg);
	void *arg;
	struct rumpus_image_thread *caller;
	unsigned int looks;
	struct pt_regs regs;
};

#define INIT_THREAD { }
#define TASK_SIZE (_AC(1, UL) << CPU_ADDRESS_BITS)
/* No address of a program's, of any process, on any of the CPUs, has more bits; those of a host's kernel have. */
#define TASK_SIZE_MAX (_AC(1, UL) << 56)
#define STACK_TOP (TASK_SIZE - PAGE_SIZE)
#define STACK_TOP_MAX STACK_TOP
#define TASK_UNMAPPED_BASE (TASK_SIZE / 3)
#define task_pt_regs(task) (&(task)->thread.regs)
#define KSTK_EIP(task) 0UL
#define KSTK_ESP(task) 0UL

static inline unsigned long __get_wchan(struct task_struct *task)
{
	return 0;
}

static inline void start_thread(struct pt_regs *regs, unsigned long pc, unsigned long sp)
{
}
#endif
