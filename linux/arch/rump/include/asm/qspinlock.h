/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spin, then park: the tree's paravirtual queued spin locks. A virtual CPU that waits for long gives its host processor
 * to others, the holder of the lock among them, and is woken by who unlocks.
 */
#ifndef _ASM_RUMP_QSPINLOCK_H
#define _ASM_RUMP_QSPINLOCK_H
#include <asm-generic/qspinlock_types.h>

/* Turns of a waiting loop before parking; in these, cpu_relax() yields once or twice. */
#define SPIN_THRESHOLD 512

void native_queued_spin_lock_slowpath(struct qspinlock *lock, u32 val);
void __pv_init_lock_hash(void);
void __pv_queued_spin_lock_slowpath(struct qspinlock *lock, u32 val);
void __pv_queued_spin_unlock(struct qspinlock *lock);
void __pv_queued_spin_unlock_slowpath(struct qspinlock *lock, u8 locked);
void pv_wait(u8 *ptr, u8 val);
void pv_kick(int cpu);

static inline void queued_spin_lock_slowpath(struct qspinlock *lock, u32 val)
{
	__pv_queued_spin_lock_slowpath(lock, val);
}

static inline void queued_spin_unlock(struct qspinlock *lock)
{
	__pv_queued_spin_unlock(lock);
}
#define queued_spin_unlock queued_spin_unlock

#include <asm-generic/qspinlock.h>
#endif
