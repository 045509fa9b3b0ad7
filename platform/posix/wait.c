// SPDX-License-Identifier: BSD-2-Clause
/* Sleeping on a word, and ending such sleeps */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "posix.h"

/*
 * The words lie in a shared mapping, but threads of this process alone wait on them: a private futex is found by
 * address without a look at the page. Hence wait() and wake() must use the same address for a word.
 */
int posix_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline)
{
	int saved ERRNO_KEPT = errno;
	struct timespec until = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};

	if (atomic_load(word) != expected)
		return 0;
	if (!syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
		     deadline == HYP_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY))
		return 0;
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return 0;
	case ETIMEDOUT:
		return -HYP_ETIMEDOUT;
	case EFAULT:
		return -HYP_EFAULT;
	default:
		return -HYP_EINVAL;
	}
}

int posix_futex_wake(_Atomic uint32_t *word, uint32_t n)
{
	int saved ERRNO_KEPT = errno;
	long woken;

	if (!n) /* the host would wake one */
		return 0;
	woken = syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n > INT_MAX ? INT_MAX : n, NULL, NULL, 0);
	return woken < 0 ? -HYP_EINVAL : (int)woken;
}

int posix_wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	return posix_futex_wait((_Atomic uint32_t *)word, expected, deadline);
}

int posix_wake(struct hyp *h, uint32_t *word, uint32_t n)
{
	return posix_futex_wake((_Atomic uint32_t *)word, n);
}

/* Linux has no call that does both; the woken thread may start on another CPU meanwhile. */
int posix_wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	posix_wake(h, wake_word, 1);
	return posix_wait(h, word, expected, deadline);
}
