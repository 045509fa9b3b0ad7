// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching over tasks: waits that nothing can interrupt, and that last
 *
 * The tree's own detector looks at all tasks at an interval, whether or not the kernel does anything. This one looks
 * only while there is something to see: the switch away from a task that begins such a wait arms a timer, which stays
 * armed while a task waits so. A kernel in which none does is left alone.
 *
 * A wait counts in looks, not in time: a program that was stopped, or that the host does not run, has not hung.
 */
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/sched/signal.h>
#include <linux/timer.h>
#include "rump.h"

/* Looks that see a task in one and the same wait before it has hung. */
#define LOOKS 4

/* Milliseconds that a task may wait uninterruptibly before the kernel ends; 0: any time. */
unsigned int rump_hung_ms;

static u32 armed; /* the timer is, or is about to be */

static void look(struct timer_list *unused);
static DEFINE_TIMER(timer, look);

static int __init set_hung_ms(char *text)
{
	return kstrtouint(text, 0, &rump_hung_ms);
}
early_param("rump.hung_ms", set_hung_ms);

/* As the tree has it: neither a wait that a fatal signal ends, nor one that is a kernel thread's idleness. */
static bool waits(struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	return (state & TASK_UNINTERRUPTIBLE) && !(state & (TASK_WAKEKILL | TASK_NOLOAD));
}

/** rump_hung_interrupt() - somebody who could not arm a timer, for he held the scheduler's lock, wants this one */
void rump_hung_interrupt(void)
{
	mod_timer(&timer, jiffies + max(1UL, msecs_to_jiffies(rump_hung_ms) / LOOKS));
}

/** rump_hung_switch() - @cpu leaves @task, which may have begun to wait; in the scheduler, interrupts are off */
void rump_hung_switch(struct rump_cpu *cpu, struct task_struct *task)
{
	if (!waits(task))
		return;
	WRITE_ONCE(task->thread.looks, 0);
	if (!xchg(&armed, 1))
		rump_raise(cpu, RUMP_IRQ_HUNG);
}

/* One has hung: what waits beside it may say why. */
static void __noreturn end(struct task_struct *hung)
{
	struct task_struct *group, *task;
	char what[32];

	for_each_process_thread(group, task)
		if (waits(task))
			pr_err("rump: %s:%d waits, in %s\n", task->comm, task_pid_nr(task),
			       rump_what_runs(task, what, sizeof(what)));
	panic("hung task: %s:%d waits for more than %u ms, in %s", hung->comm, task_pid_nr(hung), rump_hung_ms,
	      rump_what_runs(hung, what, sizeof(what)));
}

static void look(struct timer_list *unused)
{
	struct task_struct *group, *task;
	bool again = false;

	/* First: whoever finds it armed afterwards relies on the looks below. */
	xchg(&armed, 0);
	rcu_read_lock();
	for_each_process_thread(group, task) {
		if (READ_ONCE(task->on_rq) || !waits(task))
			continue;
		again = true;
		/* Should the task begin another wait right now, the next looks find out. */
		WRITE_ONCE(task->thread.looks, task->thread.looks + 1);
		if (task->thread.looks > LOOKS)
			end(task);
	}
	rcu_read_unlock();
	if (again && !xchg(&armed, 1))
		rump_hung_interrupt();
}
