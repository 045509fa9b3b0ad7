// SPDX-License-Identifier: BSD-2-Clause
/* Threads of the platform's */
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix.h"

#define STACK_DEFAULT ((size_t)256 << 10)
#define ALT_STACK_MIN 32768L
#define NAME_SIZE 16 /* Linux's TASK_COMM_LEN */

/**
 * struct hyp_thread - a thread that thread_create() made
 * @h, @fn, @arg: what it is for
 * @id:       the host's; for thread_join()
 * @joinable: thread_join() frees it; else the thread itself does
 * @name:     or empty
 * @jump:     where thread_exit() leaves the kernel to
 * @alt_stack: for handlers of faults on a full or foreign stack, @alt_size bytes
 */
struct hyp_thread {
	struct hyp *h;
	void (*fn)(void *arg);
	void *arg;
	pthread_t id;
	bool joinable;
	char name[NAME_SIZE];
	void *jump[5];
	size_t alt_size;
	char alt_stack[];
};

static __thread struct hyp_thread *self __attribute__((tls_model("initial-exec")));

/* Handlers of the program's run on the program's threads; only faults and kicks concern ours. */
static void signals_block(sigset_t *before)
{
	static const int wanted[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS, POSIX_KICK_SIGNAL };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigdelset(&set, wanted[i]);
	pthread_sigmask(SIG_SETMASK, &set, before);
}

static int tls_add(struct dl_phdr_info *info, size_t size, void *total)
{
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)total += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	}
	return 0;
}

/* What the C library takes of a stack before the thread gets it: the program's thread-local storage lies there. */
static size_t stack_overhead(void)
{
	size_t total = sysconf(_SC_THREAD_STACK_MIN);

	dl_iterate_phdr(tls_add, &total);
	return total;
}

int posix_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg, size_t stack_size, bool detached)
{
	size_t page = posix_page_size();
	size_t least = stack_overhead();
	pthread_attr_t attr;
	sigset_t before;
	int error;

	if (stack_size > SIZE_MAX - least - page || pthread_attr_init(&attr))
		return -HYP_ENOMEM;
	pthread_attr_setstacksize(&attr, (stack_size + least + page - 1) & ~(page - 1));
	pthread_attr_setdetachstate(&attr, detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
	signals_block(&before);
	error = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!error)
		return 0;
	return error == EAGAIN ? -HYP_EAGAIN : -HYP_ENOMEM;
}

static struct hyp_thread *thread_alloc(struct hyp *h, const struct hyp_thread_attr *attr)
{
	long alt_size = sysconf(_SC_SIGSTKSZ);
	struct hyp_thread *t;

	if (alt_size < ALT_STACK_MIN)
		alt_size = ALT_STACK_MIN;
	t = malloc(sizeof(*t) + alt_size);
	if (!t)
		return NULL;
	t->h = h;
	t->alt_size = alt_size;
	t->joinable = attr->flags & HYP_THREAD_JOINABLE;
	snprintf(t->name, sizeof(t->name), "%s", attr->name ? attr->name : "");
	return t;
}

/* Apart, because what the compiler keeps in registers here is lost when thread_exit() returns into it. */
static __attribute__((noinline)) void run(struct hyp_thread *t)
{
	if (!__builtin_setjmp(t->jump))
		t->fn(t->arg);
}

static void alt_stack_set(struct hyp_thread *t, int flags)
{
	stack_t stack = { .ss_sp = t->alt_stack, .ss_size = t->alt_size, .ss_flags = flags };

	sigaltstack(&stack, NULL);
}

static void *thread_main(void *arg)
{
	struct hyp_thread *t = arg;
	struct hyp *h = t->h;

	self = t;
	alt_stack_set(t, 0);
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	if (t->name[0])
		pthread_setname_np(pthread_self(), t->name);
	run(t);
	posix_thread_ends();
	alt_stack_set(t, SS_DISABLE);
	self = NULL;
	if (!t->joinable)
		free(t);
	/* fini() may free @h after this; that the host is then asked about a word of no one's does no harm. */
	if (atomic_fetch_sub(&h->threads, 1) == 1)
		posix_futex_wake(&h->threads, 1);
	return NULL;
}

int posix_thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			struct hyp_thread **thread)
{
	static const struct hyp_thread_attr defaults = { .cpu = -1 };
	int saved ERRNO_KEPT = errno;
	struct hyp_thread *t;
	size_t stack_size;
	pthread_t id;
	bool joinable;
	int ret;

	if (!attr)
		attr = &defaults;
	joinable = attr->flags & HYP_THREAD_JOINABLE;
	if (attr->flags & ~HYP_THREAD_JOINABLE || (joinable && !thread))
		return -HYP_EINVAL;
	stack_size = attr->stack_size ? attr->stack_size : STACK_DEFAULT;
	t = thread_alloc(h, attr);
	if (!t)
		return -HYP_ENOMEM;
	t->fn = fn;
	t->arg = arg;
	atomic_fetch_add(&h->threads, 1);
	ret = posix_thread_start(&id, thread_main, t, stack_size, !joinable);
	if (ret) {
		atomic_fetch_sub(&h->threads, 1);
		free(t);
		return ret;
	}
	if (joinable)
		t->id = id; /* a detached thread may have freed @t by now */
	if (thread)
		*thread = t;
	return 0;
}

void posix_thread_exit(struct hyp *h)
{
	if (!self || self->h != h) {
		fprintf(stderr, "hyp: thread_exit() on a thread that thread_create() did not make\n");
		abort();
	}
	__builtin_longjmp(self->jump, 1);
}

int posix_thread_join(struct hyp *h, struct hyp_thread *thread)
{
	int saved ERRNO_KEPT = errno;

	if (thread == self)
		return -HYP_EDEADLK;
	if (pthread_join(thread->id, NULL))
		return -HYP_EINVAL;
	free(thread);
	return 0;
}

void posix_yield(struct hyp *h)
{
	int saved ERRNO_KEPT = errno;

	sched_yield();
}

uint32_t posix_thread_id(struct hyp *h)
{
	return syscall(SYS_gettid);
}
