/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of librumpuser share; nobody else includes it. ru_* stays inside, rumpuser_* is the ABI. */
#ifndef RUMPUSER_INTERNAL_H
#define RUMPUSER_INTERNAL_H

#include <stdbool.h>

#include <rumpus/hyp.h>

#include "rumpuser.h"

/** ru_up - the kernel's upcalls; until rumpuser_init() they do nothing, so that locks may be taken before */
extern struct rumpuser_hyperup ru_up;

/** ru_ops, ru_hyp - the platform and our instance of it; NULL before rumpuser_init() */
extern const struct hyp_ops *ru_ops;
extern struct hyp *ru_hyp;

/**
 * ru_before_sleep - called by threads of any kind that are about to sleep, still with their virtual CPU; or NULL
 *
 * It neither sleeps nor calls the kernel. Set once, by what serves others on the thread that sleeps.
 */
extern void (*ru_before_sleep)(void);

/**
 * ru_unschedule() - give the virtual CPU back before sleeping
 * @interlock: the mutex that the caller is about to wait with, or NULL
 * Return: what ru_schedule() wants
 */
static inline int ru_unschedule(void *interlock)
{
	int count = 0;

	if (ru_before_sleep)
		ru_before_sleep();
	ru_up.hyp_backend_unschedule(0, &count, interlock);
	return count;
}

/** ru_schedule() - have a virtual CPU again */
static inline void ru_schedule(int count, void *interlock)
{
	ru_up.hyp_backend_schedule(count, interlock);
}

/** ru_fail() - end the process with a message that names the call and what is wrong; leaves a core dump */
void ru_fail(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/**
 * ru_warn() - one line on standard error, after "rumpuser: "; for what the caller's errno cannot say
 */
void ru_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** ru_error() - the NetBSD errno of a result of hyp.h or a family: 0 for 0 or more, positive for a negative one */
int ru_error(long result);

/** ru_error_text() - in words, for messages; @error is NetBSD's */
const char *ru_error_text(int error);

/* What the platform's folder (platform/<name>/rumpuser) offers the portable part */

/** ru_host_errno() - the NetBSD errno of the host's; EINVAL for one that NetBSD does not have */
int ru_host_errno(int host_errno);

/** ru_host_signal() - the host's number of NetBSD's signal, 0 for the null signal; -1 where the host has none */
int ru_host_signal(int netbsd_signal);

/** ru_netbsd_signal() - the reverse; -1 where NetBSD has none */
int ru_netbsd_signal(int host_signal);

/** ru_host_write() - to the console or standard error, all of it */
void ru_host_write(const char *text, size_t size);

/* NetBSD's errnos that we return ourselves */
enum {
	RU_EPERM = 1,
	RU_ENOENT = 2,
	RU_ESRCH = 3,
	RU_EINTR = 4,
	RU_EIO = 5,
	RU_ENXIO = 6,
	RU_E2BIG = 7,
	RU_EBADF = 9,
	RU_EDEADLK = 11,
	RU_ENOMEM = 12,
	RU_EACCES = 13,
	RU_EFAULT = 14,
	RU_EBUSY = 16,
	RU_EEXIST = 17,
	RU_ENODEV = 19,
	RU_EISDIR = 21,
	RU_EINVAL = 22,
	RU_EFBIG = 27,
	RU_ENOSPC = 28,
	RU_EROFS = 30,
	RU_EAGAIN = 35,
	RU_EOPNOTSUPP = 45,
	RU_ETIMEDOUT = 60,
	RU_ENAMETOOLONG = 63,
};

#endif
