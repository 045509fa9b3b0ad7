/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_KICK_H
#define _CPU_KICK_H
#include <linux/types.h>

/*
 * There is no jump that needs no register, so nothing can go back to any instruction as if it had never left: interrupts
 * are taken at the kernel's own places alone. A loop without any is locked up.
 */
#define CPU_TAKES_INTERRUPTS_ANYWHERE false

static inline bool cpu_in_interrupt_entry(uintptr_t pc)
{
	return false;
}

static inline uintptr_t cpu_interrupt_entry(void)
{
	return 0;
}
#endif
