// SPDX-License-Identifier: BSD-2-Clause
/* Threads of backends */
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rumpus/hyp.h>

#include "thread.h"

/* A thread of a backend holds an array of pieces of memory and the host's library calls, no more. */
#define STACK_SIZE (128UL << 10)

static int tls_add(struct dl_phdr_info *info, size_t size, void *total)
{
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)total += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	}
	return 0;
}

/* With what the C library takes of a stack beforehand: the thread-local storage of program and libraries lies there. */
static size_t stack_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t total = STACK_SIZE + (size_t)sysconf(_SC_THREAD_STACK_MIN);

	dl_iterate_phdr(tls_add, &total);
	return (total + page - 1) & ~(page - 1);
}

const char *io_memory_remedy(void)
{
	struct rlimit space, data;

	if (getrlimit(RLIMIT_AS, &space) || getrlimit(RLIMIT_DATA, &data))
		return "raise ulimit -v and -d";
	if (data.rlim_cur < space.rlim_cur)
		return "raise ulimit -d";
	return space.rlim_cur == RLIM_INFINITY ? "end other programs" : "raise ulimit -v";
}

/* The C library calls it one error, whether the host refuses the thread or memory for its stack. */
static int refused(size_t stack)
{
	void *probe = mmap(NULL, stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (probe == MAP_FAILED)
		return errno == ENOMEM ? -HYP_ENOMEM : -HYP_EAGAIN;
	munmap(probe, stack);
	return -HYP_EAGAIN;
}

int io_threads_refused(struct io_spec *spec, int error, const char *name)
{
	if (error == -HYP_ENOMEM)
		return io_fail(spec, error, "%s: no memory for its threads; %s", name, io_memory_remedy());
	return io_fail(spec, error, "%s: the host gives no more threads; raise ulimit -u", name);
}

int io_thread_create(pthread_t *thread, const char *name, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error;

	if (pthread_attr_init(&attr))
		return -HYP_EAGAIN;
	pthread_attr_setstacksize(&attr, stack_size());
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (error)
		return refused(stack_size());
	pthread_setname_np(*thread, name);
	return 0;
}
