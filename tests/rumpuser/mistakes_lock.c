// SPDX-License-Identifier: BSD-2-Clause
/* Mistakes in locks and condition variables */
#include <sched.h>

#include "mistakes.h"

enum { READER = RUMPUSER_RW_READER, WRITER = RUMPUSER_RW_WRITER, HOST_ETIMEDOUT = 110 };

static void mutex_keeps(struct rumpuser_mtx *m)
{
	twist = KEEPS;
	sound.mutex_enter(m);
	twist = UPRIGHT;
}

static void mutex_leaves(struct rumpuser_mtx *m)
{
	int n;

	up.hyp_backend_unschedule(0, &n, NULL);
	while (sound.mutex_tryenter(m) != 0)
		sched_yield();
	up.hyp_backend_schedule(n, NULL);
}

/* Tries first, as it ought to, but does not look at the kind. */
static void mutex_leaves_to_wait(struct rumpuser_mtx *m)
{
	if (sound.mutex_tryenter(m) != 0)
		mutex_leaves(m);
}

static void mutex_never_back(struct rumpuser_mtx *m)
{
	int n;

	if (!sound.mutex_tryenter(m))
		return;
	up.hyp_backend_unschedule(0, &n, NULL);
	while (sound.mutex_tryenter(m) != 0)
		sched_yield();
}

static void mutex_interlock(struct rumpuser_mtx *m)
{
	int n;

	if (!sound.mutex_tryenter(m))
		return;
	up.hyp_backend_unschedule(0, &n, m);
	while (sound.mutex_tryenter(m) != 0)
		sched_yield();
	up.hyp_backend_schedule(n, m);
}

static void mutex_wrong_cookie(struct rumpuser_mtx *m)
{
	twist = WRONG_COOKIE;
	sound.mutex_enter(m);
	twist = UPRIGHT;
}

static void mutex_leaky(struct rumpuser_mtx *m)
{
	if (!every(97))
		sound.mutex_enter(m);
}

static int try_waits(struct rumpuser_mtx *m)
{
	while (sound.mutex_tryenter(m) != 0)
		sched_yield();
	return 0;
}

static int try_fails(struct rumpuser_mtx *m)
{
	return every(2) ? NB_EBUSY : sound.mutex_tryenter(m);
}

static int try_says_one(struct rumpuser_mtx *m)
{
	return sound.mutex_tryenter(m) ? 1 : 0;
}

static void owner_last(struct rumpuser_mtx *m, struct lwp **owner)
{
	static struct lwp *last;

	sound.mutex_owner(m, owner);
	if (*owner)
		last = *owner;
	else
		*owner = last;
}

static void owner_caller(struct rumpuser_mtx *m, struct lwp **owner)
{
	sound.mutex_owner(m, owner);
	if (*owner)
		*owner = sound.curlwp();
}

static void wait_keeps(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	twist = KEEPS;
	sound.cv_wait(cv, m);
	twist = UPRIGHT;
}

static void wait_no_interlock(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	twist = NO_INTERLOCK;
	sound.cv_wait(cv, m);
	twist = UPRIGHT;
}

static void wait_wrong_cookie(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	twist = WRONG_COOKIE;
	sound.cv_wait(cv, m);
	twist = UPRIGHT;
}

/* The mutex first, whatever its kind: a thread that has the CPU and spins for it is never served. */
static void wait_mutex_first(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	int n;

	up.hyp_backend_unschedule(0, &n, m);
	sound.cv_wait_nowrap(cv, m);
	up.hyp_backend_schedule(n, m);
}

static void wait_cpu_first(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	int n;

	up.hyp_backend_unschedule(0, &n, m);
	sound.cv_wait_nowrap(cv, m);
	sound.mutex_exit(m);
	up.hyp_backend_schedule(n, m);
	sound.mutex_enter(m);
}

/* Takes for granted that the mutex is held on entry, and has to be at the end. */
static void wait_owned(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	while (sound.mutex_tryenter(m) == 0) /* the scheduler's own is not */
		sound.mutex_exit(m);
	sound.cv_wait(cv, m);
}

static void wait_without_mutex(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	sound.cv_wait(cv, m);
	sound.mutex_exit(m);
}

static void wait_nowrap_leaves(struct rumpuser_cv *cv, struct rumpuser_mtx *m)
{
	sound.cv_wait(cv, m);
}

static void signal_lost(struct rumpuser_cv *cv)
{
	if (!every(50))
		sound.cv_signal(cv);
}

static void broadcast_one(struct rumpuser_cv *cv)
{
	sound.cv_signal(cv);
}

static bool remembered;

static void signal_kept(struct rumpuser_cv *cv)
{
	remembered = true;
	sound.cv_signal(cv);
}

static int timedwait_kept(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	bool had = remembered;

	remembered = false;
	return had ? 0 : sound.cv_timedwait(cv, m, s, ns);
}

static void waiters_none(struct rumpuser_cv *cv, int *waiters)
{
	*waiters = 0;
}

static void waiters_always(struct rumpuser_cv *cv, int *waiters)
{
	*waiters = 1;
}

static int timedwait_host_errno(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	return sound.cv_timedwait(cv, m, s, ns) ? HOST_ETIMEDOUT : 0;
}

static int timedwait_always_fine(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	sound.cv_timedwait(cv, m, s, ns);
	return 0;
}

static int timedwait_absolute(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	return sound.cv_timedwait(cv, m, s < 100 ? 0 : s, 0);
}

static int timedwait_late(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	return sound.cv_timedwait(cv, m, s + 5, ns);
}

static int timedwait_keeps(struct rumpuser_cv *cv, struct rumpuser_mtx *m, int64_t s, int64_t ns)
{
	int error;

	twist = KEEPS;
	error = sound.cv_timedwait(cv, m, s, ns);
	twist = UPRIGHT;
	return error;
}

static void rw_no_sharing(int kind, struct rumpuser_rw *rw)
{
	sound.rw_enter(WRITER, rw);
}

static void rw_no_exclusion(int kind, struct rumpuser_rw *rw)
{
	sound.rw_enter(READER, rw);
}

static void rw_keeps(int kind, struct rumpuser_rw *rw)
{
	twist = KEEPS;
	sound.rw_enter(kind, rw);
	twist = UPRIGHT;
}

static int rw_try_waits(int kind, struct rumpuser_rw *rw)
{
	while (sound.rw_tryenter(kind, rw) != 0)
		sched_yield();
	return 0;
}

static int rw_try_fails(int kind, struct rumpuser_rw *rw)
{
	return NB_EBUSY;
}

static int rw_upgrades_always(struct rumpuser_rw *rw)
{
	return 0;
}

/* Another writer may be there first. */
static int rw_upgrades_in_steps(struct rumpuser_rw *rw)
{
	int error;

	sound.rw_exit(rw);
	host_sleep(MS / 8);
	error = sound.rw_tryenter(WRITER, rw);
	if (error)
		sound.rw_enter(READER, rw);
	return error;
}

static void rw_downgrades_in_steps(struct rumpuser_rw *rw)
{
	sound.rw_exit(rw);
	host_sleep(20 * MS);
	sound.rw_enter(READER, rw);
}

static void rw_downgrades_not(struct rumpuser_rw *rw)
{
}

static void rw_held_by_anyone(int kind, struct rumpuser_rw *rw, int *held)
{
	sound.rw_held(kind, rw, held);
	if (kind == WRITER && !*held) {
		*held = sound.rw_tryenter(READER, rw) != 0;
		if (!*held)
			sound.rw_exit(rw);
	}
}

static void rw_held_never(int kind, struct rumpuser_rw *rw, int *held)
{
	*held = 0;
}

const struct mistake lock_mistakes[] = {
	{ "mutex: waiting keeps the virtual CPU", "mutex", { .mutex_enter = mutex_keeps } },
	{ "mutex: the virtual CPU is given up although the mutex is free", "early", { .mutex_enter = mutex_leaves } },
	{ "mutex: waiting for a SPIN mutex gives up the virtual CPU",
	  "mutex-smp",
	  { .mutex_enter = mutex_leaves_to_wait } },
	{ "mutex: enter_nowrap gives up the virtual CPU", "mutex-smp", { .mutex_enter_nowrap = mutex_leaves_to_wait } },
	{ "mutex: comes back without a virtual CPU", "mutex", { .mutex_enter = mutex_never_back } },
	{ "mutex: is passed on as if it were an interlock", "mutex", { .mutex_enter = mutex_interlock } },
	{ "mutex: the lock depth is not brought back", "mutex", { .mutex_enter = mutex_wrong_cookie } },
	{ "mutex: lets two in now and then", "mutex-load", { .mutex_enter = mutex_leaky } },
	{ "mutex: tryenter waits", "mutex", { .mutex_tryenter = try_waits } },
	{ "mutex: tryenter fails on a free one", "mutex", { .mutex_tryenter = try_fails } },
	{ "mutex: tryenter returns 1", "mutex", { .mutex_tryenter = try_says_one } },
	{ "mutex: the owner is who had it last", "mutex", { .mutex_owner = owner_last } },
	{ "mutex: the owner is who asks", "mutex", { .mutex_owner = owner_caller } },
	{ "cv: waiting keeps the virtual CPU", "condvar", { .cv_wait = wait_keeps } },
	{ "cv: the interlock is not passed on", "condvar", { .cv_wait = wait_no_interlock } },
	{ "cv: the interlock is not passed on", "scheduler", { .cv_wait = wait_no_interlock } },
	{ "cv: the lock depth is not brought back", "condvar", { .cv_wait = wait_wrong_cookie } },
	{ "cv: SPIN|KMUTEX is locked before there is a virtual CPU", "order", { .cv_wait = wait_mutex_first } },
	{ "cv: SPIN is locked after the virtual CPU", "scheduler", { .cv_wait = wait_cpu_first } },
	{ "cv: the scheduler's mutex has to be held", "scheduler", { .cv_wait = wait_owned } },
	{ "cv: the mutex is free after the wait", "condvar", { .cv_wait = wait_without_mutex } },
	{ "cv: wait_nowrap gives up the virtual CPU", "condvar-smp", { .cv_wait_nowrap = wait_nowrap_leaves } },
	{ "cv: a signal is lost now and then", "condvar-load", { .cv_signal = signal_lost } },
	{ "cv: a broadcast wakes one", "condvar", { .cv_broadcast = broadcast_one } },
	{ "cv: a signal to nobody is remembered",
	  "condvar",
	  { .cv_signal = signal_kept, .cv_timedwait = timedwait_kept } },
	{ "cv: has_waiters says none", "condvar", { .cv_has_waiters = waiters_none } },
	{ "cv: has_waiters says some", "condvar", { .cv_has_waiters = waiters_always } },
	{ "cv: timedwait returns the host's ETIMEDOUT", "condvar", { .cv_timedwait = timedwait_host_errno } },
	{ "cv: timedwait returns 0 when the time has passed", "condvar", { .cv_timedwait = timedwait_always_fine } },
	{ "cv: timedwait takes its time for an absolute one", "condvar", { .cv_timedwait = timedwait_absolute } },
	{ "cv: timedwait takes seconds longer", "condvar", { .cv_timedwait = timedwait_late } },
	{ "cv: timedwait keeps the virtual CPU", "condvar", { .cv_timedwait = timedwait_keeps } },
	{ "rw: readers exclude each other", "rwlock", { .rw_enter = rw_no_sharing } },
	{ "rw: writers do not exclude", "rwlock", { .rw_enter = rw_no_exclusion } },
	{ "rw: writers do not exclude", "rwlock-load", { .rw_enter = rw_no_exclusion } },
	{ "rw: waiting keeps the virtual CPU", "rwlock", { .rw_enter = rw_keeps } },
	{ "rw: tryenter waits", "rwlock", { .rw_tryenter = rw_try_waits } },
	{ "rw: tryenter fails on a free lock", "rwlock", { .rw_tryenter = rw_try_fails } },
	{ "rw: any reader becomes the writer", "rwlock", { .rw_tryupgrade = rw_upgrades_always } },
	{ "rw: an upgrade lets a writer through", "rwlock-load", { .rw_tryupgrade = rw_upgrades_in_steps } },
	{ "rw: a downgrade lets a writer through", "rwlock", { .rw_downgrade = rw_downgrades_in_steps } },
	{ "rw: a downgraded writer is a writer still", "rwlock", { .rw_downgrade = rw_downgrades_not } },
	{ "rw: everyone is the writer", "rwlock", { .rw_held = rw_held_by_anyone } },
	{ "rw: nobody holds it", "rwlock", { .rw_held = rw_held_never } },
	{ "mutex: lets two in now and then", "load", { .mutex_enter = mutex_leaky } },
	{ "cv: a signal is lost now and then", "load", { .cv_signal = signal_lost } },
	{ "rw: writers do not exclude", "load", { .rw_enter = rw_no_exclusion } },
	{ "cv: SPIN|KMUTEX is locked before there is a virtual CPU", "load-1", { .cv_wait = wait_mutex_first } },
	{ NULL, NULL, { NULL } },
};
