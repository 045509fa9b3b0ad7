// SPDX-License-Identifier: GPL-2.0-only
/* More than one virtual CPU */
#include <linux/cpu.h>
#include <linux/export.h>
#include <linux/sched/hotplug.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>
#include "carry.h"
#include "tree.h"

static void point_stack_at_cpu(void *stack, struct rump_cpu *cpu)
{
	struct rump_top *top = rump_top_of(stack);

	top->cpu = cpu;
	top->pending = &cpu->pending;
	top->id = cpu->id;
	top->percpu = per_cpu_offset(cpu->id);
}

static void secondary_start(void)
{
	unsigned int cpu = smp_processor_id();

	mmgrab(&init_mm);
	current->active_mm = &init_mm;
	rump_timer_start_cpu();
	notify_cpu_starting(cpu);
	set_cpu_online(cpu, true);
	local_irq_enable();
	cpu_startup_entry(CPUHP_AP_ONLINE_IDLE);
}

int __cpu_up(unsigned int id, struct task_struct *idle)
{
	struct rump_cpu *cpu = &rump_cpus[id];
	int err;

	rump_stack_init(task_stack_page(idle), idle, secondary_start, &cpu->kernel_sp);
	point_stack_at_cpu(task_stack_page(idle), cpu);
	err = rump_cpu_start(cpu);
	if (err)
		return err;
	while (!cpu_online(id))
		cpu_relax();
	return 0;
}

void __init smp_prepare_boot_cpu(void)
{
	point_stack_at_cpu(current->stack, &rump_cpus[0]);
	__pv_init_lock_hash();
}

void __init smp_prepare_cpus(unsigned int max_cpus)
{
}

void __init smp_cpus_done(unsigned int max_cpus)
{
}

/* A panic stops the others by rump_end(). */
void smp_send_stop(void)
{
}

void arch_smp_send_reschedule(int cpu)
{
	rump_raise_soon(&rump_cpus[cpu], RUMP_IRQ_RESCHEDULE);
}

void arch_send_call_function_single_ipi(int cpu)
{
	rump_raise_soon(&rump_cpus[cpu], RUMP_IRQ_CALL_FUNCTION);
}

void arch_send_call_function_ipi_mask(const struct cpumask *mask)
{
	int cpu;

	for_each_cpu(cpu, mask)
		rump_raise_soon(&rump_cpus[cpu], RUMP_IRQ_CALL_FUNCTION);
}

/* ---- waiting for a lock ---- */

/* With interrupts enabled, how long those that come meanwhile may have to wait. */
#define LOCK_PATIENCE NSEC_PER_MSEC

/* Modules give up locks in line. */
EXPORT_SYMBOL(__pv_queued_spin_unlock);

/** pv_wait() - a lock's word is @val and long has been: give the host's processor to others until pv_kick(), or less */
void pv_wait(u8 *ptr, u8 val)
{
	struct rump_top *top = rump_top();
	u32 *kick = &top->cpu->kick, seen = smp_load_acquire(kick);
	u64 deadline = HYP_FOREVER;

	if (READ_ONCE(*ptr) != val || READ_ONCE(rump_ended))
		return;
	rump_wake_now(top->cpu);
	if (top->irqs_on)
		deadline = rump_hyp->clock_monotonic(rump_instance) + LOCK_PATIENCE;
	WRITE_ONCE(top->cpu->yielding, true); /* to the watch this is a waiting loop */
	rump_hyp->wait(rump_instance, kick, seen, deadline);
	WRITE_ONCE(top->cpu->yielding, false);
	cpu_relax(); /* interrupts, or the kernel's end */
}

void pv_kick(int cpu)
{
	__atomic_fetch_add(&rump_cpus[cpu].kick, 1, __ATOMIC_SEQ_CST);
	rump_hyp->wake(rump_instance, &rump_cpus[cpu].kick, 1);
}

/* ---- idle ---- */

void arch_cpu_idle(void)
{
	if (!READ_ONCE(*rump_top()->pending))
		rump_leave(NULL, false);
}
