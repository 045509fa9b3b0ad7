// SPDX-License-Identifier: BSD-2-Clause
/* lwps, processes and kernel threads of the test kernel */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { PROCESSES = 4096 };

/**
 * struct process - one that lwproc_rfork() made, or the first
 * @lwps: that it has; it is gone with the last
 * @priv: of the library's
 */
struct process {
	int lwps;
	void *priv;
};

static struct process processes[PROCESSES] = { [1] = { .lwps = 1 } }; /* by pid; the first one stays */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	      /* guards processes */
static atomic_int live;

/**
 * struct thread - a kernel thread
 * @cookie:  of the library's
 * @context: once it runs
 */
struct thread {
	void (*fn)(void *arg);
	void *arg;
	struct lwp *lwp;
	void *cookie;
	struct context *_Atomic context;
};

static void process_get(int pid)
{
	pthread_mutex_lock(&lock);
	processes[pid].lwps++;
	pthread_mutex_unlock(&lock);
}

static void process_put(int pid)
{
	pthread_mutex_lock(&lock);
	processes[pid].lwps--;
	pthread_mutex_unlock(&lock);
}

static int process_new(void *priv)
{
	int pid;

	pthread_mutex_lock(&lock);
	for (pid = 2; pid < PROCESSES && processes[pid].lwps; pid++)
		;
	if (pid < PROCESSES)
		processes[pid] = (struct process){ .lwps = 1, .priv = priv };
	pthread_mutex_unlock(&lock);
	return pid < PROCESSES ? pid : 0;
}

int process_count(void)
{
	int pid, count = 0;

	pthread_mutex_lock(&lock);
	for (pid = 1; pid < PROCESSES; pid++)
		count += processes[pid].lwps > 0;
	pthread_mutex_unlock(&lock);
	return count;
}

void *process_priv(void)
{
	void *priv;

	pthread_mutex_lock(&lock);
	priv = processes[lwp_current()->pid].priv;
	pthread_mutex_unlock(&lock);
	return priv;
}

struct lwp *lwp_new(int pid, int bound)
{
	struct lwp *l = calloc(1, sizeof(*l));

	if (!l)
		tap_abort("no memory");
	l->pid = pid;
	l->cpu = -1;
	l->bound = bound;
	l->self = l;
	process_get(pid);
	atomic_fetch_add(&live, 1);
	ru.curlwpop(RUMPUSER_LWP_CREATE, l);
	return l;
}

void lwp_free(struct lwp *l)
{
	ru.curlwpop(RUMPUSER_LWP_DESTROY, l);
	rule(l->self == l, "an lwp ends twice");
	l->self = NULL;
	process_put(l->pid);
	atomic_fetch_sub(&live, 1);
	free(l);
}

int lwp_live(void)
{
	return atomic_load(&live);
}

struct lwp *lwp_current(void)
{
	struct lwp *l = ru.curlwp();
	struct lwp *expected = context_self()->lwp;

	rule(l == expected, "rumpuser_curlwp() gives %p, not the %p that was set", (void *)l, (void *)expected);
	return expected;
}

void lwp_set(struct lwp *l)
{
	rule(!ru.curlwp(), "an lwp is current before one was set");
	ru.curlwpop(RUMPUSER_LWP_SET, l);
	context_self()->lwp = l;
	lwp_current();
}

void lwp_clear(void)
{
	struct context *c = context_self();

	ru.curlwpop(RUMPUSER_LWP_CLEAR, c->lwp);
	c->lwp = NULL;
	lwp_current();
}

/* The CPU goes over to the new one without being given up. */
void lwproc_switch(struct lwp *l)
{
	struct lwp *old = lwp_current();

	if (!l) {
		l = lwp_new(1, ANY_CPU);
		l->temporary = true;
	}
	rule(l->self == l && l->cpu < 0, "hyp_lwproc_switch() to an lwp that is gone or elsewhere");
	rule(!old->giant, "hyp_lwproc_switch() with the big lock held");
	cpu_hand_over(old, l);
	lwp_clear();
	lwp_set(l);
	if (old->temporary)
		lwp_free(old);
}

void lwproc_release(void)
{
	struct lwp *old = lwp_current();

	rule(!old->temporary, "4: hyp_lwproc_release() by a thread without an lwp of its own");
	old->temporary = true;
	lwproc_switch(NULL);
}

int lwproc_rfork(void *priv, int flags, const char *comm)
{
	int pid = process_new(priv);

	if (!pid)
		return NB_ENOMEM;
	lwproc_switch(lwp_new(pid, ANY_CPU));
	process_put(pid); /* its lwp keeps it now */
	return 0;
}

int lwproc_newlwp(pid_t pid)
{
	bool there;

	pthread_mutex_lock(&lock);
	there = pid >= 0 && pid < PROCESSES && (!pid || processes[pid].lwps);
	pthread_mutex_unlock(&lock);
	if (!there)
		return 3; /* ESRCH */
	lwproc_switch(lwp_new(pid, ANY_CPU));
	return 0;
}

pid_t lwproc_getpid(void)
{
	struct lwp *l = lwp_current();

	return l ? l->pid : -1;
}

static void *bounce(void *arg)
{
	struct thread *t = arg;
	struct lwp *l = t->lwp;

	rule(!ru.curlwp(), "a thread starts with an lwp");
	lwp_set(l);
	atomic_store(&t->context, context_self());
	cpu_take(l, NULL);
	t->fn(t->arg);
	rule(l->cpu >= 0 && lwp_current() == l, "1: a thread ends outside");
	giant_check();
	cpu_give(l, NULL);
	lwp_clear();
	lwp_free(l);
	ru.thread_exit();
	rule(false, "rumpuser_thread_exit() returns");
	abort();
}

struct thread *thread_start(void (*fn)(void *arg), void *arg, int bound)
{
	struct thread *t = calloc(1, sizeof(*t));
	int error;

	if (!t)
		tap_abort("no memory");
	t->fn = fn;
	t->arg = arg;
	t->lwp = lwp_new(1, bound);
	call_begin("thread_create", MAY_LEAVE, NULL);
	error = ru.thread_create(bounce, t, "test", 1, 0, bound, &t->cookie);
	call_end();
	if (error)
		tap_abort("rumpuser_thread_create: error %d", error);
	return t;
}

void thread_end(struct thread *t)
{
	int error;

	call_begin("thread_join", MAY_LEAVE, NULL);
	error = ru.thread_join(t->cookie);
	call_end();
	rule(!error, "rumpuser_thread_join: error %d", error);
	free(t);
}

bool thread_in(struct thread *t, const char *name)
{
	struct context *c = atomic_load(&t->context);
	const char *call = c ? atomic_load(&c->call) : NULL;

	return call && !strcmp(call, name);
}

bool thread_blocked(struct thread *t, const char *name)
{
	return thread_in(t, name) && atomic_load(&atomic_load(&t->context)->left);
}

struct awaited {
	struct thread *thread;
	const char *name;
};

static bool is_blocked(void *arg)
{
	const struct awaited *a = arg;

	return thread_blocked(a->thread, a->name);
}

static bool is_in(void *arg)
{
	const struct awaited *a = arg;

	return thread_in(a->thread, a->name);
}

bool await_blocked(struct thread *t, const char *name)
{
	return kernel_await(is_blocked, &(struct awaited){ t, name });
}

bool await_in(struct thread *t, const char *name)
{
	return kernel_await(is_in, &(struct awaited){ t, name });
}
