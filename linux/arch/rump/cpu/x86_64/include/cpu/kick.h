/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_KICK_H
#define _CPU_KICK_H
#include <linux/types.h>

void rump_interrupt_entry(void);
extern char rump_interrupt_end[];

/* An interrupt can be taken between any two instructions: rump_interrupt_entry() keeps all registers. */
#define CPU_TAKES_INTERRUPTS_ANYWHERE true

static inline bool cpu_in_interrupt_entry(uintptr_t pc)
{
	return pc >= (uintptr_t)rump_interrupt_entry && pc < (uintptr_t)rump_interrupt_end;
}

static inline uintptr_t cpu_interrupt_entry(void)
{
	return (uintptr_t)rump_interrupt_entry;
}
#endif
