// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads that know nothing of each other call, detach, end, interrupt and ask who they are, while kernels are booted and
 * halted under them: each call must return what it ought to, or that there is no kernel.
 */
#include <errno.h>
#include <stdint.h>

#include "fixture.h"

enum {
	WORKERS = 6,
	KERNELS = 150,
	CALLS = 60, /* of one host thread, before it ends and another takes its place */
};

struct worker {
	uint64_t random;
	unsigned int wrong;
	unsigned int calls;	/* that a kernel answered */
	unsigned int shutdowns; /* that found none */
	unsigned int interrupted;
};

static struct worker workers[WORKERS];
static struct rumpus_thread *known[WORKERS]; /* perhaps of a thread or kernel that is gone */
static bool over;

static uint64_t next(struct worker *worker)
{
	worker->random = worker->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return worker->random >> 33;
}

static void note(struct worker *worker, long result, long expected)
{
	if (result == -ESHUTDOWN)
		worker->shutdowns++;
	else if (result == expected)
		worker->calls++;
	else if (result == -EINTR)
		worker->interrupted++;
	else
		worker->wrong++;
}

static void step(struct worker *worker)
{
	uint64_t choice = next(worker) % 16;

	switch (choice) {
	case 0:
		rumpus_thread_detach();
		break;
	case 1:
		__atomic_store_n(&known[worker - workers], rumpus_thread_self(), __ATOMIC_RELEASE);
		break;
	case 2:
	case 3:
		rumpus_thread_interrupt(__atomic_load_n(&known[next(worker) % WORKERS], __ATOMIC_ACQUIRE));
		break;
	case 4:
		note(worker, fixture_call(FAKE_SLEEP, 0), -ESHUTDOWN);
		break;
	case 5:
		note(worker, fixture_call(FAKE_SPIN, 20), 0);
		break;
	default:
		note(worker, fixture_call(FAKE_SUM, (long)choice), (long)choice);
	}
}

static void *one_life(void *arg)
{
	for (int i = 0; i < CALLS && !__atomic_load_n(&over, __ATOMIC_ACQUIRE); i++)
		step(arg);
	return NULL;
}

static void *many_lives(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		pthread_join(fixture_thread(one_life, arg), NULL);
	return NULL;
}

/* Boots and halts kernels under working threads. Returns how many halts failed. */
static unsigned int phase(unsigned int kernels)
{
	pthread_t threads[WORKERS];
	unsigned int failed = 0;

	__atomic_store_n(&over, false, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++)
		threads[i] = fixture_thread(many_lives, &workers[i]);
	for (unsigned int i = 0; i < kernels; i++) {
		struct rumpus *kernel = fixture_boot("stress");

		if (i % 4)
			fixture_sleep(i % 4);
		failed += rumpus_halt(kernel) != 0;
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	return failed;
}

int main(void)
{
	struct worker sum = { 0 };
	struct usage before, after;

	for (uint64_t i = 0; i < WORKERS; i++)
		workers[i].random = i + 1;
	tap_note("first, until the C library has its stacks and arenas: they are no growth");
	sum.wrong = phase(40);
	before = fixture_usage();
	sum.wrong += phase(KERNELS);
	after = fixture_usage();
	for (int i = 0; i < WORKERS; i++) {
		sum.wrong += workers[i].wrong;
		sum.calls += workers[i].calls;
		sum.shutdowns += workers[i].shutdowns;
		sum.interrupted += workers[i].interrupted;
	}
	tap_note("%u calls answered, %u interrupted, %u without a kernel", sum.calls, sum.interrupted, sum.shutdowns);
	tap_is(sum.wrong, 0, "no wrong result in the life of %d kernels", 40 + KERNELS);
	tap_ok(sum.calls && sum.shutdowns, "threads met kernels, and the time between them");
	tap_ok(after.maps <= before.maps + 8 && after.descriptors == before.descriptors && after.threads <= before.threads,
	       "nothing stays: maps %+ld, descriptors %+ld, threads %+ld", after.maps - before.maps,
	       after.descriptors - before.descriptors, after.threads - before.threads);
	return tap_done();
}
