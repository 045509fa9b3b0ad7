// SPDX-License-Identifier: BSD-2-Clause
/* The test kernel: boot, virtual CPUs, the big lock, and the upcalls that the library makes */
#include <string.h>

#include "kernel.h"

/**
 * struct cpu - a virtual CPU
 * @mutex:  guards sleeping for it; SPIN, as the scheduler cannot ask itself for a CPU
 * @cv:     signalled when it is given back and somebody wants it
 * @owner:  lwp that holds it
 * @wanted: threads that sleep for it, or are about to
 */
struct cpu {
	struct mutex mutex;
	struct rumpuser_cv *cv;
	struct lwp *_Atomic owner;
	atomic_uint wanted;
};

static struct cpu cpus[KERNEL_CPUS];
static int cpu_count;
static atomic_bool scheduler_up;
static struct mutex giant;
static atomic_uint cookies;

int kernel_cpus(void)
{
	return cpu_count;
}

struct mutex *kernel_scheduler_mutex(int cpu)
{
	return &cpus[cpu].mutex;
}

static bool cpu_try(int n, struct lwp *l)
{
	struct lwp *none = NULL;

	if (!atomic_compare_exchange_strong(&cpus[n].owner, &none, l))
		return false;
	l->cpu = l->last = n;
	return true;
}

/* Any free one that @l may have, its last one first. */
static bool cpu_try_any(struct lwp *l)
{
	int i;

	if (l->bound != ANY_CPU)
		return cpu_try(l->bound, l);
	for (i = 0; i < cpu_count; i++) {
		if (cpu_try((l->last + i) % cpu_count, l))
			return true;
	}
	return false;
}

void cpu_take(struct lwp *l, struct rumpuser_mtx *interlock)
{
	int n = l->bound != ANY_CPU ? l->bound : l->last;
	struct cpu *cpu = &cpus[n];

	if (interlock != cpu->mutex.mtx) {
		if (cpu_try_any(l))
			return;
		ru.mutex_enter_nowrap(cpu->mutex.mtx);
	}
	atomic_fetch_add(&cpu->wanted, 1);
	while (!cpu_try(n, l))
		ru.cv_wait_nowrap(cpu->cv, cpu->mutex.mtx);
	atomic_fetch_sub(&cpu->wanted, 1);
	ru.mutex_exit(cpu->mutex.mtx);
}

void cpu_give(struct lwp *l, struct rumpuser_mtx *interlock)
{
	struct cpu *cpu = &cpus[l->cpu];
	bool keep = interlock == cpu->mutex.mtx;

	rule(atomic_load(&cpu->owner) == l, "1: a thread gives up a virtual CPU of another's");
	l->cpu = -1;
	if (keep)
		ru.mutex_enter_nowrap(cpu->mutex.mtx);
	atomic_store(&cpu->owner, NULL);
	if (atomic_load(&cpu->wanted)) {
		if (!keep)
			ru.mutex_enter_nowrap(cpu->mutex.mtx);
		ru.cv_signal(cpu->cv);
		if (!keep)
			ru.mutex_exit(cpu->mutex.mtx);
	}
}

void cpu_hand_over(struct lwp *from, struct lwp *to)
{
	int n = from->cpu;

	to->cpu = to->last = n;
	from->cpu = -1;
	atomic_store(&cpus[n].owner, to);
}

/* The big lock is never waited for with a CPU, nor a CPU kept from others while holding the lock. */
static void giant_take(struct lwp *l, int depth)
{
	if (!depth)
		return;
	if (ru.mutex_tryenter(giant.mtx)) {
		cpu_give(l, NULL);
		ru.mutex_enter_nowrap(giant.mtx);
		cpu_take(l, NULL);
	}
	l->giant = depth;
}

static int giant_drop(struct lwp *l)
{
	int depth = l->giant;

	l->giant = 0;
	if (depth)
		ru.mutex_exit(giant.mtx);
	return depth;
}

void giant_enter(void)
{
	struct lwp *l = lwp_current();

	if (l->giant)
		l->giant++;
	else
		giant_take(l, 1);
}

void giant_exit(void)
{
	struct lwp *l = lwp_current();

	if (l->giant == 1)
		giant_drop(l);
	else
		l->giant--;
}

void giant_check(void)
{
	rule(!lwp_current()->giant, "the big lock is still held");
}

/* The number means nothing to anyone else: it must come back, and be brought by the thread that it was given to. */
static int cookie_new(void)
{
	return (int)(atomic_fetch_add(&cookies, 1) * 2654435761U);
}

static void up_backend_unschedule(int nlocks, int *countp, void *interlock)
{
	struct context *c = context_self();
	struct lwp *l = lwp_current();
	const char *call = c->call ? c->call : "a thread of the library's";
	void *expected = c->interlock ? c->interlock->mtx : NULL;

	if (!rule(atomic_load(&scheduler_up), "1, %s: gives up a virtual CPU before there is a scheduler", call)) {
		*countp = 0;
		return;
	}
	if (!rule(l && l->cpu >= 0 && !c->away, "1, %s: gives up a virtual CPU that it does not hold", call))
		return;
	rule(!nlocks, "1, %s: asks for %d levels of the lock to be dropped", call, nlocks);
	rule(c->stay != STAYS || !c->call, "1, %s: must keep its virtual CPU", call);
	rule(interlock == expected, "2, %s: passes on another interlock than it was given", call);
	c->cookie = *countp = cookie_new();
	c->away = true;
	c->giant = giant_drop(l);
	cpu_give(l, interlock);
	atomic_fetch_add(&c->left, 1);
}

static void up_backend_schedule(int nlocks, void *interlock)
{
	struct context *c = context_self();
	struct lwp *l = lwp_current();
	const char *call = c->call ? c->call : "a thread of the library's";

	if (!atomic_load(&scheduler_up))
		return;
	if (!rule(l, "4, %s: enters without an lwp", call) || !rule(l->cpu < 0, "1, %s: enters twice", call))
		return;
	if (c->away && (c->call || c->giant)) {
		rule(nlocks == c->cookie, "1, %s: brings back %d, not the %d that it was given", call, nlocks,
		     c->cookie);
		rule(interlock == (c->interlock ? c->interlock->mtx : NULL), "2, %s: another interlock at the end",
		     call);
	} else {
		rule((!nlocks || nlocks == c->cookie) && !interlock,
		     "1, %s: enters with %d and an interlock of nobody's", call, nlocks);
		rule(!l->temporary, "4, %s: enters without an lwp of its own", call);
		c->giant = 0;
	}
	if (interlock && c->interlock)
		mutex_order(c->interlock);
	cpu_take(l, interlock);
	giant_take(l, c->giant);
	c->away = false;
}

static void up_schedule(void)
{
	struct lwp *l = lwp_current();

	if (!l) {
		l = lwp_new(1, ANY_CPU);
		l->temporary = true;
		lwp_set(l);
	}
	if (rule(l->cpu < 0, "1: hyp_schedule() by a thread that is inside"))
		cpu_take(l, NULL);
}

static void up_unschedule(void)
{
	struct lwp *l = lwp_current();

	if (!rule(l && l->cpu >= 0, "1: hyp_unschedule() by a thread that is outside"))
		return;
	rule(!l->giant, "1: hyp_unschedule() with the big lock held");
	cpu_give(l, NULL);
	if (l->temporary) {
		lwp_clear();
		lwp_free(l);
	}
}

static void inside(const char *upcall)
{
	struct lwp *l = lwp_current();

	rule(l && l->cpu >= 0, "1: %s by a thread that is outside", upcall);
}

static void up_lwproc_switch(struct lwp *l)
{
	inside("hyp_lwproc_switch()");
	lwproc_switch(l);
}

static void up_lwproc_release(void)
{
	inside("hyp_lwproc_release()");
	lwproc_release();
}

static int up_lwproc_rfork(void *priv, int flags, const char *comm)
{
	inside("hyp_lwproc_rfork()");
	return lwproc_rfork(priv, flags, comm);
}

static int up_lwproc_newlwp(pid_t pid)
{
	inside("hyp_lwproc_newlwp()");
	return lwproc_newlwp(pid);
}

static struct lwp *up_lwproc_curlwp(void)
{
	return lwp_current();
}

const struct rumpuser_hyperup kernel_upcalls = {
	.hyp_schedule = up_schedule,
	.hyp_unschedule = up_unschedule,
	.hyp_backend_unschedule = up_backend_unschedule,
	.hyp_backend_schedule = up_backend_schedule,
	.hyp_lwproc_switch = up_lwproc_switch,
	.hyp_lwproc_release = up_lwproc_release,
	.hyp_lwproc_rfork = up_lwproc_rfork,
	.hyp_lwproc_newlwp = up_lwproc_newlwp,
	.hyp_lwproc_curlwp = up_lwproc_curlwp,
	.hyp_syscall = kernel_syscall,
	.hyp_lwpexit = kernel_lwpexit,
	.hyp_execnotify = kernel_execnotify,
	.hyp_getpid = lwproc_getpid,
};

/* The library has a copy, or it will jump into nothing soon. */
static void connect(void)
{
	struct rumpuser_hyperup upcalls = kernel_upcalls;
	int error = ru.init(RUMPUSER_VERSION, &upcalls);

	if (error)
		tap_abort("rumpuser_init: error %d", error);
	memset(&upcalls, 0x5a, sizeof(upcalls));
	atomic_signal_fence(memory_order_seq_cst);
}

void kernel_boot(int count, void (*early)(void))
{
	struct lwp *l;
	int i;

	watchdog_start();
	connect();
	cpu_count = count;
	for (i = 0; i < count; i++) {
		mutex_init(&cpus[i].mutex, RUMPUSER_MTX_SPIN);
		cpus[i].mutex.scheduler = true;
		ru.cv_init(&cpus[i].cv);
	}
	mutex_init(&giant, RUMPUSER_MTX_SPIN);
	l = lwp_new(1, ANY_CPU);
	lwp_set(l);
	cpu_take(l, NULL);
	if (early)
		early();
	atomic_store(&scheduler_up, true);
}

void kernel_outside(void (*fn)(void *arg), void *arg)
{
	struct lwp *l = lwp_current();
	int depth = giant_drop(l);

	cpu_give(l, NULL);
	fn(arg);
	cpu_take(l, NULL);
	giant_take(l, depth);
}

static void pause_outside(void *arg)
{
	host_sleep(*(int64_t *)arg);
}

void kernel_pause(int64_t ns)
{
	kernel_outside(pause_outside, &ns);
}

bool kernel_await(bool (*done)(void *arg), void *arg)
{
	int64_t end = host_now() + patience;

	while (!done(arg)) {
		if (host_now() > end)
			return false;
		kernel_pause(MS / 4);
	}
	progress();
	return true;
}
