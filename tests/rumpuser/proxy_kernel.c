// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel with just enough in it for remote clients, on rumpuser(3) alone, so that it runs on any librumpuser.
 *
 * It checks how the proxy uses upcalls, and ends the process with a message when a rule is broken.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy_calls.h"
#include "proxy_kernel.h"
#include "rumpuser.h"

enum { ESRCH_ = 3 };

struct lwp {
	struct process *process;
	bool temporary, running, ended, leave;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned int free_cpus;
	struct process *processes;
	pid_t next_pid;
	struct process init;
} kernel = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
	.next_pid = 2,
	.init = { .pid = 1, .lwps = 1, .name = "init" },
};

static __thread bool has_cpu;

static void broken(const char *rule)
{
	fprintf(stderr, "test kernel: rule broken: %s\n", rule);
	abort();
}

static void cpu_take(void)
{
	if (has_cpu)
		broken("a thread takes a second virtual CPU");
	pthread_mutex_lock(&kernel.lock);
	while (!kernel.free_cpus)
		pthread_cond_wait(&kernel.cond, &kernel.lock);
	kernel.free_cpus--;
	pthread_mutex_unlock(&kernel.lock);
	has_cpu = true;
}

static void cpu_give(void)
{
	if (!has_cpu)
		broken("a thread gives back a virtual CPU that it does not have");
	has_cpu = false;
	pthread_mutex_lock(&kernel.lock);
	kernel.free_cpus++;
	pthread_cond_signal(&kernel.cond);
	pthread_mutex_unlock(&kernel.lock);
}

static struct process *process_new(struct process *parent, void *client, const char *name)
{
	struct process *p = calloc(1, sizeof(*p));

	p->ppid = parent->pid;
	p->client = client;
	p->value = parent->value;
	snprintf(p->name, sizeof(p->name), "%s", name ? name : parent->name);
	pthread_mutex_lock(&kernel.lock);
	p->pid = kernel.next_pid++;
	p->next = kernel.processes;
	kernel.processes = p;
	pthread_mutex_unlock(&kernel.lock);
	return p;
}

static struct process *process_find(pid_t pid)
{
	struct process *p;

	pthread_mutex_lock(&kernel.lock);
	for (p = kernel.processes; p && p->pid != pid; p = p->next)
		;
	pthread_mutex_unlock(&kernel.lock);
	return p;
}

static void process_free(struct process *process)
{
	struct process **link;

	pthread_mutex_lock(&kernel.lock);
	for (link = &kernel.processes; *link != process; link = &(*link)->next)
		;
	*link = process->next;
	pthread_mutex_unlock(&kernel.lock);
	free(process);
}

unsigned int kernel_processes(bool announced)
{
	struct process *p;
	unsigned int n = 0;

	pthread_mutex_lock(&kernel.lock);
	for (p = kernel.processes; p; p = p->next)
		n += announced || !p->announced;
	pthread_mutex_unlock(&kernel.lock);
	return n;
}

static struct lwp *lwp_new(struct process *p, bool temporary)
{
	struct lwp *l = calloc(1, sizeof(*l));

	l->process = p;
	l->temporary = temporary;
	pthread_mutex_lock(&kernel.lock);
	p->lwps++;
	pthread_mutex_unlock(&kernel.lock);
	rumpuser_curlwpop(RUMPUSER_LWP_CREATE, l);
	return l;
}

static void lwp_free(struct lwp *l)
{
	struct process *p = l->process;
	bool last;

	rumpuser_curlwpop(RUMPUSER_LWP_DESTROY, l);
	pthread_mutex_lock(&kernel.lock);
	last = !--p->lwps;
	pthread_mutex_unlock(&kernel.lock);
	if (last)
		process_free(p);
	free(l);
}

static void lwp_set(struct lwp *l)
{
	if (__atomic_exchange_n(&l->running, true, __ATOMIC_SEQ_CST))
		broken("an lwp runs on two threads");
	rumpuser_curlwpop(RUMPUSER_LWP_SET, l);
}

/* The current lwp is no longer; it stays unless it was temporary or ended. */
static void lwp_clear(void)
{
	struct lwp *l = rumpuser_curlwp();

	if (!l)
		return;
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, l);
	__atomic_store_n(&l->running, false, __ATOMIC_SEQ_CST);
	if (l->temporary || l->ended)
		lwp_free(l);
}

static struct lwp *current(void)
{
	struct lwp *l = rumpuser_curlwp();

	if (!has_cpu || !l)
		broken("an upcall without a virtual CPU or an lwp");
	return l;
}

static void schedule(void)
{
	cpu_take();
	if (!rumpuser_curlwp())
		lwp_set(lwp_new(&kernel.init, true));
}

static void unschedule(void)
{
	struct lwp *l = rumpuser_curlwp();

	if (l && (l->temporary || l->ended))
		lwp_clear();
	cpu_give();
}

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
	*count = 42;
	cpu_give();
}

static void backend_schedule(int nlocks, void *interlock)
{
	if (nlocks != 42)
		broken("the depth of locks is not what it was");
	cpu_take();
}

static void lwproc_switch(struct lwp *l)
{
	current();
	lwp_clear();
	if (l)
		lwp_set(l);
}

static void lwproc_release(void)
{
	struct lwp *l = current();

	if (l->temporary)
		broken("a thread without an lwp ends its lwp");
	l->ended = true;
}

static int lwproc_rfork(void *client, int flags, const char *name)
{
	struct process *parent = current()->process;
	struct process *p;

	if (flags < 0 || flags > 2)
		broken("unknown flags for rfork");
	p = process_new(parent, client, name);
	p->announced = flags == 1;
	lwproc_switch(lwp_new(p, false));
	return 0;
}

static int lwproc_newlwp(pid_t pid)
{
	struct process *p = process_find(pid);

	current();
	if (!p)
		return ESRCH_;
	lwproc_switch(lwp_new(p, false));
	return 0;
}

static struct lwp *lwproc_curlwp(void)
{
	return current();
}

static void lwpexit(void)
{
	struct process *p = current()->process;

	if (p == &kernel.init)
		broken("init is told to leave");
	calls_leave(p);
}

static void execnotify(const char *name)
{
	struct process *p = current()->process;

	if (p->lwps != 1)
		broken("exec with more than one lwp");
	p->leaving = false;
	snprintf(p->name, sizeof(p->name), "%s", name);
}

struct process *process_current(void)
{
	return current()->process;
}

static pid_t get_pid(void)
{
	return process_current()->pid;
}

int kernel_start(unsigned int cpus)
{
	static const struct rumpuser_hyperup upcalls = {
		.hyp_schedule = schedule,
		.hyp_unschedule = unschedule,
		.hyp_backend_unschedule = backend_unschedule,
		.hyp_backend_schedule = backend_schedule,
		.hyp_lwproc_switch = lwproc_switch,
		.hyp_lwproc_release = lwproc_release,
		.hyp_lwproc_rfork = lwproc_rfork,
		.hyp_lwproc_newlwp = lwproc_newlwp,
		.hyp_lwproc_curlwp = lwproc_curlwp,
		.hyp_syscall = calls_run,
		.hyp_lwpexit = lwpexit,
		.hyp_execnotify = execnotify,
		.hyp_getpid = get_pid,
	};
	int error;

	kernel.free_cpus = cpus;
	error = rumpuser_init(RUMPUSER_VERSION, &upcalls);
	if (error)
		return error;
	calls_init();
	return 0;
}
