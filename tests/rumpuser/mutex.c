// SPDX-License-Identifier: BSD-2-Clause
/* Mutexes: who has them, what waiting for them does to the virtual CPU */
#include "suite.h"

static const int all_flags[] = { RUMPUSER_MTX_KMUTEX, RUMPUSER_MTX_SPIN, RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX };

static const char *flag_name(int flags)
{
	static const char *const names[] = { "no", "SPIN", "KMUTEX", "SPIN|KMUTEX" };

	return names[flags];
}

/* Before there is a scheduler, any upcall breaks a rule: see up_backend_unschedule(). */
void early_locks(void)
{
	struct rumpuser_rw *rw;
	struct rumpuser_cv *cv;
	struct mutex m;
	size_t i;

	for (i = 0; i < sizeof(all_flags) / sizeof(all_flags[0]); i++) {
		mutex_init(&m, all_flags[i]);
		mutex_enter(&m);
		mutex_exit(&m);
		if (all_flags[i] & RUMPUSER_MTX_SPIN) {
			mutex_enter_nowrap(&m);
			mutex_exit(&m);
		}
		rule(!mutex_tryenter(&m), "a free mutex can be tried");
		mutex_exit(&m);
		mutex_destroy(&m);
	}
	ru.rw_init(&rw);
	rw_enter(RUMPUSER_RW_READER, rw);
	rw_exit(rw);
	rw_enter(RUMPUSER_RW_WRITER, rw);
	rw_exit(rw);
	ru.rw_destroy(rw);
	ru.cv_init(&cv);
	cv_signal(cv);
	cv_broadcast(cv);
	ru.cv_destroy(cv);
}

void test_early(void)
{
	tap_ok(lwp_current() != NULL, "locks without a scheduler");
}

static void enter_exit(void *arg)
{
	struct mutex *m = arg;

	mutex_enter(m);
	mutex_exit(m);
}

static void enter_exit_nowrap(void *arg)
{
	struct mutex *m = arg;

	mutex_enter_nowrap(m);
	mutex_exit(m);
}

/* The mutex is held by a thread that is outside: with one CPU it can come back only if the waiter gives that up. */
static void blocked(struct mutex *m)
{
	struct thread *t;

	mutex_enter(m);
	t = thread_start(enter_exit, m, ANY_CPU);
	tap_ok(await_blocked(t, "mutex_enter"), "%s: a waiter gives up its virtual CPU", flag_name(m->flags));
	tap_ok(mutex_owner(m) == lwp_current(), "the owner is still who has the mutex");
	kernel_pause(20 * MS);
	mutex_exit(m);
	thread_end(t);
	tap_ok(!mutex_owner(m), "nobody owns a free mutex");
}

/* The waiter keeps its CPU: the holder must be on another one. */
static void spins(struct mutex *m, void (*fn)(void *arg), const char *call)
{
	struct thread *t;

	mutex_enter(m);
	t = thread_start(fn, m, ANY_CPU);
	tap_ok(await_in(t, call), "%s: %s waits", flag_name(m->flags), call);
	host_sleep(20 * MS);
	tap_ok(thread_in(t, call) && !thread_blocked(t, call), "and keeps its virtual CPU");
	mutex_exit(m);
	thread_end(t);
}

struct attempt {
	struct mutex *m;
	int error;
	struct lwp *owner;
};

static void attempt(void *arg)
{
	struct attempt *a = arg;

	a->error = mutex_tryenter(a->m);
	a->owner = mutex_owner(a->m);
	if (!a->error)
		mutex_exit(a->m);
}

static void tries(struct mutex *m)
{
	struct attempt a = { .m = m, .error = -1 };

	mutex_enter(m);
	thread_end(thread_start(attempt, &a, ANY_CPU));
	tap_is(a.error, NB_EBUSY, "%s: tryenter of a held mutex", flag_name(m->flags));
	tap_ok(a.owner == lwp_current(), "another thread sees who owns it");
	mutex_exit(m);
	thread_end(thread_start(attempt, &a, ANY_CPU));
	tap_is(a.error, 0, "tryenter of a free one");
	tap_ok(a.owner && a.owner != lwp_current(), "its owner is who tried");
	tap_ok(!mutex_owner(m), "nobody owns it afterwards");
}

void test_mutex(void)
{
	struct mutex m, spin, kspin;

	mutex_init(&m, RUMPUSER_MTX_KMUTEX);
	mutex_init(&spin, RUMPUSER_MTX_SPIN);
	mutex_init(&kspin, RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	if (kernel_cpus() == 1) {
		blocked(&m);
	} else {
		spins(&kspin, enter_exit_nowrap, "mutex_enter_nowrap");
		spins(&spin, enter_exit, "mutex_enter");
		spins(&spin, enter_exit_nowrap, "mutex_enter_nowrap");
		spins(&kspin, enter_exit, "mutex_enter");
	}
	tries(&m);
	tries(&kspin);
	mutex_destroy(&m);
	mutex_destroy(&spin);
	mutex_destroy(&kspin);
}

enum { LOADERS = 5, ROUNDS = 3000 };

/**
 * struct load - what threads fight for
 * @value: guarded by @m; two words that are equal but in between
 */
struct load {
	struct mutex m;
	volatile long value[2];
	atomic_uint seed;
	atomic_long entered;
};

static void critical(struct load *load)
{
	rule(load->value[0] == load->value[1], "mutex: two threads are in the critical section");
	load->value[0]++;
	load->value[1]++;
	atomic_fetch_add(&load->entered, 1);
}

static void one_round(struct load *load, uint32_t choice)
{
	bool giant = choice % 8 == 0, spin = load->m.flags & RUMPUSER_MTX_SPIN;

	if (giant)
		giant_enter();
	if (choice % 5 == 1) {
		if (mutex_tryenter(&load->m) != 0)
			goto out;
	} else if (choice % 7 == 2 && spin) {
		mutex_enter_nowrap(&load->m);
	} else {
		mutex_enter(&load->m);
	}
	critical(load);
	if (!spin && choice % 64 == 3)
		kernel_pause(MS / 16);
	mutex_exit(&load->m);
out:
	if (giant)
		giant_exit();
	if (choice % 32 == 4)
		kernel_pause(0);
}

static void loader(void *arg)
{
	struct load *load = arg;
	uint64_t random = suite_seed() * 1000 + atomic_fetch_add(&load->seed, 1);
	int i;

	for (i = 0; i < suite_rounds(ROUNDS); i++)
		one_round(load, random_next(&random));
}

static void exclusion(int flags)
{
	struct thread *threads[LOADERS];
	struct load load = { .value = { 0 } };
	int i;

	mutex_init(&load.m, flags);
	for (i = 0; i < LOADERS; i++)
		threads[i] = thread_start(loader, &load, ANY_CPU);
	for (i = 0; i < LOADERS; i++)
		thread_end(threads[i]);
	tap_is(load.value[0], atomic_load(&load.entered), "%s: %d threads on %d virtual CPUs exclude each other",
	       flag_name(flags), LOADERS, kernel_cpus());
	tap_ok(load.entered >= LOADERS * suite_rounds(ROUNDS) / 2, "most of the time they come in");
	mutex_destroy(&load.m);
}

void test_mutex_load(void)
{
	size_t i;

	for (i = 0; i < sizeof(all_flags) / sizeof(all_flags[0]); i++)
		exclusion(all_flags[i]);
}
