// SPDX-License-Identifier: BSD-2-Clause
/*
 * Condition variables: a list of waiting threads, each with a word of its own to sleep on.
 *
 * So a signal ends the wait of one thread, the oldest, and no other; and a condition variable may be destroyed as
 * soon as all are signalled, since those who return do not touch it. That is why its lock is not in it: a waiter whose
 * time has passed has to look whether it was signalled meanwhile. Lock order: mutex, then lock_of().
 */
#include <string.h>

#include "mutex.h"

#define LOCKS 64

static struct {
	struct ru_lock lock;
} __attribute__((aligned(RU_LOCK_SIZE))) locks[LOCKS];

/* How long to look whether a wait ends soon, and how often between looks at the clock */
#define LOOK_NS UINT64_C(20000)
#define LOOKS 8

/**
 * struct rumpuser_cv - a condition variable; guarded by lock_of()
 * @count:   threads in @waiters; read without the lock by those who signal: whoever changed what the waiters look at
 *           did so under the mutex that they held when they queued
 * @waiters: not signalled yet
 */
struct rumpuser_cv {
	_Atomic uint32_t count;
	struct ru_waiters waiters;
};

static struct ru_lock *lock_of(const struct rumpuser_cv *cv)
{
	return &locks[(uintptr_t)cv / RU_LOCK_SIZE % LOCKS].lock;
}

void rumpuser_cv_init(struct rumpuser_cv **cv)
{
	struct rumpuser_cv *made = ru_lock_alloc();

	_Static_assert(sizeof(*made) <= RU_LOCK_OTHERS, "what follows is a read-write lock's");
	if (!made)
		ru_fail(__func__, "the host has no memory for a condition variable");
	memset(made, 0, sizeof(*made));
	ru_check_cv_init(made);
	*cv = made;
}

void rumpuser_cv_destroy(struct rumpuser_cv *cv)
{
	ru_check_cv_destroy(cv, atomic_load(&cv->count));
	ru_free(cv, RU_LOCK_SIZE);
}

/* The list shrinks by one; @cv is locked. Whoever sees that nobody waits any more may destroy it: see none_waits(). */
static void dequeue(struct rumpuser_cv *cv, struct ru_waiter *waiter)
{
	ru_waiters_remove(&cv->waiters, waiter);
	waiter->queued = false;
	atomic_store_explicit(&cv->count, atomic_load_explicit(&cv->count, memory_order_relaxed) - 1,
			      memory_order_release);
}

static void enqueue(struct rumpuser_cv *cv, struct ru_waiter *waiter, struct rumpuser_mtx *mtx)
{
	waiter->mtx = mtx;
	waiter->queued = true;
	waiter->deferred = false;
	atomic_init(&waiter->word, RU_WAITER_LOOKS);
	ru_lock_take(lock_of(cv));
	ru_waiters_add(&cv->waiters, waiter);
	atomic_store_explicit(&cv->count, atomic_load_explicit(&cv->count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	ru_lock_release(lock_of(cv));
}

static bool goes(struct ru_waiter *waiter)
{
	return atomic_load_explicit(&waiter->word, memory_order_acquire) == RU_WAITER_GO;
}

static bool look(struct ru_waiter *waiter, uint64_t deadline)
{
	uint64_t limit = ru_ops->clock_monotonic(ru_hyp) + LOOK_NS;
	unsigned int i;

	if (limit > deadline)
		limit = deadline;
	do {
		for (i = 0; i < LOOKS; i++) {
			if (goes(waiter))
				return true;
			ru_pause();
		}
	} while (ru_ops->clock_monotonic(ru_hyp) < limit);
	return goes(waiter);
}

/* No virtual CPU is held here, for others to run. */
static bool ends_soon(struct ru_waiter *waiter, uint64_t deadline)
{
	struct ru_patience *patience = &ru_self()->patience;
	bool soon;

	if (ru_info.cpus == 1 || !ru_patience_looks(patience))
		return false;
	soon = look(waiter, deadline);
	ru_patience_ended(patience, soon);
	return soon;
}

/* False when @deadline came first. Signalled and waiting for its mutex counts as signalled; @cv may be gone then. */
static bool sleep_until(struct rumpuser_cv *cv, struct ru_waiter *waiter, uint64_t deadline)
{
	uint32_t word = RU_WAITER_LOOKS;
	bool signalled;

	if (ends_soon(waiter, deadline))
		return true;
	if (!atomic_compare_exchange_strong_explicit(&waiter->word, &word, RU_WAITER_SLEEPS, memory_order_acquire,
						     memory_order_acquire))
		return true;
	while (!goes(waiter)) {
		if (ru_wait(&waiter->word, RU_WAITER_SLEEPS, deadline) != -HYP_ETIMEDOUT)
			continue;
		ru_lock_take(lock_of(cv));
		signalled = !waiter->queued;
		if (!signalled)
			dequeue(cv, waiter);
		ru_lock_release(lock_of(cv));
		return signalled;
	}
	return true;
}

/* With its mutex held again: nobody else is to find the waiter, whose stack goes on to other uses. */
static void forget(struct ru_waiter *waiter)
{
	if (waiter->deferred)
		ru_waiters_remove(&waiter->mtx->deferred, waiter);
}

/* The mutex is held; it is on return, too. */
static bool wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	struct ru_waiter waiter;

	enqueue(cv, &waiter, mtx);
	ru_mutex_release(mtx);
	sleep_until(cv, &waiter, HYP_FOREVER);
	ru_mutex_take(mtx);
	forget(&waiter);
	return true;
}

/*
 * The mutex is held, or it is the scheduler's and the upcall takes it. Afterwards a SPIN|KMUTEX one must not be held
 * while waiting for a virtual CPU, as the thread that has that may spin for it. With any other one, the upcall finds
 * it held, and drops it where it is the scheduler's.
 */
static bool wait_wrapped(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx, uint64_t deadline)
{
	const int spin = RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX;
	int count = ru_unschedule(mtx);
	struct ru_waiter waiter;
	bool signalled;

	enqueue(cv, &waiter, mtx);
	ru_mutex_release(mtx);
	signalled = sleep_until(cv, &waiter, deadline);
	if ((mtx->flags & spin) == spin) {
		ru_schedule(count, mtx);
		ru_mutex_take(mtx);
		forget(&waiter);
	} else {
		ru_mutex_take(mtx);
		forget(&waiter);
		ru_schedule(count, mtx);
	}
	return signalled;
}

void rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	ru_check_cv_wait(cv, mtx);
	wait_wrapped(cv, mtx, HYP_FOREVER);
}

void rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	ru_check_cv_wait_nowrap(cv, mtx);
	wait_nowrap(cv, mtx);
}

int rumpuser_cv_timedwait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx, int64_t seconds, int64_t nanoseconds)
{
	ru_check_cv_wait(cv, mtx);
	return wait_wrapped(cv, mtx, ru_deadline(ru_ops->clock_monotonic(ru_hyp), seconds, nanoseconds)) ? 0
													 : RU_ETIMEDOUT;
}

/*
 * Lets a waiter that is in no list any more go on; @cv is locked, as the waiter must not leave before this has stored
 * for the last time. When the caller holds the waiter's mutex, waking waits until it is unlocked.
 */
static void release(struct ru_waiter *waiter)
{
	struct rumpuser_mtx *mtx = waiter->mtx;
	struct lwp *lwp = ru_self()->lwp;

	if (lwp && ru_mutex_owner(mtx) == lwp) {
		waiter->deferred = true;
		ru_waiters_add(&mtx->deferred, waiter);
		return;
	}
	if (atomic_exchange_explicit(&waiter->word, RU_WAITER_GO, memory_order_release) == RU_WAITER_SLEEPS)
		ru_wake(&waiter->word, 1);
}

static bool release_oldest(struct rumpuser_cv *cv)
{
	struct ru_waiter *waiter = cv->waiters.head;

	if (!waiter)
		return false;
	dequeue(cv, waiter);
	release(waiter);
	return true;
}

static bool none_waits(const struct rumpuser_cv *cv)
{
	return !atomic_load_explicit(&cv->count, memory_order_acquire);
}

void rumpuser_cv_signal(struct rumpuser_cv *cv)
{
	ru_check_cv_signal(cv);
	if (none_waits(cv))
		return;
	ru_lock_take(lock_of(cv));
	release_oldest(cv);
	ru_lock_release(lock_of(cv));
}

void rumpuser_cv_broadcast(struct rumpuser_cv *cv)
{
	ru_check_cv_signal(cv);
	if (none_waits(cv))
		return;
	ru_lock_take(lock_of(cv));
	while (release_oldest(cv))
		;
	ru_lock_release(lock_of(cv));
}

void rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *waiters)
{
	*waiters = (int)atomic_load_explicit(&cv->count, memory_order_acquire);
}
