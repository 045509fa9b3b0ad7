/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_STACK_H
#define _CPU_STACK_H

register unsigned long current_stack_pointer asm("rsp");

/* What cpu_switch() leaves on a stack that is not running, a frame record: the frame pointer, then where to go on. */
#define CPU_SWITCH_PC 1
/* At the top of a prepared stack, below a multiple of 16 bytes: that, and what rump_context_entry takes. */
#define CPU_CONTEXT_START 2
#define CPU_CONTEXT_WORDS 3

/**
 * cpu_switch() - go on on another stack
 * @save: out: what to switch to in order to come back
 * @to:   saved by another cpu_switch(), or prepared
 *
 * The compiler saves what it needs of the registers. Neither a call nor a return is made, so that those of both sides
 * stay paired for the processor's prediction, and the jump of each place has a target of its own to be predicted. The
 * control words of the floating-point units stay those of the host thread that is inside.
 */
static __always_inline void cpu_switch(void **save, void *to)
{
	asm volatile("leaq	1f(%%rip), %%rax\n"
		     "pushq	%%rax\n"
		     "pushq	%%rbp\n"
		     "movq	%%rsp, (%[save])\n"
		     "movq	%[to], %%rsp\n"
		     "popq	%%rbp\n"
		     "popq	%%rax\n"
		     "jmp	*%%rax\n"
		     "1:\n"
		     : [save] "+D"(save), [to] "+S"(to)
		     :
		     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
		       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		       "xmm14", "xmm15", "cc", "memory");
}

#endif
