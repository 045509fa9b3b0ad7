// SPDX-License-Identifier: BSD-2-Clause
/*
 * Remote clients that fork, execute, lose their server and find it again.
 *
 * PROXY_SERVER_LIBRARIES and PROXY_ORIGINAL are as in proxy.c. With arguments this is one of its own children.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"

static bool original;
static char url[128];
static struct server server;

static long get(void)
{
	return call(KERNEL_GET, 0, 0, 0);
}

static long processes(void)
{
	return call(KERNEL_PROCESSES, 0, 0, 0);
}

/* Processes end some time after their connection. */
static bool processes_become(long expected)
{
	int i;

	for (i = 0; i < 500 && processes() != expected; i++)
		usleep(10000);
	return processes() == expected;
}

static int in_fork_child(long parent)
{
	bool right = get() == 11 && call(KERNEL_GETPID, 0, 0, 0) != parent;

	right &= call(KERNEL_SET, 12, 0, 0) == 0 && get() == 12;
	return right ? 7 : 1;
}

static void check_fork(void)
{
	long parent = call(KERNEL_GETPID, 0, 0, 0);
	pid_t pid;

	call(KERNEL_SET, 11, 0, 0);
	pid = rumpclient_fork();
	if (!pid)
		_exit(in_fork_child(parent));
	tap_is(wait_status(pid), 7, "fork: a process of its own with what its parent had");
	tap_is(get(), 11, "the parent is not disturbed");
	tap_is(call(KERNEL_GETPID, 0, 0, 0), parent, "and the same process");
	tap_ok(processes_become(1), "the child has ended inside, too");
}

static int in_plain_child(void)
{
	if (call(KERNEL_NULL, 0, 0, 0) != -ENOTCONN)
		return 1;
	if (rumpclient_init() || call(KERNEL_GETPPID, 0, 0, 0) != 1 || get())
		return 2;
	return 7;
}

static void check_plain_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(in_plain_child());
	tap_is(wait_status(pid), 7, "plain fork: no connection, until rumpclient_init() makes a new one");
	tap_is(get(), 11, "the parent is not disturbed");
}

static void *sleeper(void *arg)
{
	return (void *)call(KERNEL_SLEEP, 0, 0, 0);
}

/* Others hold locks or receive while one thread forks. */
static void check_fork_with_threads(void)
{
	pthread_t thread;
	int i, right = 0;
	void *result;
	pid_t pid;

	pthread_create(&thread, NULL, sleeper, NULL);
	while (call(KERNEL_SLEEPERS, 0, 0, 0) < 1)
		usleep(1000);
	for (i = 0; i < 20; i++) {
		pid = rumpclient_fork();
		if (!pid)
			_exit(get() == 11 ? 7 : 1);
		right += wait_status(pid) == 7;
		pid = fork();
		if (!pid)
			_exit(call(KERNEL_NULL, 0, 0, 0) == -ENOTCONN ? 7 : 1);
		right += wait_status(pid) == 7;
	}
	tap_is(right, 40, "forks of both kinds while another thread sleeps in a call");
	call(KERNEL_WAKE, 0, 0, 0);
	pthread_join(thread, &result);
	tap_is((long)result, 1, "which is then woken");
}

static void check_killed(void)
{
	pid_t pid = rumpclient_fork();

	if (!pid) {
		call(KERNEL_SLEEP, 0, 0, 0);
		_exit(1);
	}
	while (call(KERNEL_SLEEPERS, 0, 0, 0) < 1)
		usleep(1000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tap_ok(processes_become(1), "a client that is killed in a call that sleeps leaves no process");
}

/* What the program is that exec has begun: the process inside must be the old one. */
static int after_exec(const char *expected)
{
	char name[64] = "";

	if (rumpclient_init() || call(KERNEL_GETPID, 0, 0, 0) != atol(expected) || get() != 11)
		return 1;
	call(KERNEL_NAME, (long)name, sizeof(name), 0);
	if (strcmp(name, "proxy_life") || getenv("RUMPCLIENT__EXECFD") || strcmp(getenv("KEPT"), "kept"))
		return 2;
	return 7;
}

static int exec_self(void)
{
	char pid[32];
	char *argv[] = { "proxy_life", "after-exec", pid, NULL };
	char *envp[] = { "RUMP__PARSEDSERVER=unix://wrong", "KEPT=kept", NULL, NULL };
	char libraries[512];

	if (getenv("LD_LIBRARY_PATH")) {
		snprintf(libraries, sizeof(libraries), "LD_LIBRARY_PATH=%s", getenv("LD_LIBRARY_PATH"));
		envp[2] = libraries;
	}
	snprintf(pid, sizeof(pid), "%ld", call(KERNEL_GETPID, 0, 0, 0));
	rumpclient_exec(self_path(), argv, envp + original); /* theirs does not replace the variable */
	return 3;
}

/* As a library has it that sends a program's calls to a kernel: what the client library does must not come by here. */
__attribute__((visibility("default"))) int execve(const char *path, char *const argv[], char *const envp[])
{
	tap_abort("execve of %s is intercepted", path);
}

static void check_exec(void)
{
	char *argv[] = { "x", NULL };
	pthread_t thread;
	pid_t pid;

	tap_ok(rumpclient_exec("/nonexistent", argv, argv + 1) == -1 && errno == ENOENT, "exec of what is not there");
	tap_is(get(), 11, "goes on");
	pid = rumpclient_fork();
	if (!pid)
		_exit(exec_self());
	tap_is(wait_status(pid), 7, "exec keeps the process, and tells its new name");
	if (original)
		return;
	pid = rumpclient_fork();
	if (!pid) {
		pthread_create(&thread, NULL, sleeper, NULL);
		while (call(KERNEL_SLEEPERS, 0, 0, 0) < 1)
			usleep(1000);
		_exit(exec_self());
	}
	tap_is(wait_status(pid), 7, "exec while another thread sleeps in a call");
	pid = rumpclient_vfork();
	if (!pid)
		_exit(exec_self());
	tap_is(wait_status(pid), 7, "vfork and exec");
	tap_is(get(), 11, "the parent is not disturbed");
}

static void check_vfork(void)
{
	long parent = call(KERNEL_GETPID, 0, 0, 0);
	int fds = own_fds();
	pid_t pid;
	int i;

	for (i = 0; i < 20; i++) {
		pid = rumpclient_vfork();
		if (!pid)
			_exit(call(KERNEL_GETPID, 0, 0, 0) != parent ? 7 : 1);
		if (wait_status(pid) != 7)
			break;
	}
	tap_is(i, 20, "vfork: a process of its own");
	tap_is(call(KERNEL_GETPID, 0, 0, 0), parent, "the parent is itself");
	tap_is(own_fds(), fds, "no descriptors are left");
	tap_ok(processes_become(1), "all children have ended inside, too");
}

static void check_cancel(void)
{
	struct rumpclient_fork *rf = rumpclient_prefork();

	tap_ok(rf != NULL, "prefork");
	tap_is(processes(), 2, "its process waits");
	rumpclient_fork_cancel(rf);
	tap_ok(processes_become(1), "until it is cancelled");
	tap_ok(rumpclient_fork_init(rf) == -1 && errno == ESRCH, "then nobody can be it");
	tap_is(get(), 11, "whose prefork it was is not disturbed");
}

static void check_too_many(void)
{
	struct rumpclient_fork *rf;
	pid_t pid = rumpclient_fork();
	int n;

	if (!pid) {
		for (n = 0; (rf = rumpclient_prefork()); n++)
			;
		_exit(errno == ENOMEM && n == 64 ? 7 : 1);
	}
	tap_is(wait_status(pid), 7, "a client can announce 64 forks and no more");
}

/* Says through the pipe what has become of it. */
static void run_daemon(int pipe, long parent)
{
	char result = 0;

	if (!rumpclient_daemon(0, 0) && get() == 11 && call(KERNEL_GETPID, 0, 0, 0) != parent)
		result = 7;
	if (write(pipe, &result, 1) != 1)
		_exit(1);
	_exit(0);
}

static void check_daemon(void)
{
	long parent = call(KERNEL_GETPID, 0, 0, 0);
	char result = 0;
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		tap_abort("no pipe");
	pid = rumpclient_fork();
	if (!pid)
		run_daemon(pipes[1], parent);
	close(pipes[1]);
	waitpid(pid, NULL, 0);
	tap_ok(read(pipes[0], &result, 1) == 1 && result == 7, "daemon: goes on in the background, elsewhere");
	close(pipes[0]);
	tap_ok(original || processes_become(65), "and ends there"); /* and the orphans of check_too_many() */
}

static int connection_fd(void)
{
	int fd, type;
	socklen_t size = sizeof(type);

	for (fd = 3; fd < 1024; fd++) {
		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
			return fd;
	}
	return -1;
}

static void check_closenotify(void)
{
	int fd = connection_fd();
	int number = fd;

	tap_is(rumpclient__closenotify(&number, RUMPCLIENT_CLOSE_CLOSE), 0, "the program closes number %d", fd);
	close(fd);
	tap_is(get(), 11, "the connection has another one");
	fd = connection_fd();
	number = fd;
	tap_is(rumpclient__closenotify(&number, RUMPCLIENT_CLOSE_DUP2), 0, "the program replaces number %d", fd);
	dup2(STDERR_FILENO, fd);
	tap_is(get(), 11, "the connection has another one");
	close(fd);
	fd = connection_fd();
	dup2(STDERR_FILENO, fd - 1);
	number = fd - 1;
	tap_is(rumpclient__closenotify(&number, RUMPCLIENT_CLOSE_FCLOSEM), 0, "the program closes all from %d", fd - 1);
	tap_is(number, fd + 1, "everything up to the connection is closed");
	tap_is(fcntl(fd - 1, F_GETFD), -1, "really");
	tap_is(get(), 11, "but the connection is not");
}

static void restart(void)
{
	server_kill(&server);
	unlink(url + strlen("unix://"));
	server_start(&server, url);
}

static void check_reconnect(void)
{
	int fds;

	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_ONCE);
	restart();
	tap_is(call(KERNEL_GETPPID, 0, 0, 0) == 1 || get() == 0, 1, "once: the next call, or the one after, reconnects");
	tap_is(get(), 0, "as a new process");
	fds = own_fds();
	server_kill(&server);
	call(KERNEL_NULL, 0, 0, 0);
	tap_is(call(KERNEL_NULL, 0, 0, 0), -ENOTCONN, "once: there is no server");
	rumpclient_setconnretry(0);
	unlink(url + strlen("unix://"));
	server_start(&server, url);
	tap_is(call(KERNEL_NULL, 0, 0, 0), -ENOTCONN, "0: no reconnecting");
	rumpclient_setconnretry(2);
	tap_is(call(KERNEL_NULL, 0, 0, 0), 0, "2 seconds: reconnects");
	tap_ok(original || own_fds() <= fds, "no descriptors are left");
}

static void *late_start(void *arg)
{
	usleep(300000);
	server_start(&server, url);
	return NULL;
}

static void check_infinite(void)
{
	pthread_t thread;

	server_kill(&server);
	unlink(url + strlen("unix://"));
	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_INFTIME);
	pthread_create(&thread, NULL, late_start, NULL);
	tap_is(call(KERNEL_NULL, 0, 0, 0), 0, "without end: waits for a server");
	pthread_join(thread, NULL);
}

static void *calls_fail(void *arg)
{
	return (void *)call(KERNEL_SLEEP, 0, 0, 0);
}

static void check_loss_under_way(void)
{
	pthread_t threads[4];
	void *result;
	int i, right = 0;

	rumpclient_setconnretry(0);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, calls_fail, NULL);
	while (call(KERNEL_SLEEPERS, 0, 0, 0) < 4)
		usleep(1000);
	server_kill(&server);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		right += (long)result == -ENOTCONN;
	}
	tap_is(right, 4, "calls under way when the server dies fail with ENOTCONN");
	unlink(url + strlen("unix://"));
	server_start(&server, url);
}

static void check_die(void)
{
	pid_t pid;

	rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_ONCE);
	call(KERNEL_NULL, 0, 0, 0);
	pid = rumpclient_fork();
	if (!pid) {
		rumpclient_setconnretry(RUMPCLIENT_RETRYCONN_DIE);
		call(KERNEL_REBOOT, 0, 0, 0);
		call(KERNEL_NULL, 0, 0, 0);
		call(KERNEL_NULL, 0, 0, 0);
		_exit(7);
	}
	tap_is(wait_status(pid), 1, "die: the program ends");
	server_kill(&server);
	server_start(&server, url);
	call(KERNEL_NULL, 0, 0, 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "after-exec"))
		return after_exec(argv[2]);
	original = getenv("PROXY_ORIGINAL");
	snprintf(url, sizeof(url), "unix://proxy_life.%d", getpid());
	setenv("RUMP_SERVER", url, 1);
	server_start(&server, url);
	if (rumpclient_init())
		tap_abort("no connection");
	check_fork();
	if (!original) {
		check_plain_fork();
		check_fork_with_threads();
	}
	check_killed();
	check_exec();
	check_vfork();
	if (!original) {
		check_cancel();
		check_too_many();
	}
	check_daemon();
	if (!original)
		check_closenotify();
	check_reconnect();
	check_infinite();
	check_loss_under_way();
	if (!original)
		check_die();
	rumpclient_setconnretry(0);
	server_kill(&server);
	unlink(url + strlen("unix://"));
	return tap_done();
}
