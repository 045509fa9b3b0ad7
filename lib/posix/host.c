// SPDX-License-Identifier: BSD-2-Clause
/* Barriers across threads and detection of forked children, on Linux hosts. */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../host.h"

static const uint32_t closed = HOST_GATE_CLOSED;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile uint32_t *page; /* zeroed by the host in a forked child; never freed */
static int init_error;

const volatile uint32_t *host_gate = &closed;

/* For hosts that take MADV_WIPEONFORK for a hint, as qemu-user does; the advice also covers forks that skip libc. */
static void close_in_child(void)
{
	*page = HOST_GATE_CLOSED;
}

/*
 * To register costs a process with several threads a grace period of the host's, 10 ms and more, and one with a single
 * thread nothing: so it is done while the program is loaded. choose_gate() does it again, and says how that went.
 */
__attribute__((constructor)) static void register_early(void)
{
	int saved = errno;

	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	errno = saved;
}

static enum host_gate choose_gate(void)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return HOST_GATE_FENCED;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
		return HOST_GATE_FENCED;
	/* A sandbox may allow to register and not to use. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
		return HOST_GATE_FENCED;
	return HOST_GATE_ASYMMETRIC;
}

static void init(void)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED) {
		init_error = -ENOMEM;
		return;
	}
	madvise(map, size, MADV_WIPEONFORK);
	page = map;
	*page = choose_gate();
	init_error = -pthread_atfork(NULL, NULL, close_in_child);
	if (!init_error)
		__atomic_store_n(&host_gate, page, __ATOMIC_RELEASE);
}

int host_init(void)
{
	int saved = errno;

	pthread_once(&once, init);
	errno = saved;
	return host_forked() ? -ESHUTDOWN : init_error;
}

bool host_forked(void)
{
	return host_gate != &closed && *host_gate == HOST_GATE_CLOSED;
}

/*
 * A sandbox that closed after host_init() may forbid the barrier. Then all threads fence from now on, and those that
 * are in the gate at this moment get time to: a running one empties its store buffer within a microsecond, and one that
 * is not running did so when it was switched out.
 */
static void fence_by_waiting(void)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	*page = HOST_GATE_FENCED;
	nanosleep(&pause, NULL);
}

void host_fence_all(void)
{
	int saved = errno;

	if (*host_gate == HOST_GATE_ASYMMETRIC && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
		fence_by_waiting();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	errno = saved;
}
