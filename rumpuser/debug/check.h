/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of how the kernel uses locks, threads and memory. Whoever breaks a rule ends the process with a message that
 * names the rule and the caller; rumpuser/plain/ has the variant that trusts the kernel.
 */
#ifndef RUMPUSER_CHECK_H
#define RUMPUSER_CHECK_H

#include <stddef.h>

#include "rumpuser.h"

/** enum ru_kind - what a lock is; in its last bytes */
enum ru_kind {
	RU_KIND_NONE,
	RU_KIND_MUTEX = 0x4d747831,
	RU_KIND_CV = 0x43763131,
	RU_KIND_RW = 0x52773131,
};

void ru_debug_init(void *lock, enum ru_kind kind);
void ru_debug_destroy(const char *call, void *lock, enum ru_kind kind);
void ru_debug_enter(const char *call, void *lock, enum ru_kind kind);
void ru_debug_entered(const char *call, void *lock, enum ru_kind kind);
void ru_debug_held(const char *call, void *lock, enum ru_kind kind);
void ru_debug_exit(const char *call, void *lock, enum ru_kind kind);
void ru_debug_kind(const char *call, void *lock, enum ru_kind kind);
void ru_debug_waiters(const char *call, void *lock, unsigned int waiters);
void ru_debug_sleep(const char *call, void *interlock);
void ru_debug_free(const char *call, void *memory, size_t size, size_t allocated);
void ru_debug_thread_end(const char *call, const void *function);

static inline void ru_check_mutex_init(struct rumpuser_mtx *mtx, int flags)
{
	ru_debug_init(mtx, RU_KIND_MUTEX);
}

static inline void ru_check_mutex_destroy(struct rumpuser_mtx *mtx)
{
	ru_debug_destroy("rumpuser_mutex_destroy", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_mutex_enter(struct rumpuser_mtx *mtx)
{
	ru_debug_enter("rumpuser_mutex_enter", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_mutex_entered(struct rumpuser_mtx *mtx)
{
	ru_debug_entered("rumpuser_mutex_enter", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_mutex_exit(struct rumpuser_mtx *mtx)
{
	ru_debug_exit("rumpuser_mutex_exit", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_cv_init(struct rumpuser_cv *cv)
{
	ru_debug_init(cv, RU_KIND_CV);
}

static inline void ru_check_cv_destroy(struct rumpuser_cv *cv, unsigned int waiters)
{
	ru_debug_waiters("rumpuser_cv_destroy", cv, waiters);
	ru_debug_destroy("rumpuser_cv_destroy", cv, RU_KIND_CV);
}

/* Not that the mutex is held: the scheduler's own is not, on entry. */
static inline void ru_check_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	ru_debug_kind("rumpuser_cv_wait", cv, RU_KIND_CV);
	ru_debug_kind("rumpuser_cv_wait", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	ru_debug_kind("rumpuser_cv_wait_nowrap", cv, RU_KIND_CV);
	ru_debug_held("rumpuser_cv_wait_nowrap", mtx, RU_KIND_MUTEX);
}

static inline void ru_check_cv_signal(struct rumpuser_cv *cv)
{
	ru_debug_kind("rumpuser_cv_signal", cv, RU_KIND_CV);
}

static inline void ru_check_rw_init(struct rumpuser_rw *rw)
{
	ru_debug_init(rw, RU_KIND_RW);
}

static inline void ru_check_rw_destroy(struct rumpuser_rw *rw, unsigned int held)
{
	ru_debug_waiters("rumpuser_rw_destroy", rw, held);
	ru_debug_destroy("rumpuser_rw_destroy", rw, RU_KIND_RW);
}

static inline void ru_check_rw_enter(struct rumpuser_rw *rw)
{
	ru_debug_enter("rumpuser_rw_enter", rw, RU_KIND_RW);
}

static inline void ru_check_rw_entered(struct rumpuser_rw *rw)
{
	ru_debug_entered("rumpuser_rw_enter", rw, RU_KIND_RW);
}

static inline void ru_check_rw_held(struct rumpuser_rw *rw)
{
	ru_debug_held("rumpuser_rw_tryupgrade or _downgrade", rw, RU_KIND_RW);
}

static inline void ru_check_rw_exit(struct rumpuser_rw *rw)
{
	ru_debug_exit("rumpuser_rw_exit", rw, RU_KIND_RW);
}

static inline void ru_check_sleep(void *interlock)
{
	ru_debug_sleep("sleeping", interlock);
}

static inline void ru_check_free(void *memory, size_t size, size_t allocated)
{
	ru_debug_free("rumpuser_free", memory, size, allocated);
}

static inline void ru_check_thread_end(const void *function)
{
	ru_debug_thread_end("rumpuser_thread_exit", function);
}

#endif
