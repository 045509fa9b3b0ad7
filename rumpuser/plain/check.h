/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's use of locks, threads and memory is not checked; rumpuser/debug/ has the other variant. */
#ifndef RUMPUSER_CHECK_H
#define RUMPUSER_CHECK_H

#include <stddef.h>

#include "rumpuser.h"

static inline void ru_check_mutex_init(struct rumpuser_mtx *mtx, int flags)
{
}

static inline void ru_check_mutex_destroy(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_enter(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_entered(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_exit(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_cv_init(struct rumpuser_cv *cv)
{
}

static inline void ru_check_cv_destroy(struct rumpuser_cv *cv, unsigned int waiters)
{
}

static inline void ru_check_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_cv_signal(struct rumpuser_cv *cv)
{
}

static inline void ru_check_rw_init(struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_destroy(struct rumpuser_rw *rw, unsigned int held)
{
}

static inline void ru_check_rw_enter(struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_entered(struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_held(struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_exit(struct rumpuser_rw *rw)
{
}

static inline void ru_check_sleep(void *interlock)
{
}

static inline void ru_check_free(void *memory, size_t size, size_t allocated)
{
}

static inline void ru_check_thread_end(const void *function)
{
}

#endif
