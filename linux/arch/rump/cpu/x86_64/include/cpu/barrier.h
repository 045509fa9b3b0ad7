/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_BARRIER_H
#define _CPU_BARRIER_H
/* x86-64 orders all but a store before a load of another place (TSO). */
#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() barrier()
#define wmb() barrier()
#define __smp_mb() mb()
#define __smp_rmb() barrier()
#define __smp_wmb() barrier()
#define __smp_store_release(p, v) do { barrier(); WRITE_ONCE(*(p), v); } while (0)
#define __smp_load_acquire(p) ({ typeof(*(p)) ___value = READ_ONCE(*(p)); barrier(); ___value; })
#define __smp_mb__before_atomic() barrier()
#define __smp_mb__after_atomic() barrier()
#endif
