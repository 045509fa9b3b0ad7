// SPDX-License-Identifier: BSD-2-Clause
/* Locks of the test kernel: those of the library, with a look at what each call does */
#include "kernel.h"

static struct context *held_by(struct mutex *m)
{
	return atomic_load(&m->holder);
}

void mutex_init(struct mutex *m, int flags)
{
	m->flags = flags;
	m->holder = NULL;
	m->scheduler = false;
	m->mtx = NULL;
	ru.mutex_init(&m->mtx, flags);
	rule(m->mtx, "rumpuser_mutex_init() gives NULL");
}

void mutex_destroy(struct mutex *m)
{
	rule(!held_by(m), "the test destroys a mutex that is held");
	ru.mutex_destroy(m->mtx);
}

static bool tracked(const struct mutex *m)
{
	return m->flags & RUMPUSER_MTX_KMUTEX;
}

/* The calling thread has the mutex now: by our account, and by the library's. */
static void got(struct mutex *m, const char *call)
{
	struct context *none = NULL;

	rule(atomic_compare_exchange_strong(&m->holder, &none, context_self()), "%s: two threads hold a mutex", call);
	if (tracked(m))
		rule(mutex_owner(m) == lwp_current(), "%s: the owner is another", call);
}

static void lose(struct mutex *m, const char *call)
{
	struct context *c = context_self();

	rule(atomic_compare_exchange_strong(&m->holder, &c, NULL), "%s: the test does not hold the mutex", call);
}

void mutex_enter(struct mutex *m)
{
	call_begin("mutex_enter", m->flags & RUMPUSER_MTX_SPIN ? STAYS : MAY_LEAVE, NULL);
	ru.mutex_enter(m->mtx);
	call_end();
	got(m, "mutex_enter");
}

void mutex_enter_nowrap(struct mutex *m)
{
	call_begin("mutex_enter_nowrap", STAYS, NULL);
	ru.mutex_enter_nowrap(m->mtx);
	call_end();
	got(m, "mutex_enter_nowrap");
}

int mutex_tryenter(struct mutex *m)
{
	int error;

	call_begin("mutex_tryenter", STAYS, NULL);
	error = ru.mutex_tryenter(m->mtx);
	call_end();
	rule(!error || error == NB_EBUSY, "mutex_tryenter: error %d", error);
	if (!error)
		got(m, "mutex_tryenter");
	return error;
}

void mutex_exit(struct mutex *m)
{
	lose(m, "mutex_exit");
	call_begin("mutex_exit", STAYS, NULL);
	ru.mutex_exit(m->mtx);
	call_end();
}

struct lwp *mutex_owner(struct mutex *m)
{
	struct lwp *owner = NULL;

	ru.mutex_owner(m->mtx, &owner);
	return owner;
}

/*
 * Rule 3. With a SPIN|KMUTEX interlock the CPU comes first: who holds a CPU may spin for the mutex. With a purely SPIN
 * one the mutex comes first: it may be the scheduler's own. Otherwise the library decides.
 */
void mutex_order(struct mutex *m)
{
	if (m->flags == (RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX))
		rule(mutex_owner(m) != lwp_current(),
		     "3: a SPIN|KMUTEX interlock is held while waiting for a virtual CPU");
	else if (m->flags == RUMPUSER_MTX_SPIN)
		rule(ru.mutex_tryenter(m->mtx) != 0, "3: a SPIN interlock is free while waiting for a virtual CPU");
}

void rw_enter(int kind, struct rumpuser_rw *rw)
{
	call_begin(kind == RUMPUSER_RW_WRITER ? "rw_enter writer" : "rw_enter reader", MAY_LEAVE, NULL);
	ru.rw_enter(kind, rw);
	call_end();
}

int rw_tryenter(int kind, struct rumpuser_rw *rw)
{
	int error;

	call_begin("rw_tryenter", STAYS, NULL);
	error = ru.rw_tryenter(kind, rw);
	call_end();
	rule(!error || error == NB_EBUSY, "rw_tryenter: error %d", error);
	return error;
}

int rw_tryupgrade(struct rumpuser_rw *rw)
{
	int error;

	call_begin("rw_tryupgrade", STAYS, NULL);
	error = ru.rw_tryupgrade(rw);
	call_end();
	rule(!error || error == NB_EBUSY, "rw_tryupgrade: error %d", error);
	return error;
}

void rw_downgrade(struct rumpuser_rw *rw)
{
	call_begin("rw_downgrade", MAY_LEAVE, NULL);
	ru.rw_downgrade(rw);
	call_end();
}

void rw_exit(struct rumpuser_rw *rw)
{
	call_begin("rw_exit", STAYS, NULL);
	ru.rw_exit(rw);
	call_end();
}

int rw_held(int kind, struct rumpuser_rw *rw)
{
	int held = -1;

	ru.rw_held(kind, rw, &held);
	rule(held >= 0, "rw_held says nothing");
	return held;
}

/* A wait without an owner of the mutex: the scheduler's own is taken and dropped by the upcalls. */
void cv_wait(struct rumpuser_cv *cv, struct mutex *m)
{
	if (!m->scheduler)
		lose(m, "cv_wait");
	call_begin("cv_wait", MAY_LEAVE, m);
	ru.cv_wait(cv, m->mtx);
	rule(call_left() == 1 || (!call_left() && !m->scheduler), "1, cv_wait: gives up its virtual CPU %d times",
	     call_left());
	call_end();
	if (!m->scheduler)
		got(m, "cv_wait");
}

void cv_wait_nowrap(struct rumpuser_cv *cv, struct mutex *m)
{
	lose(m, "cv_wait_nowrap");
	call_begin("cv_wait_nowrap", STAYS, m);
	ru.cv_wait_nowrap(cv, m->mtx);
	call_end();
	got(m, "cv_wait_nowrap");
}

int cv_timedwait(struct rumpuser_cv *cv, struct mutex *m, int64_t ns)
{
	int error;

	if (!m->scheduler)
		lose(m, "cv_timedwait");
	call_begin("cv_timedwait", MAY_LEAVE, m);
	error = ru.cv_timedwait(cv, m->mtx, ns / SECOND, ns % SECOND);
	call_end();
	rule(!error || error == NB_ETIMEDOUT, "cv_timedwait: error %d", error);
	if (!m->scheduler)
		got(m, "cv_timedwait");
	return error;
}

void cv_signal(struct rumpuser_cv *cv)
{
	call_begin("cv_signal", STAYS, NULL);
	ru.cv_signal(cv);
	call_end();
}

void cv_broadcast(struct rumpuser_cv *cv)
{
	call_begin("cv_broadcast", STAYS, NULL);
	ru.cv_broadcast(cv);
	call_end();
}

int cv_waiters(struct rumpuser_cv *cv)
{
	int waiters = -1;

	ru.cv_has_waiters(cv, &waiters);
	rule(waiters >= 0, "cv_has_waiters says nothing");
	return waiters;
}
