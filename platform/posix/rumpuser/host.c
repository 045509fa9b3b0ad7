// SPDX-License-Identifier: BSD-2-Clause
/* What the portable part of librumpuser needs of a POSIX host: threads' storage, barriers, output, forks */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define FRAMES 32

__thread struct ru_self ru_self_tls __attribute__((tls_model("initial-exec")));

bool ru_barrier_asymmetric;

static bool forked;

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

void ru_barrier_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	/* Registered, it does not fail, unless a filter of system calls was put up since. */
	if (ru_barrier_asymmetric && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		ru_fail("mutex",
			"membarrier(2) worked at rumpuser_init() and does not now (errno %d): "
			"let the filter of system calls allow it",
			errno);
}

/*
 * The kernel's memory is not there in a forked child. Its one thread forgets its lwp, which is what a kernel looks for
 * first, and hears why it ends.
 */
static void child(void)
{
	forked = true;
	ru_self_tls.lwp = NULL;
}

void ru_host_not_forked(void)
{
	if (__builtin_expect(forked, 0))
		ru_fail("fork",
			"process %ld is a forked child: the rump kernel is its parent's. Fork before rump_init(), "
			"or be a remote client",
			(long)getpid());
}

bool ru_host_forked(void)
{
	return forked;
}

int ru_host_start(void)
{
	if (pthread_atfork(NULL, NULL, child))
		return -HYP_ENOMEM;
	ru_barrier_asymmetric = !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	return 0;
}

void ru_host_write(const char *text, size_t size)
{
	int saved = errno;
	ssize_t put;

	while (size) {
		put = write(STDERR_FILENO, text, size);
		if (put < 0 && errno != EINTR)
			break; /* there is no better place to say so */
		if (put > 0) {
			text += put;
			size -= (size_t)put;
		}
	}
	errno = saved;
}

static const void *library_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) ? info.dli_fbase : NULL;
}

void ru_host_symbol(const void *address, char *text, size_t size)
{
	const char *file;
	Dl_info info;

	if (!dladdr(address, &info) || !info.dli_fname) {
		snprintf(text, size, "%p", address);
		return;
	}
	file = strrchr(info.dli_fname, '/');
	file = file ? file + 1 : info.dli_fname;
	if (info.dli_sname)
		snprintf(text, size, "%s (%s+0x%zx)", file, info.dli_sname,
			 (size_t)((const char *)address - (const char *)info.dli_saddr));
	else
		snprintf(text, size, "%s+0x%zx", file, (size_t)((const char *)address - (const char *)info.dli_fbase));
}

void ru_host_caller(char *text, size_t size)
{
	const void *own = library_of(&forked);
	void *frames[FRAMES];
	int i, n = backtrace(frames, FRAMES);

	for (i = 0; i < n && library_of(frames[i]) == own; i++)
		;
	ru_host_symbol(i < n ? frames[i] : NULL, text, size);
}
