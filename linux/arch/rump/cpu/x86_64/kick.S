/* SPDX-License-Identifier: GPL-2.0-only */
/* The places where a thread of the kernel's goes on that was kicked */
#include <linux/linkage.h>
#include <generated/asm-offsets.h>
#include <asm/stacktop.h>

/* A loop that takes no interrupts. */
SYM_FUNC_START(rump_stuck_entry)
	subq	$128, %rsp
	andq	$-16, %rsp
	call	rump_stuck
	ud2
SYM_FUNC_END(rump_stuck_entry)

/* The kernel has ended, and this thread did not look up. */
SYM_FUNC_START(rump_evict_entry)
	subq	$128, %rsp
	andq	$-16, %rsp
	call	rump_leave_for_good
	ud2
SYM_FUNC_END(rump_evict_entry)

/*
 * An interrupt between any two instructions: take what is pending, then go on as if nothing had been. All registers that
 * the called functions may change are kept; the image uses no vector register beyond the first 16 bytes of the first 16.
 */
SYM_FUNC_START(rump_interrupt_entry)
	leaq	-136(%rsp), %rsp
	pushfq
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rsp, %rax
	orq	$(THREAD_SIZE - 1), %rax
	movq	(1 - TOP_SIZE + TOP_CPU)(%rax), %rax
	movq	CPU_KICKED_AT(%rax), %rax
	movq	%rax, 88(%rbp)
	cld
	subq	$256, %rsp
	andq	$-16, %rsp
	movaps	%xmm0, (%rsp)
	movaps	%xmm1, 16(%rsp)
	movaps	%xmm2, 32(%rsp)
	movaps	%xmm3, 48(%rsp)
	movaps	%xmm4, 64(%rsp)
	movaps	%xmm5, 80(%rsp)
	movaps	%xmm6, 96(%rsp)
	movaps	%xmm7, 112(%rsp)
	movaps	%xmm8, 128(%rsp)
	movaps	%xmm9, 144(%rsp)
	movaps	%xmm10, 160(%rsp)
	movaps	%xmm11, 176(%rsp)
	movaps	%xmm12, 192(%rsp)
	movaps	%xmm13, 208(%rsp)
	movaps	%xmm14, 224(%rsp)
	movaps	%xmm15, 240(%rsp)
	call	rump_deliver_interrupts
	movaps	(%rsp), %xmm0
	movaps	16(%rsp), %xmm1
	movaps	32(%rsp), %xmm2
	movaps	48(%rsp), %xmm3
	movaps	64(%rsp), %xmm4
	movaps	80(%rsp), %xmm5
	movaps	96(%rsp), %xmm6
	movaps	112(%rsp), %xmm7
	movaps	128(%rsp), %xmm8
	movaps	144(%rsp), %xmm9
	movaps	160(%rsp), %xmm10
	movaps	176(%rsp), %xmm11
	movaps	192(%rsp), %xmm12
	movaps	208(%rsp), %xmm13
	movaps	224(%rsp), %xmm14
	movaps	240(%rsp), %xmm15
	movq	%rbp, %rsp
	popq	%rbp
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	popfq
	ret	$128
SYM_INNER_LABEL(rump_interrupt_end, SYM_L_GLOBAL)
SYM_FUNC_END(rump_interrupt_entry)

	.section .note.GNU-stack, "", @progbits
