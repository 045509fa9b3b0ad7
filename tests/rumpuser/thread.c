// SPDX-License-Identifier: BSD-2-Clause
/* Threads, and the lwps that the library keeps for them */
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>

#include "suite.h"

static int host_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	if (!dir)
		tap_abort("/proc is not mounted");
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static bool threads_gone(void *arg)
{
	return host_threads() <= *(int *)arg;
}

/* A host thread without anything of the kernel's, until it says so itself */
struct bare {
	void *arg;
	struct lwp *lwp;
	atomic_int runs;
	atomic_bool end;
};

static void *bare(void *arg)
{
	struct bare *b = arg;

	b->arg = arg;
	b->lwp = ru.curlwp();
	atomic_fetch_add(&b->runs, 1);
	while (!b->end)
		host_sleep(MS / 4);
	ru.thread_exit();
	abort();
}

static bool has_run(void *arg)
{
	return ((struct bare *)arg)->runs;
}

static void create(struct bare *b, int mustjoin, void **cookie)
{
	int error;

	call_begin("thread_create", MAY_LEAVE, NULL);
	error = ru.thread_create(bare, b, "bare", mustjoin, 0, -1, cookie);
	call_end();
	tap_is(error, 0, "a thread, to be joined: %d", mustjoin);
}

static void starts(void)
{
	struct bare b = { .lwp = lwp_current() };
	int before = host_threads();
	void *cookie = NULL;

	create(&b, 1, &cookie);
	tap_ok(kernel_await(has_run, &b), "it runs");
	tap_ok(b.arg == &b, "with its argument");
	tap_ok(!b.lwp, "without an lwp");
	b.end = true;
	call_begin("thread_join", MAY_LEAVE, NULL);
	tap_is(ru.thread_join(cookie), 0, "it is joined");
	call_end();
	b = (struct bare){ .end = true };
	create(&b, 0, &cookie);
	tap_ok(kernel_await(has_run, &b), "it runs");
	tap_ok(kernel_await(threads_gone, &before), "threads that have ended are gone");
}

static void *joiner_target(void *arg)
{
	struct bare *b = arg;

	while (!b->end)
		host_sleep(MS / 4);
	host_sleep(20 * MS);
	b->runs = 1;
	ru.thread_exit();
	abort();
}

struct joiner {
	struct bare b;
	void *cookie;
	bool ran;
};

static void join(void *arg)
{
	struct joiner *j = arg;

	call_begin("thread_join", MAY_LEAVE, NULL);
	rule(!ru.thread_join(j->cookie), "thread_join fails");
	call_end();
	j->ran = j->b.runs;
}

static void joins(void)
{
	struct joiner j = { .ran = false };
	struct thread *t;

	call_begin("thread_create", MAY_LEAVE, NULL);
	rule(!ru.thread_create(joiner_target, &j.b, "target", 1, 0, -1, &j.cookie), "thread_create fails");
	call_end();
	t = thread_start(join, &j, ANY_CPU);
	tap_ok(await_blocked(t, "thread_join"), "who joins gives up its virtual CPU");
	j.b.end = true;
	thread_end(t);
	tap_ok(j.ran, "a thread is joined when it has ended, not before");
}

static void quick(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void many(void)
{
	enum { BATCH = 16, BATCHES = 40 };
	struct thread *threads[BATCH];
	int before = host_threads(), i, n;
	atomic_int ran = 0;

	for (n = 0; n < BATCHES; n++) {
		for (i = 0; i < BATCH; i++)
			threads[i] = thread_start(quick, &ran, i % 2 ? ANY_CPU : 0);
		for (i = 0; i < BATCH; i++)
			thread_end(threads[i]);
	}
	tap_is(ran, BATCH * BATCHES, "many threads come and go");
	tap_ok(kernel_await(threads_gone, &before), "none stays");
}

void test_thread(void)
{
	starts();
	joins();
	many();
}

enum { SWITCHERS = 4, SWITCHES = 3000 };

/* Each thread has an lwp of its own, and may take another. */
static void switcher(void *arg)
{
	struct lwp *first = lwp_current(), *second = lwp_new(1, ANY_CPU);
	int i;

	for (i = 0; i < SWITCHES; i++) {
		lwproc_switch(second);
		if (i % 256 == 0)
			kernel_pause(0);
		lwproc_switch(first);
	}
	lwp_free(second);
}

static void *outsider(void *arg)
{
	*(struct lwp **)arg = ru.curlwp();
	return NULL;
}

static void outside(void)
{
	struct lwp *seen = lwp_current();
	pthread_t thread;

	pthread_create(&thread, NULL, outsider, &seen);
	pthread_join(thread, NULL);
	tap_ok(!seen, "a thread that the library does not know has no lwp");
}

static void often(void)
{
	struct lwp *l = lwp_current();
	int i, wrong = 0;

	for (i = 0; i < 1000000; i++)
		wrong += ru.curlwp() != l;
	tap_is(wrong, 0, "the current lwp, a million times");
}

static void host_thread_inside(void *arg)
{
	int *pid = arg;

	kernel_upcalls.hyp_schedule();
	*pid = kernel_upcalls.hyp_getpid();
	kernel_upcalls.hyp_unschedule();
}

static void *host_thread(void *arg)
{
	host_thread_inside(arg);
	return ru.curlwp() ? arg : NULL;
}

/* A host thread that comes in for one call has a temporary lwp, and nothing afterwards. */
static void visitor(void)
{
	int pid = 0, before = lwp_live();
	pthread_t thread;
	void *kept;

	pthread_create(&thread, NULL, host_thread, &pid);
	kernel_pause(MS);
	while (pthread_tryjoin_np(thread, &kept) != 0)
		kernel_pause(MS);
	tap_is(pid, 1, "a host thread visits the kernel");
	tap_ok(!kept && lwp_live() == before, "and has no lwp afterwards");
}

void test_lwp(void)
{
	struct thread *threads[SWITCHERS];
	int i, before = lwp_live();

	outside();
	often();
	visitor();
	for (i = 0; i < SWITCHERS; i++)
		threads[i] = thread_start(switcher, NULL, ANY_CPU);
	for (i = 0; i < SWITCHERS; i++)
		thread_end(threads[i]);
	tap_is(lwp_live(), before, "%d threads switch between lwps", SWITCHERS);
}
