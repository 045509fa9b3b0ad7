// SPDX-License-Identifier: GPL-2.0-only
/* Tasks: their stacks, their first instruction, the switch between two of them */
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/switch_to.h>
#include "rump.h"

/**
 * rump_stack_init() - prepare a stack so that cpu_switch() to it calls a function
 * @stack: lowest address
 * @task:  whose it is
 * @entry: never returns
 * @sp:    out: what to switch to
 */
void rump_stack_init(void *stack, struct task_struct *task, void (*entry)(void), void **sp)
{
	struct rump_top *top = rump_top_of(stack);
	unsigned long *aligned = (unsigned long *)((unsigned long)top & ~15UL);
	unsigned long *words = aligned - CPU_CONTEXT_WORDS;

	memset(top, 0, sizeof(*top));
	top->task = task;
	words[0] = (unsigned long)&top->cpu;
	words[CPU_SWITCH_PC] = (unsigned long)rump_context_entry;
	words[CPU_CONTEXT_START] = (unsigned long)entry;
	*sp = words;
}

struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next)
{
	const struct rump_top *from = rump_top();
	struct rump_top *to = rump_top_of(task_stack_page(next));

	to->cpu = from->cpu;
	to->pending = from->pending;
	to->percpu = from->percpu;
	to->id = from->id;
	from->cpu->prev = prev;
	from->cpu->stale = 0;
	if (unlikely(rump_hung_ms))
		rump_hung_switch(from->cpu, prev);
	cpu_switch(&prev->thread.sp, next->thread.sp);
	return rump_top()->cpu->prev;
}

static void first_instruction(void)
{
	schedule_tail(rump_top()->cpu->prev);
	current->thread.fn(current->thread.arg);
	/* Who comes here is a kernel thread that has executed a program: process 1, or one that wanted a component. */
	if (is_global_init(current))
		rump_init_main();
	do_exit(0);
}

int copy_thread(struct task_struct *task, const struct kernel_clone_args *args)
{
	if (!args->fn)
		return -EINVAL; /* there is no user context here that could be copied */
	memset(&task->thread, 0, sizeof(task->thread));
	task->thread.fn = args->fn;
	task->thread.arg = args->fn_arg;
	rump_stack_init(task_stack_page(task), task, first_instruction, &task->thread.sp);
	return 0;
}

void flush_thread(void)
{
}

void show_regs(struct pt_regs *regs)
{
}

/* Kernels with stack traces have another: stacktrace.c */
void __weak show_stack(struct task_struct *task, unsigned long *sp, const char *level)
{
}

long arch_ptrace(struct task_struct *child, long request, unsigned long addr, unsigned long data)
{
	return -EIO;
}

void ptrace_disable(struct task_struct *child)
{
}
