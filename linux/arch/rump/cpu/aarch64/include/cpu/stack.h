/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_STACK_H
#define _CPU_STACK_H

register unsigned long current_stack_pointer asm("sp");

/* What cpu_switch() leaves on a stack that is not running, a frame record: the frame pointer, then where to go on. */
#define CPU_SWITCH_PC 1
/* At the top of a prepared stack, below a multiple of 16 bytes: that, what rump_context_entry takes, and a free word. */
#define CPU_CONTEXT_START 2
#define CPU_CONTEXT_WORDS 4

/**
 * cpu_switch() - go on on another stack
 * @save: out: what to switch to in order to come back
 * @to:   saved by another cpu_switch(), or prepared
 *
 * The compiler saves what it needs of the registers. Neither a call nor a return is made, so that those of both sides
 * stay paired for the processor's prediction. x18 is the host's and stays as it is (-ffixed-x18), and so does the
 * control word of the floating-point unit.
 */
static __always_inline void cpu_switch(void **save, void *to)
{
	register void **save_reg asm("x0") = save;
	register void *to_reg asm("x1") = to;

	asm volatile("adr	x3, 1f\n"
		     "stp	x29, x3, [sp, #-16]!\n"
		     "mov	x2, sp\n"
		     "str	x2, [%[save]]\n"
		     "mov	sp, %[to]\n"
		     "ldp	x29, x3, [sp], #16\n"
		     "br	x3\n"
		     "1:\n"
		     : [save] "+r"(save_reg), [to] "+r"(to_reg)
		     :
		     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
		       "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1",
		       "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
		       "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
		       "v31", "cc", "memory");
}

#endif
