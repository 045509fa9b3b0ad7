// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs the kernel's litmus tests (linux/arch/rump/tests/litmus.c): threads against each other, many times
 *
 * A forbidden outcome fails the test. That none was seen proves little by itself, least of all in an emulator, so
 * ordering.py reads the instructions, too.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "litmus.h"
#include "tap.h"

/* Runs of a test go in rounds: states are prepared, threads meet, each goes through all states of the round. */
#define ROUNDS 40
#define STATES 512

static struct litmus_state states[STATES];
static const struct litmus *test;
static unsigned int threads;
static pthread_barrier_t barrier;
static atomic_uint arrived;

static bool is_forbidden(const struct litmus_state *state)
{
	for (unsigned int i = 0; i < LITMUS_REGISTERS; i++)
		if (test->forbidden[i] >= 0 && state->r[i] != test->forbidden[i])
			return false;
	return true;
}

/* The others are at this state, too, or close to it: else one thread would be through before another begins. */
static void meet(unsigned int state)
{
	unsigned int wanted = (state + 1) * threads;

	atomic_fetch_add(&arrived, 1);
	for (unsigned int turns = 0; atomic_load_explicit(&arrived, memory_order_relaxed) < wanted; turns++)
		if (turns > 1000)
			sched_yield(); /* fewer processors than threads */
}

/* Who meets last goes on first, by as much as a cache line takes to travel: now and then, let the others catch up. */
static void stagger(unsigned int state, unsigned int thread)
{
	for (volatile unsigned int turns = (state * 2654435761U >> (8 * thread)) % 64; turns; turns--)
		;
}

static void *run_thread(void *arg)
{
	unsigned int thread = (uintptr_t)arg;
	void (*code)(struct litmus_state *) = test->threads[thread];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier);
		for (unsigned int i = 0; i < STATES; i++) {
			meet(i);
			stagger(i, thread);
			code(&states[i]);
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static unsigned int run_test(void)
{
	pthread_t ids[LITMUS_THREADS];
	unsigned int seen = 0;

	for (threads = 0; threads < LITMUS_THREADS && test->threads[threads];)
		threads++;
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run_thread, (void *)(uintptr_t)i))
			tap_abort("no more threads");
	for (unsigned int round = 0; round < ROUNDS; round++) {
		memset(states, 0, sizeof(states));
		atomic_store(&arrived, 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (unsigned int i = 0; i < STATES; i++)
			seen += is_forbidden(&states[i]);
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&barrier);
	return seen;
}

int main(void)
{
	for (unsigned int i = 0; i < litmus_count; i++) {
		unsigned int seen;

		test = &litmus_tests[i];
		seen = run_test();
		if (test->weak)
			tap_note("%s: seen %u times in %u runs, which is allowed", test->name, seen, ROUNDS * STATES);
		else
			tap_is(seen, 0, "%s: the forbidden outcome in %u runs", test->name, ROUNDS * STATES);
	}
	return tap_done();
}
