/* SPDX-License-Identifier: GPL-2.0-only */
/* Stack switch and the place where a faulting kernel goes on */
#include <linux/linkage.h>

/*
 * void rump_switch(void **save, void *to)
 *
 * A plain call to its caller: only what the System V ABI lets a function keep is saved. The control words of the
 * floating-point units never differ between threads of one process that keeps to the ABI.
 */
SYM_FUNC_START(rump_switch)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
SYM_FUNC_END(rump_switch)

/*
 * A thread whose exception had no landing comes here, on the stack that it had: keep clear of its red zone.
 */
SYM_FUNC_START(rump_oops_entry)
	subq	$128, %rsp
	andq	$-16, %rsp
	call	rump_oops
	ud2
SYM_FUNC_END(rump_oops_entry)

	.section .note.GNU-stack, "", @progbits
