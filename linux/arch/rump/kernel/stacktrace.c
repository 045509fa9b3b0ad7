// SPDX-License-Identifier: GPL-2.0-only
/* Stack traces, by frame pointers: from where the kernel is to where it was entered */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched/debug.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include "rump.h"

/* What a function leaves on its stack, on every CPU: the caller's frame pointer, where to return to. */
struct frame_record {
	const struct frame_record *next;
	unsigned long pc;
};

static bool on_stack(const void *stack, const struct frame_record *frame)
{
	return IS_ALIGNED((unsigned long)frame, sizeof(long)) && (void *)frame >= stack &&
	       (void *)frame < (void *)rump_top_of(stack);
}

/**
 * arch_stack_walk() - hand the return addresses of a task's stack to @consume, the innermost first
 *
 * A task that runs on another virtual CPU has no stack to be looked at.
 */
noinline notrace void arch_stack_walk(stack_trace_consume_fn consume, void *cookie, struct task_struct *task,
				      struct pt_regs *regs)
{
	const struct frame_record *frame = __builtin_frame_address(0);
	const void *stack = task_stack_page(task ?: current);

	if (task && task != current) {
		if (READ_ONCE(task->on_cpu))
			return;
		frame = READ_ONCE(task->thread.sp);
	}
	for (; on_stack(stack, frame); frame = READ_ONCE_NOCHECK(frame->next)) {
		unsigned long pc = READ_ONCE_NOCHECK(frame->pc);

		if (pc == (unsigned long)rump_context_link || !consume(cookie, pc))
			return;
	}
}

static bool print_entry(void *cookie, unsigned long pc)
{
	printk("%s %pS\n", (const char *)cookie, (void *)pc);
	return true;
}

void show_stack(struct task_struct *task, unsigned long *sp, const char *level)
{
	printk("%sCall Trace:\n", level);
	arch_stack_walk(print_entry, (void *)level, task ?: current, NULL);
}
