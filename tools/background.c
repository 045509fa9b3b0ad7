// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: commands that go on in the background */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "background.h"

/* In the process that the caller waits for. */
static void wait_for(pid_t child, int fd)
{
	int status = 0;
	char byte;
	ssize_t n;

	/* The terminal's signals reach the child as well, which decides what they mean. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int background_fork(void)
{
	int pipes[2];
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		close(pipes[0]);
		close(pipes[1]);
		return -EAGAIN;
	}
	if (child) {
		close(pipes[1]);
		wait_for(child, pipes[0]);
	}
	close(pipes[0]);
	return pipes[1];
}

void background_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ssize_t n;

	setsid();
	if (chdir("/"))
		abort(); /* a host without a root directory */
	for (int i = STDIN_FILENO; i <= STDERR_FILENO && null >= 0; i++)
		dup2(null, i);
	if (null > STDERR_FILENO)
		close(null);
	/* A caller that has gone already need not be told. */
	do {
		n = write(fd, "", 1);
	} while (n < 0 && errno == EINTR);
	close(fd);
}
