/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_PAUSE_H
#define _CPU_PAUSE_H
/* Tell the processor that this is a waiting loop. */
static __always_inline void cpu_pause(void)
{
	asm volatile("pause" : : : "memory");
}
#endif
