// SPDX-License-Identifier: GPL-2.0-only
/* Delivery of pending interrupts */
#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/irq_regs.h>
#include <cpu/pause.h>
#include "carry.h"

/* A waiting loop this long waits for another virtual CPU: its carrier may want this thread's processor. */
#define RELAX_BEFORE_YIELD 256

static void deliver(unsigned long pending)
{
	if (pending & BIT(RUMP_IRQ_TIMER))
		rump_timer_interrupt();
	if (pending & BIT(RUMP_IRQ_CALLER))
		rump_callers_interrupt(rump_top()->cpu);
	if (pending & BIT(RUMP_IRQ_RESCHEDULE))
		scheduler_ipi();
	if (pending & BIT(RUMP_IRQ_CALL_FUNCTION))
		generic_smp_call_function_interrupt();
	if (pending & BIT(RUMP_IRQ_MEMORY))
		rump_memory_interrupt();
	if (pending & BIT(RUMP_IRQ_WINDOW))
		rump_window_interrupt();
	if (pending & BIT(RUMP_IRQ_HUNG))
		rump_hung_interrupt();
	for (pending >>= RUMP_IRQ_DEVICE; pending; pending &= pending - 1)
		generic_handle_irq(RUMP_IRQ_DEVICE + __ffs(pending));
}

/**
 * rump_deliver_interrupts() - run the handlers of all that is pending; interrupts have just been enabled
 */
void rump_deliver_interrupts(void)
{
	bool traced = lockdep_hardirqs_enabled();
	unsigned long pending;

	rump_top()->irqs_on = 0;
	if (traced)
		trace_hardirqs_off();
	while ((pending = xchg(rump_top()->pending, 0))) {
		struct pt_regs *outer;

		if (unlikely(pending & BIT(RUMP_IRQ_STOP)))
			rump_leave_for_good();
		if (pending & BIT(RUMP_IRQ_WAKE)) {
			rump_wake_now(rump_top()->cpu);
			pending &= ~BIT(RUMP_IRQ_WAKE);
			if (!pending)
				continue;
		}
		outer = set_irq_regs(task_pt_regs(current));
		irq_enter();
		deliver(pending);
		irq_exit();
		set_irq_regs(outer);
	}
	if (traced)
		trace_hardirqs_on();
	rump_top()->irqs_on = 1;
}
EXPORT_SYMBOL(rump_deliver_interrupts);

/** rump_relax() - cpu_relax(): in a waiting loop of the kernel's */
void rump_relax(void)
{
	struct rump_top *top = rump_top();

	cpu_pause();
	if (!(++top->cpu->relaxed % RELAX_BEFORE_YIELD)) {
		WRITE_ONCE(top->cpu->yielding, true);
		rump_hyp->yield(rump_instance);
		WRITE_ONCE(top->cpu->yielding, false);
	}
	if (!READ_ONCE(*top->pending))
		return;
	/* It may wait for one that is yet to be woken. */
	if (top->cpu->wakes)
		rump_wake_now(top->cpu);
	if (top->irqs_on)
		rump_deliver_interrupts();
	else if (unlikely(READ_ONCE(rump_ended)))
		rump_leave_for_good();
	else if (unlikely(rump_is_stuck(top->cpu)))
		rump_stuck();
}
EXPORT_SYMBOL(rump_relax);

void __init init_IRQ(void)
{
	int irq;

	for (irq = 0; irq < NR_IRQS; irq++)
		irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_percpu_irq);
}

/**
 * rump_irq_alloc() - a number of the generic layer that rump_raise() can raise
 * Return: it, or -ENOSPC
 */
int rump_irq_alloc(void)
{
	static atomic_t next = ATOMIC_INIT(RUMP_IRQ_DEVICE);
	int irq = atomic_fetch_inc(&next);

	return irq < BITS_PER_LONG ? irq : -ENOSPC;
}
