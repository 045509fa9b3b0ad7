// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting for a spin lock whose holder the host does not run: who waits gives the processor away, and is woken.
 *
 * One thread is stopped inside the kernel, again and again, until that holds up another one on another virtual CPU.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "internal.h"

#ifdef __x86_64__
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#else
#define PC(context) ((context)->uc_mcontext.pc)
#endif

/* Milliseconds: without progress, until a thread is held up; stopped then; of these on a processor at most; in all */
enum { HELD_UP_MS = 2, STOPPED_MS = 200, USED_MS = 100, PATIENCE_MS = 120000 };
enum { TIMES = 2 };

/**
 * struct worker - a thread that takes and gives back one lock of its process, which guards descriptors
 * @cpu:   virtual
 * @clock: of its time on a processor
 * @calls: that have returned
 */
struct worker {
	pthread_t thread;
	unsigned int cpu;
	clockid_t clock;
	unsigned long calls;
	bool ready;
};

static struct rumpus *kernel;
static struct worker holder, waiter;
static bool over;
static volatile sig_atomic_t stops, spun; /* times that the holder held up the waiter; of these, that it span */

static long milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned long calls_of(struct worker *worker)
{
	return __atomic_load_n(&worker->calls, __ATOMIC_SEQ_CST);
}

/* The holder, wherever it is in the kernel: does the waiter wait for it? */
static void stop(int number, siginfo_t *info, void *arg)
{
	const ucontext_t *context = arg;
	const unsigned long calls = calls_of(&waiter);
	long used;

	if ((uintptr_t)PC(context) - (uintptr_t)kernel->image.base >= kernel->image.size)
		return;
	fixture_sleep(HELD_UP_MS);
	if (calls_of(&waiter) != calls)
		return;
	used = milliseconds(waiter.clock);
	fixture_sleep(STOPPED_MS);
	used = milliseconds(waiter.clock) - used;
	if (calls_of(&waiter) != calls)
		return;
	stops++;
	spun += used > USED_MS;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	pthread_getcpuclockid(pthread_self(), &worker->clock);
	rumpus_sys_getcpu(&worker->cpu, NULL, NULL);
	__atomic_store_n(&worker->ready, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		rumpus_sys_close((int)rumpus_sys_dup(0));
		__atomic_add_fetch(&worker->calls, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void start(struct worker *worker)
{
	worker->thread = fixture_thread(work, worker);
	while (!__atomic_load_n(&worker->ready, __ATOMIC_SEQ_CST))
		fixture_sleep(1);
}

/* Returns whether the waiter makes calls. */
static bool goes_on(void)
{
	const unsigned long calls = calls_of(&waiter);
	long end = milliseconds(CLOCK_MONOTONIC) + PATIENCE_MS;

	while (calls_of(&waiter) == calls && milliseconds(CLOCK_MONOTONIC) < end)
		fixture_sleep(1);
	return calls_of(&waiter) != calls;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = stop, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct rumpus_config config = fixture_config(NULL);
	bool alive = true;
	long end;
	int error;

	config.image = NULL;
	config.cpus = 2;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	rumpus_sys_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	sigaction(SIGUSR2, &action, NULL);
	start(&holder);
	start(&waiter);
	tap_ok(holder.cpu != waiter.cpu, "two threads, on virtual CPUs %u and %u", holder.cpu, waiter.cpu);
	end = milliseconds(CLOCK_MONOTONIC) + PATIENCE_MS;
	while (stops < TIMES && alive && milliseconds(CLOCK_MONOTONIC) < end) {
		pthread_kill(holder.thread, SIGUSR2);
		fixture_sleep(1);
		alive = goes_on();
	}
	tap_is(stops, TIMES, "times that one thread held up the other with a lock that it had");
	tap_is(spun, 0, "of which the other used the processor meanwhile");
	tap_ok(alive, "it went on each time");
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	pthread_join(holder.thread, NULL);
	pthread_join(waiter.thread, NULL);
	tap_is(rumpus_halt(kernel), 0, "the kernel is halted");
	return tap_done();
}
