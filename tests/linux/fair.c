// SPDX-License-Identifier: BSD-2-Clause
/* More threads than virtual CPUs: none is left out, whether their calls are short or long. */
#include <fcntl.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "fixture.h"

/*
 * Threads that get less than the most by more than the factor are left out. A host that is busy with other things is
 * not fair itself within a round: one fair round is enough. With a single virtual CPU and more than one processor, who
 * has just made a short call is quicker to make the next one than others are to be woken: five to seven times as many.
 */
enum { THREADS = 8, ROUND_MS = 500, ROUNDS = 10, FACTOR = 4, FACTOR_ALONE = 10 };

struct worker {
	pthread_t thread;
	long (*call)(int file);
	unsigned long calls;
};

static unsigned int ready;
static bool go, stop;

static long short_call(int file)
{
	return rumpus_sys_getppid();
}

static long long_call(int file)
{
	static char data[65536];

	return rumpus_sys_pwrite64(file, data, sizeof(data), 0);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	long file = rumpus_sys_openat(AT_FDCWD, "/", O_TMPFILE | O_RDWR, 0600), result = file;

	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		fixture_sleep(1);
	while (result >= 0 && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		result = worker->call((int)file);
		worker->calls++;
	}
	rumpus_sys_close((int)file);
	return (void *)result;
}

/* Returns whether every thread had its share. */
static bool round_of(long (*call)(int file), const char *name, unsigned long factor)
{
	struct worker workers[THREADS] = { 0 };
	unsigned long least = -1UL, most = 0;

	ready = 0;
	go = stop = false;
	for (int i = 0; i < THREADS; i++) {
		workers[i].call = call;
		workers[i].thread = fixture_thread(work, &workers[i]);
	}
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
		fixture_sleep(1);
	__atomic_store_n(&go, true, __ATOMIC_SEQ_CST);
	fixture_sleep(ROUND_MS);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(workers[i].thread, &result);
		if ((long)result < 0)
			tap_abort("%s: error %ld", name, -(long)result);
		least = workers[i].calls < least ? workers[i].calls : least;
		most = workers[i].calls > most ? workers[i].calls : most;
	}
	tap_note("%s: from %lu to %lu of a thread", name, least, most);
	return least >= most / factor;
}

static void fair(long (*call)(int file), const char *name, unsigned int cpus)
{
	bool fair = false;

	for (int i = 0; i < ROUNDS && !fair; i++)
		fair = round_of(call, name, cpus == 1 ? FACTOR_ALONE : FACTOR);
	tap_ok(fair, "%s: each of %d threads on %u virtual CPUs has its share", name, THREADS, cpus);
}

static void fair_on(unsigned int cpus)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL;
	config.cpus = cpus;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	fair(short_call, "short calls", cpus);
	fair(long_call, "long calls", cpus);
	rumpus_halt(kernel);
}

int main(void)
{
	fair_on(1);
	fair_on(2);
	return tap_done();
}
