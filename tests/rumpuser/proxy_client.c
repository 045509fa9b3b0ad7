// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of the system-call proxy share */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"

const char *self_path(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		tap_abort("no /proc");
	path[length] = '\0';
	return path;
}

static void server_exec(const char *url)
{
	const char *libraries = getenv("PROXY_SERVER_LIBRARIES");
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s", self_path());
	/* Under sanitizers, the one that is, too */
	strcpy(strrchr(path, '/'), strstr(path, "fuzz") ? "/proxy_fuzz_kernel" : "/proxy_server");
	if (libraries)
		setenv("LD_LIBRARY_PATH", libraries, 1);
	execl(path, path, url, (char *)NULL);
	perror(path);
	_exit(127);
}

void server_start(struct server *s, const char *url)
{
	char ready[6];
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		tap_abort("no pipes");
	s->pid = fork();
	if (!s->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		server_exec(url);
	}
	close(in[0]);
	close(out[1]);
	s->in = in[1];
	s->out = out[0];
	if (read(s->out, ready, sizeof(ready)) != 6)
		tap_abort("the server does not start");
}

int wait_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

bool server_stop(struct server *s)
{
	char line[64] = "";
	ssize_t got;
	int status;

	close(s->in);
	got = read(s->out, line, sizeof(line) - 1);
	if (got > 0)
		tap_note("server: %.*s", (int)strcspn(line, "\n"), line);
	close(s->out);
	status = wait_status(s->pid);
	return got > 0 && !status;
}

void server_kill(struct server *s)
{
	close(s->in);
	close(s->out);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

long call(int number, long a, long b, long c)
{
	long arguments[3] = { a, b, c };
	register_t retval[2] = { -1, -1 };
	int error = rumpclient_syscall(number, arguments, sizeof(arguments), retval);

	return error ? -error : retval[0];
}

int own_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}
