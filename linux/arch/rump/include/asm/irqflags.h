/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts are words: they are delivered where the kernel enables them, waits (cpu_relax, idle) or is entered, and
 * nowhere else.
 */
#ifndef _ASM_RUMP_IRQFLAGS_H
#define _ASM_RUMP_IRQFLAGS_H
#include <linux/compiler.h>
#include <asm/stacktop.h>

void rump_deliver_interrupts(void);

static __always_inline unsigned long arch_local_save_flags(void)
{
	return rump_top()->irqs_on;
}

static __always_inline void arch_local_irq_disable(void)
{
	rump_top()->irqs_on = 0;
	barrier();
}

static __always_inline void arch_local_irq_enable(void)
{
	struct rump_top *top = rump_top();

	barrier();
	top->irqs_on = 1;
	if (unlikely(*(volatile unsigned long *)top->pending))
		rump_deliver_interrupts();
	barrier();
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	arch_local_irq_disable();
	return flags;
}

static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	if (flags)
		arch_local_irq_enable();
	else
		arch_local_irq_disable();
}

static __always_inline int arch_irqs_disabled_flags(unsigned long flags)
{
	return !flags;
}

static __always_inline int arch_irqs_disabled(void)
{
	return !arch_local_save_flags();
}
#endif
