/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpclient(3): make system calls in a rump kernel that another process runs.
 *
 * The names and the ABI are NetBSD's; programs built against either library run with the other. Unless said otherwise a
 * call returns 0 or more, or -1 with errno set.
 */
#ifndef RUMP_RUMPCLIENT_H
#define RUMP_RUMPCLIENT_H

#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct rumpclient_fork;

/**
 * rumpclient_init() - connect to the server that RUMP_SERVER in the environment names: unix://PATH, tcp://ADDRESS:PORT/
 *
 * The kernel gets a new process, or after rumpclient_exec() the same one runs on. Does nothing when connected.
 * Errors: ENOENT without RUMP_SERVER, EINVAL for a malformed one, EPROTONOSUPPORT when no such server answers,
 * as socket(2) and connect(2). What is wrong is said on standard error, too.
 */
int rumpclient_init(void);

/**
 * rumpclient_syscall() - a system call in the kernel
 * @number: of that kernel
 * @arguments, @size: as the kernel wants them: one after the other, each in 8 bytes
 * @retval: out: two values
 * Return: 0 or an errno, positive: the kernel's own number, or of the host ENOTCONN (connection lost or never made),
 * EAGAIN (too many calls at once), EBUSY (exec under way). errno is kept. Blocks; signal handlers run meanwhile, and may
 * call this, too.
 */
int rumpclient_syscall(int number, const void *arguments, size_t size, register_t *retval);

/** rumpclient_prefork() - announce a fork. Return: what the child shows, NULL with errno; the library's */
struct rumpclient_fork *rumpclient_prefork(void);
/** rumpclient_fork_init() - in the child: connect, and be the child of the parent's process inside, too */
int rumpclient_fork_init(struct rumpclient_fork *rf);
/** rumpclient_fork_cancel() - in the parent: there will be no child */
void rumpclient_fork_cancel(struct rumpclient_fork *rf);
/** rumpclient_fork_vparent() - in the parent after vfork(2), when the child has called rumpclient_fork_init() */
void rumpclient_fork_vparent(struct rumpclient_fork *rf);

/** rumpclient_fork() - fork(2), here and in the kernel; the child has the files of its parent there */
pid_t rumpclient_fork(void);
/** rumpclient_exec() - execve(2); the new program's rumpclient_init() takes the process in the kernel over */
int rumpclient_exec(const char *path, char *const argv[], char *const envp[]);
/** rumpclient_daemon() - daemon(3), here and in the kernel */
int rumpclient_daemon(int nochdir, int noclose);

/** Special values for rumpclient_setconnretry() */
#define RUMPCLIENT_RETRYCONN_INFTIME ((time_t)-1)
#define RUMPCLIENT_RETRYCONN_ONCE ((time_t)-2)
#define RUMPCLIENT_RETRYCONN_DIE ((time_t)-3)

/**
 * rumpclient_setconnretry() - what to do when a connection is lost
 * @seconds: try to reconnect for so long, 0: not at all, INFTIME: until it succeeds, ONCE (the default): one time, DIE:
 *           end the program by exit(3)
 *
 * Calls under way fail with ENOTCONN in any case; the next call reconnects. The process in the kernel is a new one then.
 */
void rumpclient_setconnretry(time_t seconds);

enum rumpclient_closevariant {
	RUMPCLIENT_CLOSE_CLOSE,
	RUMPCLIENT_CLOSE_DUP2,
	RUMPCLIENT_CLOSE_FCLOSEM,
};

/**
 * rumpclient__closenotify() - the program is about to close or replace *@fd: move the connection out of its way
 *
 * With RUMPCLIENT_CLOSE_FCLOSEM, everything from *@fd up to the connection is closed here and *@fd is behind it then.
 */
int rumpclient__closenotify(int *fd, enum rumpclient_closevariant variant);

#pragma GCC visibility pop

/* In the stack frame of the caller, because the child of vfork(2) runs there. */
static inline __attribute__((always_inline, returns_twice)) pid_t rumpclient__dofork(pid_t (*fork_function)(void))
{
	struct rumpclient_fork *rf = rumpclient_prefork();
	volatile int child_ran = 0;
	pid_t pid;

	if (!rf)
		return -1;
	pid = fork_function();
	if (pid == 0) {
		child_ran = 1;
		if (rumpclient_fork_init(rf))
			pid = -1;
	} else if (pid > 0) {
		if (child_ran)
			rumpclient_fork_vparent(rf);
	} else {
		rumpclient_fork_cancel(rf);
	}
	return pid;
}

/** rumpclient_vfork() - vfork(2), here and in the kernel */
#define rumpclient_vfork() rumpclient__dofork(vfork)

#ifdef __cplusplus
}
#endif

#endif
