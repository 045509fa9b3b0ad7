/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies between kernel and user memory, either of which side may fault: 64 bytes at a time, then 8, then one. A fault
 * in a longer step changes to single bytes at the step's begin, so that what is reported as done is exact.
 */
#include <linux/linkage.h>

	/* The next instruction may fault, and goes on at @landing then. */
	.macro	landing landing
	.pushsection __ex_table, "a"
	.balign	4
	.long	9999f - .
	.long	\landing - .
	.popsection
9999:
	.endm

/* unsigned long cpu_copy_user(void *to, const void *from, unsigned long n) */
SYM_FUNC_START(cpu_copy_user)
	subs	x3, x2, #64
	b.lo	2f
1:	landing 4f
	ldp	q0, q1, [x1]
	landing 4f
	ldp	q2, q3, [x1, #32]
	landing 4f
	stp	q0, q1, [x0]
	landing 4f
	stp	q2, q3, [x0, #32]
	add	x1, x1, #64
	add	x0, x0, #64
	mov	x2, x3
	subs	x3, x3, #64
	b.hs	1b
2:	subs	x3, x2, #8
	b.lo	4f
3:	landing 4f
	ldr	x4, [x1]
	landing 4f
	str	x4, [x0]
	add	x1, x1, #8
	add	x0, x0, #8
	mov	x2, x3
	subs	x3, x3, #8
	b.hs	3b
4:	cbz	x2, 6f
5:	landing 6f
	ldrb	w4, [x1]
	landing 6f
	strb	w4, [x0]
	add	x1, x1, #1
	add	x0, x0, #1
	subs	x2, x2, #1
	b.ne	5b
6:	mov	x0, x2
	ret
SYM_FUNC_END(cpu_copy_user)

/* unsigned long cpu_clear_user(void *to, unsigned long n) */
SYM_FUNC_START(cpu_clear_user)
	movi	v0.2d, #0
	subs	x3, x1, #32
	b.lo	2f
1:	landing 2f
	stp	q0, q0, [x0]
	add	x0, x0, #32
	mov	x1, x3
	subs	x3, x3, #32
	b.hs	1b
2:	cbz	x1, 4f
3:	landing 4f
	strb	wzr, [x0]
	add	x0, x0, #1
	subs	x1, x1, #1
	b.ne	3b
4:	mov	x0, x1
	ret
SYM_FUNC_END(cpu_clear_user)

	.section .note.GNU-stack, "", %progbits
