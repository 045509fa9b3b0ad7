/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutexes, as condition variables see them */
#ifndef RUMPUSER_MUTEX_H
#define RUMPUSER_MUTEX_H

#include "internal.h"

/**
 * struct ru_waiter - a thread that waits on a condition variable, on its own stack
 * @next, @previous: in the list of the condition variable, or in @deferred of a mutex
 * @mtx:    what it will lock when it goes on
 * @word:   enum ru_waiter_word
 * @queued: in the list of the condition variable; under that one's lock
 * @deferred: in the list of @mtx; under that mutex
 */
struct ru_waiter {
	struct ru_waiter *next;
	struct ru_waiter *previous;
	struct rumpuser_mtx *mtx;
	_Atomic uint32_t word;
	bool queued;
	bool deferred;
};

enum ru_waiter_word {
	RU_WAITER_LOOKS, /* at the word; nobody needs to wake it */
	RU_WAITER_GO,
	RU_WAITER_SLEEPS,
};

/** struct ru_waiters - a list, oldest first */
struct ru_waiters {
	struct ru_waiter *head;
	struct ru_waiter *tail;
};

static inline void ru_waiters_add(struct ru_waiters *list, struct ru_waiter *waiter)
{
	waiter->next = NULL;
	waiter->previous = list->tail;
	if (list->tail)
		list->tail->next = waiter;
	else
		list->head = waiter;
	list->tail = waiter;
}

static inline void ru_waiters_remove(struct ru_waiters *list, struct ru_waiter *waiter)
{
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		list->head = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		list->tail = waiter->previous;
}

/**
 * struct rumpuser_mtx - a mutex
 * @word:     0: free; else RU_MUTEX_HELD or-ed with the address of the lwp that holds it, if that has one. Sleepers
 *            watch the lower half, in which RU_MUTEX_HELD is
 * @waiters:  how many threads sleep on @word or are about to
 * @flags:    of rumpuser_mutex_init()
 * @deferred: signalled while the signalling thread held this mutex: to be woken one by one as it is unlocked, because
 *            before they would only wait for it. Under the mutex itself.
 *
 * Unlocking stores to @word and then loads @waiters, without an atomic operation; whoever is about to sleep stores to
 * @waiters and then loads @word, with the heavy barrier between. So either sees the other.
 */
struct rumpuser_mtx {
	_Atomic uintptr_t word;
	_Atomic uint32_t waiters;
	int flags;
	struct ru_waiters deferred;
};

#define RU_MUTEX_HELD ((uintptr_t)1)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lower half of a word is at its address");

void ru_mutex_take_slow(struct rumpuser_mtx *mtx);
void ru_mutex_wake(struct rumpuser_mtx *mtx);
void ru_mutex_release_deferred(struct rumpuser_mtx *mtx);

static inline bool ru_mutex_free(struct rumpuser_mtx *mtx)
{
	return !atomic_load_explicit(&mtx->word, memory_order_relaxed);
}

/** ru_mutex_owner() - the lwp that holds it, or NULL */
static inline struct lwp *ru_mutex_owner(struct rumpuser_mtx *mtx)
{
	return (struct lwp *)(atomic_load_explicit(&mtx->word, memory_order_relaxed) & ~RU_MUTEX_HELD);
}

/** ru_mutex_try() - lock if it is free */
static inline bool ru_mutex_try(struct rumpuser_mtx *mtx)
{
	uintptr_t held = (uintptr_t)ru_self()->lwp | RU_MUTEX_HELD;
	uintptr_t free = 0;

	return atomic_compare_exchange_strong_explicit(&mtx->word, &free, held, memory_order_acquire,
						       memory_order_relaxed);
}

/** ru_mutex_take() - lock, without upcalls */
static inline void ru_mutex_take(struct rumpuser_mtx *mtx)
{
	if (__builtin_expect(!ru_mutex_try(mtx), 0))
		ru_mutex_take_slow(mtx);
}

/** ru_mutex_open() - unlock; wakes a thread that sleeps on @word, but none of @deferred */
static inline void ru_mutex_open(struct rumpuser_mtx *mtx)
{
	atomic_store_explicit(&mtx->word, 0, memory_order_release);
	ru_barrier_light();
	/* From here on the mutex may be destroyed. Its memory stays a lock's, and to wake a stranger does no harm. */
	if (__builtin_expect(atomic_load_explicit(&mtx->waiters, memory_order_relaxed), 0))
		ru_mutex_wake(mtx);
}

/** ru_mutex_release() - unlock */
static inline void ru_mutex_release(struct rumpuser_mtx *mtx)
{
	if (__builtin_expect(mtx->deferred.head != NULL, 0))
		ru_mutex_release_deferred(mtx);
	else
		ru_mutex_open(mtx);
}

#endif
