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
#include <time.h>
#include <unistd.h>

#include "proxy_kernel.h"
#include "rumpuser.h"

enum { ESRCH_ = 3, EINTR_ = 4, ENOMEM_ = 12, EFAULT_ = 14, ENOSYS_ = 78 };

struct process {
	struct process *next;
	pid_t pid, ppid;
	void *client;
	unsigned int lwps;
	bool announced; /* waits for the child that it is made for, perhaps in vain */
	bool leaving; /* lwps other than the one that said so are to leave */
	long value;
	char name[64];
};

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
	struct rumpuser_mtx *mutex;
	struct rumpuser_cv *cv;
	unsigned int sleepers, generation;
} kernel = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
	.next_pid = 2,
	.init = { .pid = 1, .lwps = 1, .name = "init" },
};

static __thread bool has_cpu;
static bool fuzzed;

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
	rumpuser_mutex_enter(kernel.mutex);
	p->leaving = true;
	rumpuser_cv_broadcast(kernel.cv);
	rumpuser_mutex_exit(kernel.mutex);
}

static void execnotify(const char *name)
{
	struct process *p = current()->process;

	if (p->lwps != 1)
		broken("exec with more than one lwp");
	p->leaving = false;
	snprintf(p->name, sizeof(p->name), "%s", name);
}

static pid_t get_pid(void)
{
	return current()->process->pid;
}

static int sleep_for_wake(struct process *p)
{
	unsigned int generation;
	bool interrupted;

	rumpuser_mutex_enter(kernel.mutex);
	generation = kernel.generation;
	kernel.sleepers++;
	while (generation == kernel.generation && !p->leaving)
		rumpuser_cv_wait(kernel.cv, kernel.mutex);
	interrupted = generation == kernel.generation;
	kernel.sleepers--;
	rumpuser_mutex_exit(kernel.mutex);
	return interrupted ? EINTR_ : 0;
}

static long wake_all(void)
{
	long n;

	rumpuser_mutex_enter(kernel.mutex);
	n = kernel.sleepers;
	kernel.generation++;
	rumpuser_cv_broadcast(kernel.cv);
	rumpuser_mutex_exit(kernel.mutex);
	return n;
}

static int sum(void *client, const void *address, size_t size, long *result)
{
	unsigned char *data = malloc(size + 1);
	size_t i;
	int error;

	if (!data)
		return ENOMEM_;
	error = rumpuser_sp_copyin(client, address, data, size);
	for (i = 0; !error && i < size; i++)
		*result += data[i];
	free(data);
	return error;
}

static int string_in(void *client, const void *address, size_t room, long *result)
{
	char text[1024];
	size_t size = room < sizeof(text) ? room : sizeof(text);
	int error = rumpuser_sp_copyinstr(client, address, text, &size);

	*result = size;
	if (!error && strnlen(text, sizeof(text)) + 1 != size)
		return ENOMEM_;
	return error;
}

static int fill(void *client, void *address, size_t size, int byte)
{
	unsigned char *data = malloc(size + 1);
	int error;

	if (!data)
		return ENOMEM_;
	memset(data, byte, size);
	error = rumpuser_sp_copyout(client, data, address, size);
	free(data);
	return error;
}

static int invert(void *client, void *address, size_t size)
{
	unsigned char *data = malloc(size + 1);
	size_t i;
	int error;

	if (!data)
		return ENOMEM_;
	error = rumpuser_sp_copyin(client, address, data, size);
	for (i = 0; i < size; i++)
		data[i] = ~data[i];
	if (!error)
		error = rumpuser_sp_copyout(client, data, address, size);
	free(data);
	return error;
}

static void spin(long microseconds)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000 < microseconds);
}

static long add(const long *numbers)
{
	unsigned long total = 0; /* hostile numbers may overflow */
	int i;

	for (i = 0; i < 8; i++)
		total += numbers[i];
	return total;
}

static int string_out(void *client, const char *text, void *address, size_t room, long *result)
{
	size_t size = room;
	int error = rumpuser_sp_copyoutstr(client, text, address, &size);

	*result = size;
	return error;
}

/* Calls of hostile clients that say nothing about the proxy, but would take time or memory, or end the test */
static bool is_harmless(int number, const long *a)
{
	if (number == KERNEL_REBOOT || number == KERNEL_SPIN)
		return false;
	return a[1] >= 0 && a[1] <= 1 << 20;
}

static int system_call(int number, void *arguments, long *retval)
{
	struct process *p = current()->process;
	long *a = arguments;
	void *address = (void *)a[0];
	char byte = 1;
	int error;

	if (fuzzed && !is_harmless(number, a))
		return ENOSYS_;
	switch (number) {
	case KERNEL_NULL:
		return 0;
	case KERNEL_GETPID:
		retval[0] = p->pid;
		return 0;
	case KERNEL_GETPPID:
		retval[0] = p->ppid;
		return 0;
	case KERNEL_SUM:
		return sum(p->client, address, a[1], &retval[0]);
	case KERNEL_STRLEN:
		return string_in(p->client, address, a[1], &retval[0]);
	case KERNEL_FILL:
		return fill(p->client, address, a[1], a[2]);
	case KERNEL_HELLO:
		return string_out(p->client, KERNEL_HELLO_STRING, address, a[1], &retval[0]);
	case KERNEL_SLEEP:
		retval[0] = 1;
		return sleep_for_wake(p);
	case KERNEL_OUT_SLEEP:
		error = rumpuser_sp_copyout(p->client, &byte, address, 1);
		return error ? error : sleep_for_wake(p);
	case KERNEL_WAKE:
		retval[0] = wake_all();
		return 0;
	case KERNEL_SLEEPERS:
		retval[0] = kernel.sleepers;
		return 0;
	case KERNEL_MMAP:
		error = rumpuser_sp_anonmmap(p->client, a[0], &address);
		retval[0] = (long)address;
		return error;
	case KERNEL_RAISE:
		return rumpuser_sp_raise(p->client, a[0]);
	case KERNEL_NAME:
		return string_out(p->client, p->name, address, a[1], &retval[0]);
	case KERNEL_SET:
		p->value = a[0];
		return 0;
	case KERNEL_GET:
		retval[0] = p->value;
		return 0;
	case KERNEL_PROCESSES:
		retval[0] = kernel_processes(true);
		return 0;
	case KERNEL_FAIL:
		return a[0];
	case KERNEL_ADD:
		retval[0] = add(a);
		retval[1] = a[7];
		return 0;
	case KERNEL_REBOOT:
		rumpuser_sp_fini(p->client);
		rumpuser_exit(0);
		return 0;
	case KERNEL_INVERT:
		return invert(p->client, address, a[1]);
	case KERNEL_SPIN:
		spin(a[0]);
		return 0;
	default:
		return ENOSYS_;
	}
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
		.hyp_syscall = system_call,
		.hyp_lwpexit = lwpexit,
		.hyp_execnotify = execnotify,
		.hyp_getpid = get_pid,
	};
	int error;

	fuzzed = getenv("PROXY_SERVER_FUZZED");
	kernel.free_cpus = cpus;
	error = rumpuser_init(RUMPUSER_VERSION, &upcalls);
	if (error)
		return error;
	rumpuser_mutex_init(&kernel.mutex, RUMPUSER_MTX_KMUTEX);
	rumpuser_cv_init(&kernel.cv);
	return 0;
}
