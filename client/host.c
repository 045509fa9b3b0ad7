// SPDX-License-Identifier: BSD-2-Clause
/* rumpclient: the host's calls, past any library that intercepts the C library's */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define FD_FLOOR 100 /* beyond what programs ask for, below what libraries that intercept calls use for the kernel's */
#define ADDRESS_MAX (1ULL << 56)

/* Without errno, which belongs to the program */
static long host(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(number, a, b, c, d, e, f);

	if (ret < 0)
		ret = -errno;
	errno = saved;
	return ret;
}

client_mask client_signals_block(void)
{
	client_mask all = ~0ULL;
	client_mask before = 0;

	host(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all), 0, 0);
	return before;
}

void client_signals_restore(client_mask mask)
{
	host(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask), 0, 0);
}

void client_signal(int number)
{
	host(SYS_tgkill, host(SYS_getpid, 0, 0, 0, 0, 0, 0), host(SYS_gettid, 0, 0, 0, 0, 0, 0), number, 0, 0, 0);
}

void client_wait_readable(int fd, client_mask mask)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };

	host(SYS_ppoll, (long)&poll, 1, 0, (long)&mask, sizeof(mask), 0);
}

void client_sleep(_Atomic uint32_t *word, uint32_t value, unsigned int ms)
{
	struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	host(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, (long)&limit, 0, 0);
}

void client_wake(_Atomic uint32_t *word)
{
	host(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* The host copies between two addresses of ours, and stops at a bad one where we would crash. */
static size_t copy(long number, void *mine, uint64_t address, size_t size)
{
	struct iovec local = { .iov_base = mine, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	long ret = host(number, host(SYS_getpid, 0, 0, 0, 0, 0, 0), (long)&local, 1, (long)&remote, 1, 0);

	return ret < 0 ? 0 : ret;
}

size_t client_peek(void *to, uint64_t address, size_t size)
{
	return address < ADDRESS_MAX ? copy(SYS_process_vm_readv, to, address, size) : 0;
}

size_t client_poke(uint64_t address, const void *from, size_t size)
{
	return address < ADDRESS_MAX ? copy(SYS_process_vm_writev, (void *)from, address, size) : 0;
}

uint64_t client_map(uint64_t size)
{
	long ret = host(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return ret < 0 && ret > -4096 ? 0 : ret;
}

int client_fd_move(int fd)
{
	long ret = host(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FD_FLOOR, 0, 0, 0);

	if (ret < 0)
		ret = host(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1, 0, 0, 0);
	return ret;
}

void client_fd_inherit(int fd, bool inherit)
{
	long flags = host(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);

	host(SYS_fcntl, fd, F_SETFD, inherit ? 0 : FD_CLOEXEC, 0, 0, 0);
	/* The next program may be linked with NetBSD's library, whose sockets do not block. */
	host(SYS_fcntl, fd, F_SETFL, inherit ? flags | O_NONBLOCK : flags & ~O_NONBLOCK, 0, 0, 0);
}

void client_complain(const char *format, ...)
{
	char line[512] = "rumpclient: ";
	va_list args;
	int used;

	va_start(args, format);
	used = 12 + vsnprintf(line + 12, sizeof(line) - 13, format, args);
	va_end(args);
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	host(SYS_write, STDERR_FILENO, (long)line, used, 0, 0, 0);
}
