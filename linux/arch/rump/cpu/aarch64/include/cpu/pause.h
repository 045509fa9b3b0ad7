/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_PAUSE_H
#define _CPU_PAUSE_H
/* A turn of a waiting loop. Most CPUs take "yield" for nothing at all; this takes some ten nanoseconds. */
static __always_inline void cpu_pause(void)
{
	asm volatile("isb" : : : "memory");
}
#endif
