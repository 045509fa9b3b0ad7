/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the compiler makes each function of the tree call first, with the stack and all registers as its caller left
 * them but for the return address on top. %r11 is nobody's there.
 */
#include <linux/export.h>
#include <linux/linkage.h>

SYM_FUNC_START(__fentry__)
	leaq	ftrace_stub(%rip), %r11
	cmpq	%r11, ftrace_trace_function(%rip)
	jne	1f
SYM_INNER_LABEL(ftrace_stub, SYM_L_GLOBAL)
	ret
1:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	movq	%rsp, %rax
	andq	$-16, %rsp
	pushq	%rax
	pushq	%rax
	/* (function, its caller, struct ftrace_ops *, no registers) */
	movq	8(%rbp), %rdi
	movq	16(%rbp), %rsi
	movq	function_trace_op(%rip), %rdx
	xorl	%ecx, %ecx
	call	*ftrace_trace_function(%rip)
	popq	%rsp
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	popq	%rbp
	ret
SYM_FUNC_END(__fentry__)
EXPORT_SYMBOL(__fentry__)

	.section .note.GNU-stack, "", @progbits
