/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of librumpuser share; nobody else includes it. ru_* stays inside, rumpuser_* is the ABI. */
#ifndef RUMPUSER_INTERNAL_H
#define RUMPUSER_INTERNAL_H

#include <stdbool.h>

#include <rumpus/hyp.h>

#include "check.h"	 /* of rumpuser/plain or rumpuser/debug */
#include "ru_platform.h" /* of the platform's folder */
#include "rumpuser.h"

/** ru_up - the kernel's upcalls; until rumpuser_init() they do nothing, so that locks may be taken before */
extern struct rumpuser_hyperup ru_up;

/** ru_ops, ru_hyp - the platform and our instance of it; NULL before rumpuser_init() */
extern const struct hyp_ops *ru_ops;
extern struct hyp *ru_hyp;
extern struct hyp_info ru_info;

/** ru_start() - make the instance if there is none. Return: 0, a NetBSD errno with a message */
int ru_start(void);

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

	ru_check_sleep(interlock);
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

/** ru_error_text() - its name, for messages; @error is NetBSD's */
const char *ru_error_text(int error);

/** struct ru_errno - one row of the table: Linux's asm-generic number, which is hyp.h's, NetBSD's, and the name */
struct ru_errno {
	int number;
	int netbsd;
	const char *name;
};

/** ru_errno_table() - all rows, in Linux's order */
const struct ru_errno *ru_errno_table(size_t *entries);

/** ru_errno_translate() - the NetBSD errno of an asm-generic one; 0 for 0; EINVAL for one that NetBSD does not have */
int ru_errno_translate(int number);

/** ru_console_flush() - write out a line of rumpuser_putchar() that has not ended */
void ru_console_flush(void);

/* Memory of our own, from where rumpuser_malloc() takes it */

/** RU_LOCK_SIZE - bytes of a mutex, read-write lock or condition variable: a cache line, the end of it for checks */
#define RU_LOCK_SIZE 64
#define RU_LOCK_MARK 8

/** RU_LOCK_OTHERS - bytes at the beginning of a lock that only those have which are no read-write locks; see rw.c */
#define RU_LOCK_OTHERS 32

/**
 * ru_lock_alloc() - memory of a mutex, read-write lock or condition variable; ru_free() takes it back
 *
 * Only ever a lock's: whoever unlocks looks at the lock once more to wake others, when one of these may already have
 * had it, unlocked it and destroyed it.
 * Return: NULL when the host has no memory
 */
void *ru_lock_alloc(void);

/** ru_alloc() - @size bytes, aligned to a cache line from that size on. Return: NULL when the host has no memory */
void *ru_alloc(size_t size);
/** ru_free() - @size as it was allocated */
void ru_free(void *memory, size_t size);

/* Inner locks: held for moments only, never over an upcall. Threads may sleep on them with a virtual CPU held. */

/**
 * struct ru_lock - zeroes are an unlocked one
 * @word: 0 free, 1 held, 2 held and perhaps someone sleeps
 */
struct ru_lock {
	_Atomic uint32_t word;
};

void ru_lock_slow(struct ru_lock *lock);
void ru_lock_wake(struct ru_lock *lock);

static inline bool ru_lock_try(struct ru_lock *lock)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong_explicit(&lock->word, &free, 1, memory_order_acquire,
						       memory_order_relaxed);
}

static inline void ru_lock_take(struct ru_lock *lock)
{
	if (__builtin_expect(!ru_lock_try(lock), 0))
		ru_lock_slow(lock);
}

static inline void ru_lock_release(struct ru_lock *lock)
{
	if (__builtin_expect(atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2, 0))
		ru_lock_wake(lock);
}

/** ru_wait(), ru_wake() - hyp.h's on an atomic word */
static inline int ru_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline)
{
	return ru_ops->wait(ru_hyp, (uint32_t *)word, expected, deadline);
}

static inline uint32_t ru_wake(_Atomic uint32_t *word, uint32_t n)
{
	int woken = ru_ops->wake(ru_hyp, (uint32_t *)word, n);

	return woken > 0 ? (uint32_t)woken : 0;
}

/**
 * ru_deadline() - when @seconds and @nanoseconds from @base, on the clock of the same name, will be
 * Return: nanoseconds; @base for a span that is negative, HYP_FOREVER for what 64 bits do not hold
 */
uint64_t ru_deadline(uint64_t base, int64_t seconds, int64_t nanoseconds);

/* What the platform's folder (platform/<name>/rumpuser) offers the portable part */

/** ru_host_start() - once, before the instance is made. Return: 0, a negative enum hyp_error */
int ru_host_start(void);

/** ru_host_param() - as param of struct hyp_config */
int ru_host_param(const char *name, char *value, size_t size);

/** ru_host_forked() - is this a forked child of the process that has the kernel? */
bool ru_host_forked(void);

/** ru_host_symbol() - what is at an address of a program's: "library (function+0x10)", for messages */
void ru_host_symbol(const void *address, char *text, size_t size);

/** ru_host_caller() - who called this library, in the same form */
void ru_host_caller(char *text, size_t size);

/** ru_host_not_forked() - ends the process with a message where it is one */
void ru_host_not_forked(void);

/** struct ru_file_id - what tells host files apart */
struct ru_file_id {
	uint64_t device;
	uint64_t file;
};

/** ru_host_file_id() - of a path. Return: 0 or a NetBSD errno */
int ru_host_file_id(const char *path, struct ru_file_id *id);

/** ru_host_open() to ru_host_sync() - as the call of rumpuser(3), for what is no block device; no virtual CPU is held
 */
int ru_host_open(const char *path, int flags, int *fd);
int ru_host_close(int fd);
int ru_host_info(const char *path, uint64_t *size, int *type);
int ru_host_read(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done);
int ru_host_write_file(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done);
int ru_host_sync(int fd, int flags, uint64_t start, uint64_t size);

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
	RU_EMFILE = 24,
	RU_EFBIG = 27,
	RU_ENOSPC = 28,
	RU_EROFS = 30,
	RU_EAGAIN = 35,
	RU_EOPNOTSUPP = 45,
	RU_ETIMEDOUT = 60,
	RU_ENAMETOOLONG = 63,
};

#endif
