// SPDX-License-Identifier: BSD-2-Clause
/* The end of the process, and leaving the terminal before the beginning */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

/* The child's end of the pair between rumpuser_daemonize_begin() and rumpuser_daemonize_done(); -1: not between */
static int to_parent = -1;

void rumpuser_exit(int status)
{
	ru_console_flush();
	if (status == RUMPUSER_PANIC)
		abort();
	exit(status);
}

/* Waits for the child's word, and exits with it. */
static void parent_wait(int fd, pid_t child) __attribute__((noreturn));

static void parent_wait(int fd, pid_t child)
{
	int status = 0, error;
	ssize_t got;

	do
		got = recv(fd, &error, sizeof(error), MSG_WAITALL);
	while (got < 0 && errno == EINTR);
	if (got == sizeof(error))
		_exit(error);
	/* It ended before it could say anything. */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		ru_warn("daemonize: process %ld ended by signal %d (%s) before it was ready", (long)child,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		ru_warn("daemonize: process %ld exited with %d before it was ready", (long)child, WEXITSTATUS(status));
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int rumpuser_daemonize_begin(void)
{
	int pair[2], error;
	pid_t child;

	if (to_parent >= 0)
		return RU_EBUSY;
	if (ru_hyp) {
		ru_warn("rumpuser_daemonize_begin: the rump kernel runs already and would stay behind in the parent; "
			"call rump_daemonize_begin() before rump_init()");
		return RU_EBUSY;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return ru_host_errno(errno);
	child = fork();
	if (child < 0) {
		error = ru_host_errno(errno);
		close(pair[0]);
		close(pair[1]);
		return error;
	}
	if (child) {
		close(pair[1]);
		parent_wait(pair[0], child);
	}
	close(pair[0]);
	to_parent = pair[1];
	setsid();
	return 0;
}

static int leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i, error = 0;

	if (fd < 0)
		return ru_host_errno(errno);
	for (i = 0; i < 3 && !error; i++)
		error = dup2(fd, i) < 0 ? ru_host_errno(errno) : 0;
	if (fd > 2)
		close(fd);
	return error;
}

int rumpuser_daemonize_done(int error)
{
	int told, failed = 0;

	if (to_parent < 0)
		return RU_ENOENT;
	if (!error) {
		ru_console_flush();
		failed = leave_terminal();
		error = failed;
	}
	told = send(to_parent, &error, sizeof(error), MSG_NOSIGNAL) == sizeof(error) ? 0 : ru_host_errno(errno);
	close(to_parent);
	to_parent = -1;
	return failed ? failed : told;
}
