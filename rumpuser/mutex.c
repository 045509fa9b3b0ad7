// SPDX-License-Identifier: BSD-2-Clause
/* Mutexes over wait and wake */
#include <string.h>

#include "mutex.h"

/* Looks at a held mutex before giving the virtual CPU back or going to sleep; the holder probably runs. */
#define SPINS 30

void rumpuser_mutex_init(struct rumpuser_mtx **mtx, int flags)
{
	struct rumpuser_mtx *made = ru_lock_alloc();

	_Static_assert(sizeof(*made) <= RU_LOCK_OTHERS, "what follows is a read-write lock's");
	if (!made)
		ru_fail(__func__, "the host has no memory for a mutex");
	memset(made, 0, sizeof(*made));
	made->flags = flags;
	ru_check_mutex_init(made, flags);
	*mtx = made;
}

void rumpuser_mutex_destroy(struct rumpuser_mtx *mtx)
{
	ru_check_mutex_destroy(mtx);
	ru_free(mtx, RU_LOCK_SIZE);
}

static bool spin(struct rumpuser_mtx *mtx)
{
	unsigned int i;

	for (i = 0; i < SPINS && ru_info.cpus > 1; i++) {
		ru_pause();
		if (ru_mutex_free(mtx) && ru_mutex_try(mtx))
			return true;
	}
	return false;
}

/* What sleepers watch: it changes when the mutex is unlocked. */
static _Atomic uint32_t *lower_half(struct rumpuser_mtx *mtx)
{
	return (_Atomic uint32_t *)&mtx->word;
}

static void sleep_and_take(struct rumpuser_mtx *mtx)
{
	uint32_t held;

	atomic_fetch_add(&mtx->waiters, 1);
	ru_barrier_heavy();
	while (!ru_mutex_try(mtx)) {
		held = (uint32_t)atomic_load_explicit(&mtx->word, memory_order_relaxed);
		/* By another holder than a moment ago, perhaps; that one will see @waiters, too. */
		if (held)
			ru_wait(lower_half(mtx), held, HYP_FOREVER);
	}
	atomic_fetch_sub_explicit(&mtx->waiters, 1, memory_order_relaxed);
}

void ru_mutex_take_slow(struct rumpuser_mtx *mtx)
{
	if (!spin(mtx))
		sleep_and_take(mtx);
}

void ru_mutex_wake(struct rumpuser_mtx *mtx)
{
	ru_wake(lower_half(mtx), 1);
}

void ru_mutex_release_deferred(struct rumpuser_mtx *mtx)
{
	struct ru_waiter *waiter = mtx->deferred.head;
	_Atomic uint32_t *word = &waiter->word;
	bool sleeps;

	/*
	 * One for each time that it is unlocked: the woken thread locks it, and unlocks it for the next one. Once its
	 * word says so it may go on and its stack may be gone; the host does not look at the word to wake it.
	 */
	ru_waiters_remove(&mtx->deferred, waiter);
	waiter->deferred = false;
	sleeps = atomic_exchange_explicit(word, RU_WAITER_GO, memory_order_release) == RU_WAITER_SLEEPS;
	ru_mutex_open(mtx);
	if (sleeps)
		ru_wake(word, 1);
}

static __attribute__((noinline)) void enter_slow(struct rumpuser_mtx *mtx)
{
	int count;

	if (spin(mtx))
		return;
	if (mtx->flags & RUMPUSER_MTX_SPIN) {
		sleep_and_take(mtx);
		return;
	}
	count = ru_unschedule(NULL);
	ru_mutex_take(mtx);
	ru_schedule(count, NULL);
}

void rumpuser_mutex_enter(struct rumpuser_mtx *mtx)
{
	ru_check_mutex_enter(mtx);
	if (__builtin_expect(!ru_mutex_try(mtx), 0))
		enter_slow(mtx);
	ru_check_mutex_entered(mtx);
}

void rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *mtx)
{
	ru_check_mutex_enter(mtx);
	ru_mutex_take(mtx);
	ru_check_mutex_entered(mtx);
}

int rumpuser_mutex_tryenter(struct rumpuser_mtx *mtx)
{
	if (!ru_mutex_try(mtx))
		return RU_EBUSY;
	ru_check_mutex_entered(mtx);
	return 0;
}

void rumpuser_mutex_exit(struct rumpuser_mtx *mtx)
{
	ru_check_mutex_exit(mtx);
	ru_mutex_release(mtx);
}

void rumpuser_mutex_owner(struct rumpuser_mtx *mtx, struct lwp **owner)
{
	if (!(mtx->flags & RUMPUSER_MTX_KMUTEX))
		ru_fail(__func__, "mutex %p was made without RUMPUSER_MTX_KMUTEX and has no owner", (void *)mtx);
	*owner = ru_mutex_owner(mtx);
}
