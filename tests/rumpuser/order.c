// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rules 2 and 3: what happens to interlock and virtual CPU at the end of a wait. The upcalls check the order itself
 * (mutex_order() and up_backend_schedule()); here are the situations in which a wrong one ends in a deadlock.
 */
#include "suite.h"

enum { ROUNDS = 3000 };

/**
 * struct duel - one thread waits, the others keep the interlock and their virtual CPU busy
 */
struct duel {
	struct mutex m;
	struct rumpuser_cv *cv;
	long posted, taken;
	bool limited;
};

static void take_all(void *arg)
{
	struct duel *d = arg;

	mutex_enter(&d->m);
	while (d->taken < suite_rounds(ROUNDS)) {
		if (d->taken == d->posted && d->limited)
			cv_timedwait(d->cv, &d->m, SECOND * 3600);
		else if (d->taken == d->posted)
			cv_wait(d->cv, &d->m);
		d->taken = d->posted;
	}
	mutex_exit(&d->m);
}

/* Spins for the mutex with the only CPU in its hands: who waits for the CPU must not hold the mutex. */
static void post_all(void *arg)
{
	struct duel *d = arg;
	int i;

	for (i = 0; i < suite_rounds(ROUNDS); i++) {
		mutex_enter(&d->m);
		d->posted++;
		cv_signal(d->cv);
		mutex_exit(&d->m);
		host_sleep(1000); /* a thread that works: with its CPU */
		mutex_enter(&d->m);
		mutex_exit(&d->m);
	}
}

static void duel(bool limited)
{
	struct duel d = { .limited = limited };
	struct thread *taker, *poster;

	mutex_init(&d.m, RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	ru.cv_init(&d.cv);
	taker = thread_start(take_all, &d, ANY_CPU);
	await_blocked(taker, limited ? "cv_timedwait" : "cv_wait");
	poster = thread_start(post_all, &d, ANY_CPU);
	thread_end(poster);
	thread_end(taker);
	tap_is(d.taken, suite_rounds(ROUNDS), "SPIN|KMUTEX, %s: waiter and spinner share a virtual CPU",
	       limited ? "cv_timedwait" : "cv_wait");
	ru.cv_destroy(d.cv);
	mutex_destroy(&d.m);
}

/**
 * struct soft - a thread of each CPU that waits for work with the scheduler's own mutex, which it does not hold
 * @work: posted for it; guarded by the scheduler's mutex
 * @done: by it
 */
struct soft {
	int cpu;
	struct rumpuser_cv *cv;
	long work;
	long done;
	bool end;
};

/* Nobody else takes this mutex for long: if it stays taken, the wait has left it so. */
static bool comes_free(struct mutex *m)
{
	int64_t end = host_now() + patience;

	while (ru.mutex_tryenter(m->mtx) != 0) {
		if (host_now() > end)
			return false;
	}
	ru.mutex_exit(m->mtx);
	return true;
}

/* The mutex is looked at without it: only this thread takes work away, and it comes to see it in the end. */
static void soft_thread(void *arg)
{
	struct soft *s = arg;
	struct mutex *m = kernel_scheduler_mutex(s->cpu);
	bool end;
	long work;

	do {
		ru.mutex_enter_nowrap(m->mtx);
		work = s->work;
		end = s->end;
		s->work = 0;
		ru.mutex_exit(m->mtx);
		s->done += work;
		if (!work && !end)
			cv_timedwait(s->cv, m, MS);
		rule(comes_free(m), "2: the scheduler's mutex is still held after the wait");
	} while (work || !end);
}

static void soft_wait(void *arg)
{
	struct soft *s = arg;

	cv_wait(s->cv, kernel_scheduler_mutex(s->cpu));
	rule(comes_free(kernel_scheduler_mutex(s->cpu)), "2: the scheduler's mutex is still held after the wait");
	s->done++;
}

static void soft_post(struct soft *s, long work, bool end)
{
	struct mutex *m = kernel_scheduler_mutex(s->cpu);

	ru.mutex_enter_nowrap(m->mtx);
	s->work += work;
	s->end = end;
	ru.cv_signal(s->cv);
	ru.mutex_exit(m->mtx);
}

static void poster(void *arg)
{
	struct soft *all = arg;
	uint64_t random = suite_seed();
	int i;

	for (i = 0; i < suite_rounds(ROUNDS); i++) {
		soft_post(&all[random_next(&random) % kernel_cpus()], 1, false);
		if (random_next(&random) % 4 == 0)
			kernel_pause(0);
		progress();
	}
}

/* The upcall takes the mutex before the thread sleeps, so a signal under the mutex cannot come in between. */
static void one_wait(struct soft *s)
{
	struct thread *t = thread_start(soft_wait, s, s->cpu);

	tap_ok(await_blocked(t, "cv_wait"), "cpu %d: a wait with the scheduler's own mutex gives up the CPU", s->cpu);
	soft_post(s, 0, false);
	thread_end(t);
	tap_is(s->done, 1, "and ends with a signal");
	s->done = 0;
}

void test_scheduler(void)
{
	struct soft all[KERNEL_CPUS] = { { .cpu = 0 } };
	struct thread *threads[KERNEL_CPUS], *posters[2];
	long done = 0;
	int i;

	for (i = 0; i < kernel_cpus(); i++) {
		all[i].cpu = i;
		ru.cv_init(&all[i].cv);
		one_wait(&all[i]);
		threads[i] = thread_start(soft_thread, &all[i], i);
	}
	for (i = 0; i < 2; i++)
		posters[i] = thread_start(poster, all, ANY_CPU);
	for (i = 0; i < 2; i++)
		thread_end(posters[i]);
	for (i = 0; i < kernel_cpus(); i++) {
		soft_post(&all[i], 0, true);
		thread_end(threads[i]);
		done += all[i].done;
		ru.cv_destroy(all[i].cv);
	}
	tap_is(done, 2 * suite_rounds(ROUNDS), "all work that was posted has been done");
}

void test_order(void)
{
	duel(false);
	duel(true);
}
