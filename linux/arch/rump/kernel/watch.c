// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching over virtual CPUs: late interrupts, loops that never end, carriers that do not leave a kernel that has ended
 *
 * A CPU that is carried has a tick, and an idle one none; so nothing here runs while the kernel is idle. When a tick
 * comes to a CPU that is carried, a timer of the watch's own is armed. If the tick still waits when that fires, twice,
 * then the carrier is kicked: a host's interruption, in which the kernel says where the thread goes on. With interrupts
 * enabled it takes them there and goes on where it was: rump_interrupt_entry(). With interrupts off, the kicks are
 * counted, and a CPU that takes no tick for rump_lockup_ms is locked up.
 *
 * A CPU that takes its ticks but runs one task for that long, without a pause even for the stopper, is locked up, too:
 * the tree's soft lock-up, whose detector has thresholds in seconds and timers that wake idle CPUs.
 *
 * Kicks and ticks are what the host gives a thread: one that the host does not run, or stops, is not locked up.
 */
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/stop_machine.h>
#include <linux/time64.h>
#include <asm/sections.h>
#include <asm/stacktop.h>
#include <cpu/kick.h>
#include "carry.h"

/* Nanoseconds between two looks at ticks that wait. */
#define WATCH_PERIOD (20 * NSEC_PER_MSEC)
/* A tick that takes a kick to be taken is as many late. */
#define TICKS_BEFORE_KICK (2 * WATCH_PERIOD / TICK_NSEC)
/* Nanoseconds: timer interrupts closer to each other count as one tick. */
#define TICK_MIN (TICK_NSEC - TICK_NSEC / 8)
/* While the kernel boots, it has no stopper, and some parts take their time. */
#define BOOT_FACTOR 20

/* Milliseconds on a virtual CPU without a sign of life, after which the kernel ends; 0: it may take any time. */
unsigned int rump_lockup_ms = 700;

static u32 watch_timer; /* number of the timer that belongs to no CPU */
static u32 armed;	/* it is */
static bool over;	/* the kernel is being halted: no kick may come any more */

static DEFINE_PER_CPU(struct cpu_stop_work, pause_work);
static DEFINE_PER_CPU(bool, pause_queued);

static int __init set_lockup_ms(char *text)
{
	return kstrtouint(text, 0, &rump_lockup_ms);
}
early_param("rump.lockup_ms", set_lockup_ms);

static unsigned int patience_ms(void)
{
	return system_state < SYSTEM_RUNNING ? rump_lockup_ms * BOOT_FACTOR : rump_lockup_ms;
}

void rump_watch_prepare(u32 timer)
{
	watch_timer = timer;
}

void rump_watch_end(void)
{
	xchg(&over, true);
	rump_hyp->timer_set(rump_instance, watch_timer, HYP_FOREVER);
}

static void arm(void)
{
	if (!READ_ONCE(over) && !xchg(&armed, 1))
		rump_hyp->timer_set(rump_instance, watch_timer,
				    rump_hyp->clock_monotonic(rump_instance) + WATCH_PERIOD);
}

/* ---- late interrupts: in upcalls of the timer ---- */

/** rump_watch_begin() - a tick of @cpu's has become pending */
void rump_watch_begin(struct rump_cpu *cpu)
{
	if (READ_ONCE(cpu->token))
		arm();
}

/** rump_kick() - interrupt whoever carries @cpu, unless that is in the host's hands */
void rump_kick(struct rump_cpu *cpu)
{
	/* Records are never freed; should the carrier have changed meanwhile, a kick harms nobody. */
	struct rump_carrier *carrier = READ_ONCE(cpu->carrier);

	if (carrier && READ_ONCE(carrier->host) && !READ_ONCE(cpu->in_host))
		rump_hyp->thread_kick(rump_instance, READ_ONCE(carrier->host));
}

/* Returns true when @cpu is to be looked at again. */
static bool look_at(struct rump_cpu *cpu)
{
	unsigned long ticks = READ_ONCE(cpu->ticks);

	if (!(READ_ONCE(cpu->pending) & BIT(RUMP_IRQ_TIMER)) || !READ_ONCE(cpu->token)) {
		cpu->seen = ULONG_MAX;
		return false;
	}
	if (cpu->seen == ticks)
		rump_kick(cpu);
	cpu->seen = ticks;
	return true;
}

/** rump_watch_evict() - the kernel has ended: take out who does not look up by himself, whether or not anyone waits */
void rump_watch_evict(void)
{
	arm();
}

/* Returns true when somebody is still inside. A callback of the program's is not, and looks when it returns. */
static bool evict(struct rump_cpu *cpu)
{
	if (!READ_ONCE(cpu->token) || READ_ONCE(cpu->in_host))
		return false;
	rump_kick(cpu);
	return true;
}

/** rump_watch_upcall() - is @timer the one of the watch's? It has fired then */
bool rump_watch_upcall(u32 timer)
{
	bool again = false;
	unsigned int i;

	if (timer != watch_timer)
		return false;
	/* First: whoever finds it armed afterwards relies on the looks below. */
	xchg(&armed, 0);
	for (i = 0; i < rump_info.cpus; i++)
		again |= READ_ONCE(rump_ended) ? evict(&rump_cpus[i]) : look_at(&rump_cpus[i]);
	if (again)
		arm();
	return true;
}

/* ---- kicks: in a signal handler of the host's, on the thread that was kicked ---- */

/** rump_is_stuck() - @cpu has taken no interrupt for as long as is bearable */
bool rump_is_stuck(const struct rump_cpu *cpu)
{
	return rump_lockup_ms && READ_ONCE(cpu->late) >= patience_ms() / (WATCH_PERIOD / NSEC_PER_MSEC);
}

/**
 * rump_kicked() - where is a thread to go on that was kicked?
 * Return: false when where it was
 */
bool rump_kicked(struct hyp_fault *fault)
{
	struct rump_top *top;
	struct rump_cpu *cpu;

	if (!rump_kernel_stack(fault->sp))
		return false;
	top = rump_top_of((void *)fault->sp);
	cpu = top->cpu;
	if (!rump_kernel_text(fault->pc)) {
		if (READ_ONCE(cpu->yielding) && !top->irqs_on)
			WRITE_ONCE(cpu->late, cpu->late + 1);
		return false; /* code of the host's; rump_relax() looks afterwards */
	}
	if (READ_ONCE(cpu->in_host))
		return false;
	if (READ_ONCE(rump_ended)) {
		fault->pc = (uintptr_t)rump_evict_entry;
		return true;
	}
	if (CPU_TAKES_INTERRUPTS_ANYWHERE && top->irqs_on) {
		/* There, the place where the thread was is not safe yet from being overwritten. */
		if (cpu_in_interrupt_entry(fault->pc))
			return false;
		cpu->kicked_at = fault->pc;
		fault->pc = cpu_interrupt_entry();
		if (READ_ONCE(*top->pending) & BIT(RUMP_IRQ_TIMER))
			cpu->stale += TICKS_BEFORE_KICK;
		return true;
	}
	WRITE_ONCE(cpu->late, cpu->late + 1);
	if (!rump_is_stuck(cpu))
		return false;
	cpu->kicked_at = fault->pc;
	fault->pc = (uintptr_t)rump_stuck_entry;
	return true;
}

/* ---- inside ---- */

/** rump_what_runs() - what a task does, in a few words, in @buf of @size bytes */
const char *rump_what_runs(const struct task_struct *task, char *buf, size_t size)
{
	const struct rumpus_image_thread *caller = READ_ONCE(task->thread.caller);

	if (caller && caller->number >= 0)
		snprintf(buf, size, "system call %ld", caller->number);
	else
		snprintf(buf, size, "%s", task->comm);
	return buf;
}

/** rump_stuck() - a loop with interrupts off, which a kick has ended, or which waits */
void __noreturn rump_stuck(void)
{
	struct rump_top *top = rump_top();
	char what[32];

	WRITE_ONCE(top->cpu->late, 0);
	if (top->cpu->kicked_at)
		panic("lock-up: CPU %u takes no interrupts, in %s, image offset %lx", top->id,
		      rump_what_runs(current, what, sizeof(what)), top->cpu->kicked_at - (unsigned long)_text);
	panic("lock-up: CPU %u waits with interrupts off, in %s", top->id, rump_what_runs(current, what, sizeof(what)));
}

static int paused(void *arg)
{
	this_cpu_write(pause_queued, false);
	return 0;
}

/** rump_watch_tick() - a timer interrupt: has one task had @cpu for too long? */
void rump_watch_tick(struct rump_cpu *cpu)
{
	u64 now = sched_clock();
	unsigned int limit = patience_ms() / (TICK_NSEC / NSEC_PER_MSEC);

	cpu->late = 0;
	cpu->ticks++;
	if (now - cpu->ticked < TICK_MIN)
		return;
	cpu->ticked = now;
	if (++cpu->stale < limit / 3 || !rump_lockup_ms || system_state < SYSTEM_RUNNING)
		return;
	/* A task that asks now and then whether another is to run gives way to the stopper: the sign of life. */
	if (!this_cpu_read(pause_queued)) {
		this_cpu_write(pause_queued, true);
		if (!stop_one_cpu_nowait(cpu->id, paused, NULL, this_cpu_ptr(&pause_work)))
			this_cpu_write(pause_queued, false);
	}
	if (cpu->stale >= limit) {
		char what[32];

		panic("soft lock-up: CPU %u does nothing but %s", cpu->id, rump_what_runs(current, what, sizeof(what)));
	}
}
