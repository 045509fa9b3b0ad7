/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atomic operations out of the compiler's: those that return a value are fully ordered, because a locked instruction of
 * this CPU is a full barrier. Elsewhere the compiler's __ATOMIC_SEQ_CST promises less than the tree's names do.
 */
#ifndef _CPU_ATOMIC_H
#define _CPU_ATOMIC_H
#include <linux/types.h>
#include <asm/cmpxchg.h>
#include <asm/barrier.h>

#define RUMP_ATOMIC_VOID(type, prefix, op)								\
static __always_inline void arch_##prefix##_##op(type i, prefix##_t *v)					\
{													\
	__atomic_fetch_##op(&v->counter, i, __ATOMIC_RELAXED);						\
}													\
static __always_inline type arch_##prefix##_fetch_##op(type i, prefix##_t *v)				\
{													\
	return __atomic_fetch_##op(&v->counter, i, __ATOMIC_SEQ_CST);					\
}

#define RUMP_ATOMIC_RETURN(type, prefix, op)								\
static __always_inline type arch_##prefix##_##op##_return(type i, prefix##_t *v)			\
{													\
	return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_SEQ_CST);					\
}

#define RUMP_ATOMIC(type, prefix)									\
static __always_inline type arch_##prefix##_read(const prefix##_t *v)					\
{													\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);						\
}													\
static __always_inline void arch_##prefix##_set(prefix##_t *v, type i)					\
{													\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);						\
}													\
RUMP_ATOMIC_VOID(type, prefix, add)									\
RUMP_ATOMIC_VOID(type, prefix, sub)									\
RUMP_ATOMIC_VOID(type, prefix, and)									\
RUMP_ATOMIC_VOID(type, prefix, or)									\
RUMP_ATOMIC_VOID(type, prefix, xor)									\
RUMP_ATOMIC_RETURN(type, prefix, add)									\
RUMP_ATOMIC_RETURN(type, prefix, sub)

RUMP_ATOMIC(int, atomic)
RUMP_ATOMIC(s64, atomic64)

#define arch_atomic_add_return arch_atomic_add_return
#define arch_atomic_sub_return arch_atomic_sub_return
#define arch_atomic_fetch_add arch_atomic_fetch_add
#define arch_atomic_fetch_sub arch_atomic_fetch_sub
#define arch_atomic_fetch_and arch_atomic_fetch_and
#define arch_atomic_fetch_or arch_atomic_fetch_or
#define arch_atomic_fetch_xor arch_atomic_fetch_xor
#define arch_atomic64_add_return arch_atomic64_add_return
#define arch_atomic64_sub_return arch_atomic64_sub_return
#define arch_atomic64_fetch_add arch_atomic64_fetch_add
#define arch_atomic64_fetch_sub arch_atomic64_fetch_sub
#define arch_atomic64_fetch_and arch_atomic64_fetch_and
#define arch_atomic64_fetch_or arch_atomic64_fetch_or
#define arch_atomic64_fetch_xor arch_atomic64_fetch_xor
#define ATOMIC64_INIT(i) { (i) }
#define arch_atomic_xchg(v, new) arch_xchg(&(v)->counter, (new))
#define arch_atomic_cmpxchg(v, old, new) arch_cmpxchg(&(v)->counter, (old), (new))
#define arch_atomic64_xchg(v, new) arch_xchg(&(v)->counter, (new))
#define arch_atomic64_cmpxchg(v, old, new) arch_cmpxchg(&(v)->counter, (old), (new))
#endif
