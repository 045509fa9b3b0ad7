/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's use of locks and threads is not checked; rumpuser/debug/ has the other variant. */
#ifndef RUMPUSER_CHECK_H
#define RUMPUSER_CHECK_H

#include "internal.h"

static inline void ru_check_mutex_init(struct rumpuser_mtx *mtx, int flags)
{
}

static inline void ru_check_mutex_destroy(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_enter(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_tryenter(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_exit(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_mutex_owner(struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_cv_init(struct rumpuser_cv *cv)
{
}

static inline void ru_check_cv_destroy(struct rumpuser_cv *cv, uint32_t waiters)
{
}

static inline void ru_check_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
}

static inline void ru_check_rw_init(struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_destroy(struct rumpuser_rw *rw, uint32_t held)
{
}

static inline void ru_check_rw_enter(int kind, struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_entered(int kind, struct rumpuser_rw *rw)
{
}

static inline void ru_check_rw_held(const char *call, struct rumpuser_rw *rw, int kind)
{
}

static inline void ru_check_rw_exit(struct rumpuser_rw *rw, int kind)
{
}

static inline void ru_check_lwp(int op, struct lwp *l)
{
}

#endif
