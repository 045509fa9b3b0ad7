/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a context must know of itself lies at the top of its stack: no thread-local storage, no register is taken.
 */
#ifndef _ASM_RUMP_STACKTOP_H
#define _ASM_RUMP_STACKTOP_H

#include <linux/const.h>

#define THREAD_SHIFT 15
#define THREAD_SIZE (_AC(1, UL) << THREAD_SHIFT)

#ifndef __ASSEMBLY__
#include <cpu/stack.h>

struct task_struct;
struct rump_cpu;

/**
 * struct rump_top - at the top of every stack of the kernel's
 * @task:      whose stack it is; constant
 * @cpu:       virtual CPU that runs it, or ran it last
 * @pending:   that CPU's word of pending interrupts
 * @percpu:    offset of that CPU's variables
 * @id:        that CPU's number
 * @irqs_on:   interrupts are enabled in this context
 *
 * Only the context itself writes it, and whoever switches to it before it runs.
 */
struct rump_top {
	struct task_struct *task;
	struct rump_cpu *cpu;
	unsigned long *pending;
	unsigned long percpu;
	unsigned int id;
	unsigned int irqs_on;
};

static __always_inline struct rump_top *rump_top_of(const void *stack)
{
	return (struct rump_top *)(((unsigned long)stack | (THREAD_SIZE - 1)) + 1) - 1;
}

static __always_inline struct rump_top *rump_top(void)
{
	return (struct rump_top *)((current_stack_pointer | (THREAD_SIZE - 1)) + 1) - 1;
}
#endif
#endif
