// SPDX-License-Identifier: BSD-2-Clause
/*
 * Read-write locks over wait and wake.
 *
 * One word has the number of readers, or HELD_BY_WRITER in its place, and two bits for who sleeps. Writers are
 * preferred: while WRITERS_WAIT is set no reader comes in. Readers sleep on the word itself, writers on @turn, so that
 * one of them is woken and not all. Readers wait only while a writer holds the lock or waits for it.
 */
#include <string.h>

#include "internal.h"

#define COUNT 0x3fffffffU /* the bits of the number of readers */
#define HELD_BY_WRITER COUNT
#define READERS_MAX (COUNT - 1)
#define READERS_WAIT 0x40000000U
#define WRITERS_WAIT 0x80000000U

#define SPINS 30

/**
 * struct rumpuser_rw - a read-write lock
 * @unused: when unlocking, @state and @turn may be written once more after another thread has had the lock
 *          and destroyed it. If the memory is a read-write lock again, a sleeper looks again; else nothing is here.
 * @state:  as above
 * @turn:   changes when a writer is to be woken
 * @writer: lwp that holds it for writing; written by it alone
 */
struct rumpuser_rw {
	unsigned char unused[RU_LOCK_OTHERS];
	_Atomic uint32_t state;
	_Atomic uint32_t turn;
	struct lwp *_Atomic writer;
};

static uint32_t state_read(const struct rumpuser_rw *rw)
{
	return atomic_load_explicit(&rw->state, memory_order_relaxed);
}

static bool state_change(struct rumpuser_rw *rw, uint32_t *from, uint32_t to)
{
	return atomic_compare_exchange_weak(&rw->state, from, to);
}

static bool readable(uint32_t state)
{
	return (state & COUNT) < READERS_MAX && !(state & (READERS_WAIT | WRITERS_WAIT));
}

void rumpuser_rw_init(struct rumpuser_rw **rw)
{
	struct rumpuser_rw *made = ru_lock_alloc();

	_Static_assert(sizeof(*made) <= RU_LOCK_SIZE - RU_LOCK_MARK, "allocated by that size");
	if (!made)
		ru_fail(__func__, "the host has no memory for a read-write lock");
	memset(made, 0, sizeof(*made));
	ru_check_rw_init(made);
	*rw = made;
}

void rumpuser_rw_destroy(struct rumpuser_rw *rw)
{
	ru_check_rw_destroy(rw, state_read(rw) & COUNT);
	ru_free(rw, RU_LOCK_SIZE);
}

static bool try_read(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);

	while (readable(state)) {
		if (state_change(rw, &state, state + 1))
			return true;
	}
	return false;
}

static void write_owned(struct rumpuser_rw *rw)
{
	atomic_store_explicit(&rw->writer, ru_self()->lwp, memory_order_relaxed);
}

static bool try_write(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);

	while (!(state & COUNT)) {
		if (state_change(rw, &state, state | HELD_BY_WRITER)) {
			write_owned(rw);
			return true;
		}
	}
	return false;
}

static bool try_kind(int kind, struct rumpuser_rw *rw)
{
	return kind == RUMPUSER_RW_WRITER ? try_write(rw) : try_read(rw);
}

static bool spin(int kind, struct rumpuser_rw *rw)
{
	unsigned int i;

	for (i = 0; i < SPINS && ru_info.cpus > 1; i++) {
		ru_pause();
		if (try_kind(kind, rw))
			return true;
	}
	return false;
}

static void read_slow(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);

	for (;;) {
		if (readable(state)) {
			if (state_change(rw, &state, state + 1))
				return;
		} else if ((state & COUNT) == READERS_MAX) {
			ru_fail("rumpuser_rw_enter", "lock %p has %u readers, and there can be no more", (void *)rw,
				READERS_MAX);
		} else if (state & READERS_WAIT || state_change(rw, &state, state | READERS_WAIT)) {
			ru_wait(&rw->state, state | READERS_WAIT, HYP_FOREVER);
			state = state_read(rw);
		}
	}
}

/* After sleeping, WRITERS_WAIT stays set: whoever woke us cleared it and may have left others asleep. */
static void write_slow(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);
	uint32_t others = 0;
	uint32_t turn;

	for (;;) {
		if (!(state & COUNT)) {
			if (state_change(rw, &state, state | HELD_BY_WRITER | others))
				break;
			continue;
		}
		if (!(state & WRITERS_WAIT) && !state_change(rw, &state, state | WRITERS_WAIT))
			continue;
		others = WRITERS_WAIT;
		turn = atomic_load(&rw->turn);
		state = atomic_load(&rw->state);
		if (!(state & COUNT) || !(state & WRITERS_WAIT))
			continue;
		ru_wait(&rw->turn, turn, HYP_FOREVER);
		state = state_read(rw);
	}
	write_owned(rw);
}

static bool wake_writer(struct rumpuser_rw *rw)
{
	atomic_fetch_add(&rw->turn, 1);
	return ru_wake(&rw->turn, 1);
}

/* @state: nobody holds the lock and someone waits. Whoever takes it meanwhile wakes the others when it unlocks. */
static void wake(struct rumpuser_rw *rw, uint32_t state)
{
	if (state == WRITERS_WAIT) {
		if (atomic_compare_exchange_strong(&rw->state, &state, 0)) {
			wake_writer(rw);
			return;
		}
		/* A reader has come to wait, or someone has the lock. */
	}
	if (state == (READERS_WAIT | WRITERS_WAIT)) {
		if (!atomic_compare_exchange_strong(&rw->state, &state, READERS_WAIT))
			return;
		if (wake_writer(rw))
			return;
		/* The writer was just about to sleep and looks again; the readers must not depend on it. */
		state = READERS_WAIT;
	}
	if (state == READERS_WAIT && atomic_compare_exchange_strong(&rw->state, &state, 0))
		ru_wake(&rw->state, UINT32_MAX);
}

static void enter_slow(int kind, struct rumpuser_rw *rw)
{
	int count;

	if (spin(kind, rw))
		return;
	count = ru_unschedule(NULL);
	if (kind == RUMPUSER_RW_WRITER)
		write_slow(rw);
	else
		read_slow(rw);
	ru_schedule(count, NULL);
}

void rumpuser_rw_enter(int kind, struct rumpuser_rw *rw)
{
	ru_check_rw_enter(rw);
	if (!try_kind(kind, rw))
		enter_slow(kind, rw);
	ru_check_rw_entered(rw);
}

int rumpuser_rw_tryenter(int kind, struct rumpuser_rw *rw)
{
	if (!try_kind(kind, rw))
		return RU_EBUSY;
	ru_check_rw_entered(rw);
	return 0;
}

int rumpuser_rw_tryupgrade(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);

	ru_check_rw_held(rw);
	while ((state & COUNT) == 1) {
		if (state_change(rw, &state, state | HELD_BY_WRITER)) {
			write_owned(rw);
			return 0;
		}
	}
	return RU_EBUSY;
}

void rumpuser_rw_downgrade(struct rumpuser_rw *rw)
{
	uint32_t state = state_read(rw);
	uint32_t after;

	ru_check_rw_held(rw);
	atomic_store_explicit(&rw->writer, NULL, memory_order_relaxed);
	do {
		after = (state & ~COUNT) | 1;
		/* With no writer among them, those who wait may come in at once, and nobody would wake them later. */
		if (!(state & WRITERS_WAIT))
			after &= ~READERS_WAIT;
	} while (!state_change(rw, &state, after));
	if (state & READERS_WAIT && !(after & READERS_WAIT))
		ru_wake(&rw->state, UINT32_MAX);
}

static void exit_write(struct rumpuser_rw *rw)
{
	uint32_t state;

	atomic_store_explicit(&rw->writer, NULL, memory_order_relaxed);
	state = atomic_fetch_sub(&rw->state, HELD_BY_WRITER) - HELD_BY_WRITER;
	if (__builtin_expect(state != 0, 0))
		wake(rw, state);
}

static void exit_read(struct rumpuser_rw *rw)
{
	uint32_t state = atomic_fetch_sub(&rw->state, 1) - 1;

	/* Readers wait only behind a writer, which comes first. */
	if (__builtin_expect(!(state & COUNT) && state & WRITERS_WAIT, 0))
		wake(rw, state);
}

void rumpuser_rw_exit(struct rumpuser_rw *rw)
{
	uint32_t count = state_read(rw) & COUNT;

	ru_check_rw_exit(rw);
	if (count == HELD_BY_WRITER)
		exit_write(rw);
	else
		exit_read(rw);
}

void rumpuser_rw_held(int kind, struct rumpuser_rw *rw, int *held)
{
	uint32_t count = state_read(rw) & COUNT;

	if (kind == RUMPUSER_RW_WRITER)
		*held = count == HELD_BY_WRITER &&
			atomic_load_explicit(&rw->writer, memory_order_relaxed) == ru_self()->lwp;
	else
		*held = count && count != HELD_BY_WRITER;
}
