/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_STACK_H
#define _CPU_STACK_H

register unsigned long current_stack_pointer asm("rsp");

/* What rump_switch() keeps on a stack that is not running: r15 r14 r13 r12 rbx rbp, then where it returns to. */
#define CPU_SWITCH_WORDS 7
#define CPU_SWITCH_PC 6
/* Words below a multiple of 16 bytes at a function's first instruction: the return address. */
#define CPU_ENTRY_SKEW 1

#endif
