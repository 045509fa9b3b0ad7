// SPDX-License-Identifier: BSD-2-Clause
/* Sandbox: a child process in namespaces of its own */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

const char *sandbox_layer_name(unsigned int n)
{
	static const char *const names[SANDBOX_LAYERS] = { "namespaces", "user", "capabilities", "landlock",
							   "seccomp" };

	return n < SANDBOX_LAYERS ? names[n] : "?";
}

static pid_t fork_into(unsigned long namespaces, unsigned int *layers)
{
	/*
	 * A process namespace can only be entered by being born in it, and fork(3) takes no flags, hence the bare
	 * system call. The caller has one thread and no fork handlers that matter; the C library's idea of the child's
	 * thread number is stale, which only its error-checking mutexes would notice.
	 *
	 * An ordinary user gets the other namespaces through a user namespace; root changes to a real user instead.
	 */
	unsigned long flags = namespaces | (geteuid() ? CLONE_NEWUSER : 0);
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0L, 0L, 0L, 0L);

	if (pid >= 0) {
		*layers = SANDBOX_NAMESPACES;
		return (pid_t)pid;
	}
	/* Refused: by policy, by a limit, or by a kernel built without. The other layers do not depend on this one. */
	*layers = 0;
	pid = fork();
	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t sandbox_fork(unsigned int *layers)
{
	return fork_into(NAMESPACES | CLONE_NEWNS, layers);
}

pid_t sandbox_fork_resident(unsigned int *layers)
{
	return fork_into(NAMESPACES, layers);
}
