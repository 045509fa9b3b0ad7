// SPDX-License-Identifier: BSD-2-Clause
/*
 * Seconds for a null system call of a remote client over unix://, and for a round trip of as many bytes through a plain
 * unix socket: proxy SERVER, where SERVER is tests/rumpuser/proxy_server. All on one CPU, so that no wake-up of another
 * is measured.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#define CALLS 50000
#define REQUEST 72 /* header and six arguments */
#define RESPONSE 48

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double ping_pong(void)
{
	char data[REQUEST] = { 0 };
	double start;
	int fds[2], i;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		fail("socketpair");
	if (!fork()) {
		close(fds[0]);
		while (recv(fds[1], data, REQUEST, 0) > 0)
			send(fds[1], data, RESPONSE, 0);
		_exit(0);
	}
	close(fds[1]);
	start = now();
	for (i = 0; i < CALLS; i++) {
		if (send(fds[0], data, REQUEST, 0) != REQUEST || recv(fds[0], data, REQUEST, 0) != RESPONSE)
			fail("socket");
	}
	start = now() - start;
	close(fds[0]);
	wait(NULL);
	return start / CALLS;
}

static double remote(const char *server)
{
	const long arguments[6] = { 0 };
	int in[2], out[2], i;
	char url[64], ready[6];
	register_t retval[2];
	double start;

	snprintf(url, sizeof(url), "unix://bench.%d", getpid());
	setenv("RUMP_SERVER", url, 1);
	if (pipe(in) || pipe(out))
		fail("pipe");
	if (!fork()) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		execl(server, server, url, (char *)NULL);
		fail(server);
	}
	if (read(out[0], ready, sizeof(ready)) != sizeof(ready) || rumpclient_init())
		fail("server");
	start = now();
	for (i = 0; i < CALLS; i++) {
		if (rumpclient_syscall(0, arguments, sizeof(arguments), retval))
			fail("call");
	}
	start = now() - start;
	unlink(url + 7);
	return start / CALLS;
}

int main(int argc, char **argv)
{
	cpu_set_t one;

	if (argc != 2) {
		fprintf(stderr, "usage: proxy SERVER\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	printf("%.9f ", ping_pong());
	printf("%.9f\n", remote(argv[1]));
	return 0;
}
