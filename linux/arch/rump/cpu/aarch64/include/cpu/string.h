/* SPDX-License-Identifier: GPL-2.0-only */
/* How this CPU copies and sets memory: by pairs of vector registers */
#ifndef _CPU_STRING_H
#define _CPU_STRING_H
#include <linux/types.h>

typedef u64 u64x2 __attribute__((vector_size(16), aligned(1), may_alias));

#define CPU_COPY_LONG_MIN 64

/*
 * Forward, at least CPU_COPY_LONG_MIN bytes, which may overlap when the target comes first: a step loads all that it
 * stores before it stores, and so does the last one, which may begin within the step before it.
 */
static __always_inline void cpu_copy_long(u8 *to, const u8 *from, size_t n)
{
	asm volatile("add	x3, %[from], %[n]\n"
		     "add	x4, %[to], %[n]\n"
		     "ldp	q4, q5, [x3, #-64]\n"
		     "ldp	q6, q7, [x3, #-32]\n"
		     "1:	ldp	q0, q1, [%[from]], #64\n"
		     "ldp	q2, q3, [%[from], #-32]\n"
		     "stp	q0, q1, [%[to]], #64\n"
		     "stp	q2, q3, [%[to], #-32]\n"
		     "sub	%[n], %[n], #64\n"
		     "cmp	%[n], #64\n"
		     "b.hi	1b\n"
		     "stp	q4, q5, [x4, #-64]\n"
		     "stp	q6, q7, [x4, #-32]\n"
		     : [to] "+r"(to), [from] "+r"(from), [n] "+r"(n)
		     :
		     : "x3", "x4", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "cc", "memory");
}

static __always_inline void cpu_set(u8 *to, int value, size_t n)
{
	u64 bytes = (u8)value * 0x0101010101010101UL;
	u64x2 pattern = { bytes, bytes };
	u8 *end = to + n;

	if (n >= 16) {
		for (; end - to > 32; to += 32) {
			*(u64x2 *)to = pattern;
			*(u64x2 *)(to + 16) = pattern;
		}
		if (end - to > 16)
			*(u64x2 *)to = pattern;
		*(u64x2 *)(end - 16) = pattern;
	} else {
		/* The compiler is not to see a memset() in it. */
		for (; to < end; to++)
			*(volatile u8 *)to = value;
	}
}
#endif
