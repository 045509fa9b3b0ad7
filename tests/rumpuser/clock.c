// SPDX-License-Identifier: BSD-2-Clause
/* Clocks, sleeping, and the tickers of the virtual CPUs (rule 5) */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "suite.h"

enum { WALL = RUMPUSER_CLOCK_RELWALL, MONOTONIC = RUMPUSER_CLOCK_ABSMONO };

static int64_t now_of(int clock)
{
	int64_t seconds = -1;
	long nanoseconds = -1;
	int error = ru.clock_gettime(clock, &seconds, &nanoseconds);

	rule(!error, "clock_gettime: error %d", error);
	rule(nanoseconds >= 0 && nanoseconds < SECOND, "clock_gettime: %ld ns", nanoseconds);
	return seconds * SECOND + nanoseconds;
}

/* Returns the error. */
static int sleep_on(int clock, int64_t ns)
{
	int error;

	call_begin("clock_sleep", MAY_LEAVE, NULL);
	error = ru.clock_sleep(clock, ns / SECOND, ns % SECOND);
	call_end();
	return error;
}

static void wall(void)
{
	int64_t ours = time(NULL) * SECOND, theirs = now_of(WALL);

	tap_ok(theirs > ours - 60 * SECOND && theirs < ours + 60 * SECOND, "the wall clock is the host's");
}

static _Atomic int64_t latest;

static void look_at_clock(void *arg)
{
	int64_t before, now;
	int i;

	for (i = 0; i < 20000; i++) {
		before = atomic_load(&latest);
		now = now_of(MONOTONIC);
		rule(now >= before, "the monotonic clock goes back by %lld ns", (long long)(before - now));
		while (before < now && !atomic_compare_exchange_weak(&latest, &before, now))
			;
		if (i % 1024 == 0)
			kernel_pause(0);
	}
}

static void monotonic(void)
{
	struct thread *threads[3];
	int i;

	for (i = 0; i < 3; i++)
		threads[i] = thread_start(look_at_clock, NULL, ANY_CPU);
	for (i = 0; i < 3; i++)
		thread_end(threads[i]);
	tap_ok(latest > 0, "the monotonic clock runs, and never back");
}

static void sleeps(void)
{
	static const int64_t times[] = { 0, 1, MS, 30 * MS };
	int64_t begin;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		begin = host_now();
		tap_is(sleep_on(WALL, times[i]), 0, "sleep for %lld ns", (long long)times[i]);
		tap_ok(host_now() - begin >= times[i], "at least so long");
		begin = now_of(MONOTONIC);
		tap_is(sleep_on(MONOTONIC, begin + times[i]), 0, "sleep until then");
		tap_ok(now_of(MONOTONIC) - begin >= times[i], "not less");
	}
	begin = host_now();
	tap_is(sleep_on(MONOTONIC, now_of(MONOTONIC) - 3 * SECOND / 2), 0, "until a time that has passed");
	tap_is(sleep_on(MONOTONIC, 0), 0, "until the clock's beginning");
	tap_ok(host_now() - begin < patience / 2, "needs no sleep");
}

static void sleep_somewhat(void *arg)
{
	sleep_on(*(int *)arg, (*(int *)arg == MONOTONIC ? now_of(MONOTONIC) : 0) + 200 * MS);
}

static void gives_up(int clock, const char *name)
{
	struct thread *t = thread_start(sleep_somewhat, &clock, ANY_CPU);

	tap_ok(await_blocked(t, "clock_sleep"), "%s: a sleeper gives up its virtual CPU", name);
	thread_end(t);
}

static atomic_int caught;
static atomic_bool over;
static pthread_t target;

static void catch (int number)
{
	atomic_fetch_add(&caught, 1);
}

static void *shoot(void *arg)
{
	while (!atomic_load(&over)) {
		pthread_kill(target, SIGUSR2);
		host_sleep(MS / 2);
	}
	return NULL;
}

/* An error from a ticker's sleep is a panic of the real kernel. */
static void interrupted(void)
{
	const struct sigaction action = { .sa_handler = catch };
	pthread_t thread;
	int64_t begin;

	sigaction(SIGUSR2, &action, NULL);
	target = pthread_self();
	pthread_create(&thread, NULL, shoot, NULL);
	do { /* until enough have come, however busy the host is */
		begin = host_now();
		rule(!sleep_on(WALL, 40 * MS), "5: a signal ends a sleep");
		rule(host_now() - begin >= 40 * MS, "5: a signal makes a sleep shorter");
		begin = now_of(MONOTONIC);
		rule(!sleep_on(MONOTONIC, begin + 40 * MS), "5: a signal ends a sleep until a time");
		rule(now_of(MONOTONIC) - begin >= 40 * MS, "5: a signal makes a sleep until a time shorter");
	} while (caught <= 10);
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	tap_ok(caught > 10, "%d signals came", caught);
}

void test_clock(void)
{
	wall();
	monotonic();
	sleeps();
	gives_up(WALL, "for a time");
	gives_up(MONOTONIC, "until a time");
	interrupted();
}

enum { TICKS = 40, TICK = 10 * MS };

struct ticker {
	int ticks;
	int early;
	int errors;
};

/* As the kernel's clock does it: an absolute time that is advanced, so that nothing adds up. */
static void tick(void *arg)
{
	struct ticker *t = arg;
	int64_t next = now_of(MONOTONIC);

	for (t->ticks = 0; t->ticks < TICKS; t->ticks++) {
		next += TICK;
		t->errors += sleep_on(MONOTONIC, next) != 0;
		t->early += now_of(MONOTONIC) < next;
	}
}

static void busy(void *arg)
{
	struct mutex *m = arg;
	int64_t end = host_now() + TICKS * TICK;

	while (host_now() < end) {
		mutex_enter(m);
		host_sleep(MS / 4);
		mutex_exit(m);
		kernel_pause(0);
	}
}

/* A ticker for each CPU, bound to it, among threads that want the CPUs, too */
void test_ticker(void)
{
	struct ticker tickers[KERNEL_CPUS] = { { 0 } };
	struct thread *threads[KERNEL_CPUS], *load[4];
	struct mutex m;
	int i;

	mutex_init(&m, RUMPUSER_MTX_KMUTEX);
	for (i = 0; i < kernel_cpus(); i++)
		threads[i] = thread_start(tick, &tickers[i], i);
	for (i = 0; i < 4; i++)
		load[i] = thread_start(busy, &m, ANY_CPU);
	for (i = 0; i < kernel_cpus(); i++) {
		thread_end(threads[i]);
		tap_is(tickers[i].ticks, TICKS, "cpu %d has ticked", i);
		tap_is(tickers[i].errors, 0, "without an error");
		tap_is(tickers[i].early, 0, "never early");
	}
	for (i = 0; i < 4; i++)
		thread_end(load[i]);
	mutex_destroy(&m);
}
