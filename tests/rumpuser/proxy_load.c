// SPDX-License-Identifier: BSD-2-Clause
/* Thousands of clients at one time, and more than the server has descriptors for. PROXY_LOAD says how many. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"
#include "proxy_fuzz.h"

#define CLIENTS 2000
#define BEYOND 200

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct message message;

static int connect_raw(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte = 0;

	if (fd < 0)
		tap_abort("no descriptor for a client");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		tap_abort("connect: %s", strerror(errno));
	while (byte != '\n') {
		if (!read_all(fd, &byte, 1)) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static bool ask(int fd, enum sp_type type, uint32_t value, const void *data, size_t size, void *reply, size_t got)
{
	struct sp_header header;

	message_set(&message, SP_REQUEST, type, 77, value, data, size);
	return message_send(fd, &message) && read_all(fd, &header, sizeof(header)) &&
	       header.class == SP_RESPONSE && header.request == 77 && header.length == sizeof(header) + got &&
	       read_all(fd, reply, got);
}

static bool add(int fd, long n)
{
	long numbers[8] = { n, 0, 0, 0, 0, 0, 0, 1 };
	struct sp_result result;

	return ask(fd, SP_SYSCALL, KERNEL_ADD, numbers, sizeof(numbers), &result, sizeof(result)) &&
	       result.retval[0] == n + 1;
}

static int limit_raise(int wanted)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return (rlim_t)wanted + 100 < limit.rlim_cur ? wanted : (int)limit.rlim_cur - 100;
}

static void check_many(int n)
{
	int *fds = calloc(n, sizeof(*fds));
	struct sp_welcome welcome;
	int i, round, right = 0;

	for (i = 0; i < n; i++) {
		fds[i] = connect_raw();
		right += fds[i] >= 0 && ask(fds[i], SP_HANDSHAKE, SP_HANDSHAKE_GUEST, "load", 5, &welcome,
					    sizeof(welcome));
	}
	tap_is(right, n, "%d clients are connected", n);
	tap_is(call(KERNEL_PROCESSES, 0, 0, 0), n + 1, "each has a process");
	for (right = 0, round = 0; round < 2; round++) {
		for (i = 0; i < n; i++)
			right += add(fds[i], i);
	}
	tap_is(right, 2 * n, "each has its calls answered");
	for (i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	for (i = 0; i < 1000 && call(KERNEL_PROCESSES, 0, 0, 0) > 1; i++)
		usleep(10000);
	tap_is(call(KERNEL_PROCESSES, 0, 0, 0), 1, "all have ended");
}

/* The server has fewer descriptors than there are clients: those beyond are turned away, and nobody else notices. */
static void check_beyond(const char *url)
{
	struct rlimit before, few = { .rlim_cur = 64, .rlim_max = 64 };
	int fds[BEYOND], i, accepted = 0;
	struct server server;
	pid_t pid;

	getrlimit(RLIMIT_NOFILE, &before);
	pid = fork();
	if (pid) {
		tap_is(wait_status(pid), 0, "more clients than descriptors: some are refused, others served, then again");
		return;
	}
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ few.rlim_cur, before.rlim_max });
	server_start(&server, url);
	setrlimit(RLIMIT_NOFILE, &before);
	for (i = 0; i < BEYOND; i++) {
		fds[i] = connect_raw();
		accepted += fds[i] >= 0;
	}
	for (i = 0; i < BEYOND; i++)
		close(fds[i]);
	fds[0] = connect_raw();
	for (i = 0; i < 100 && fds[0] < 0; i++) {
		usleep(10000);
		fds[0] = connect_raw();
	}
	_exit(accepted < 20 || accepted >= 64 || fds[0] < 0);
}

int main(void)
{
	const char *wanted = getenv("PROXY_LOAD");
	int n = limit_raise(wanted ? atoi(wanted) : CLIENTS);
	struct server server;
	char url[128];

	fuzz_patience = 20000;
	snprintf(address.sun_path, sizeof(address.sun_path), "load.%d", getpid());
	snprintf(url, sizeof(url), "unix://%s", address.sun_path);
	setenv("RUMP_SERVER", url, 1);
	server_start(&server, url);
	if (rumpclient_init())
		tap_abort("no connection");
	check_many(n);
	server_kill(&server);
	unlink(address.sun_path);
	check_beyond(url);
	unlink(address.sun_path);
	return tap_done();
}
