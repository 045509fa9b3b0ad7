/* SPDX-License-Identifier: GPL-2.0-only */
/* How this CPU copies and sets memory: by its string instructions, which CPUs of today do best */
#ifndef _CPU_STRING_H
#define _CPU_STRING_H
#include <linux/types.h>

typedef u64 u64x2 __attribute__((vector_size(16), aligned(1), may_alias));

/* From here on, "rep movsb" has paid for its start. */
#define CPU_COPY_LONG_MIN 256

/* Forward, at least CPU_COPY_LONG_MIN bytes. */
static __always_inline void cpu_copy_long(void *to, const void *from, size_t n)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static __always_inline void cpu_set(void *to, int value, size_t n)
{
	asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
}
#endif
