/* SPDX-License-Identifier: GPL-2.0-only */
/* All are fully ordered, as the tree's names without a suffix promise: a locked instruction is a full barrier. */
#ifndef _CPU_CMPXCHG_H
#define _CPU_CMPXCHG_H
#define arch_xchg(ptr, new) ({								\
	__typeof__(*(ptr)) __new = (__typeof__(*(ptr)))(new), __was;			\
	__atomic_exchange((ptr), &__new, &__was, __ATOMIC_SEQ_CST);			\
	__was;										\
})
#define arch_cmpxchg(ptr, old, new) ({							\
	__typeof__(*(ptr)) __old = (__typeof__(*(ptr)))(old);				\
	__typeof__(*(ptr)) __new = (__typeof__(*(ptr)))(new);				\
	__atomic_compare_exchange((ptr), &__old, &__new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);	\
	__old;										\
})
#define arch_cmpxchg_local arch_cmpxchg
#define arch_cmpxchg64 arch_cmpxchg
#define arch_cmpxchg64_local arch_cmpxchg
#define arch_cmpxchg64_relaxed arch_cmpxchg
#define arch_cmpxchg_relaxed arch_cmpxchg
#endif
