// SPDX-License-Identifier: BSD-2-Clause
/*
 * Thousands of clients at one time, more than the server has descriptors for, and one that does not read. PROXY_LOAD
 * says how many.
 */
#include <errno.h>
#include <poll.h>
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
#define DEAF_CALLS 50000
#define PAUSES 30
#define DEAF_THREADS 520 /* SP_CALLS_MAX of the server, and those that wait for anybody's calls */

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
	return message_send(fd, &message) && read_all(fd, &header, sizeof(header)) && header.class == SP_RESPONSE &&
	       header.request == 77 && header.length == sizeof(header) + got && read_all(fd, reply, got);
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
		right += fds[i] >= 0 &&
			 ask(fds[i], SP_HANDSHAKE, SP_HANDSHAKE_GUEST, "load", 5, &welcome, sizeof(welcome));
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

static int threads_of(pid_t pid)
{
	char path[64], line[256];
	int threads = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file) && sscanf(line, "Threads: %d", &threads) != 1)
		continue;
	if (file)
		fclose(file);
	return threads;
}

/* Calls, whose answers nobody reads, until the server takes no more of them for a second. Return: how many it took */
static int call_deafly(int fd)
{
	long numbers[8] = { 0 };
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	size_t sent = 0;
	int count = 0, pauses = 0;
	ssize_t n;

	message_set(&message, SP_REQUEST, SP_SYSCALL, 78, KERNEL_ADD, numbers, sizeof(numbers));
	while (count < DEAF_CALLS && pauses < PAUSES) {
		if (!poll(&room, 1, 1000)) {
			if (count > DEAF_THREADS)
				break;
			pauses++; /* a busy machine */
			continue;
		}
		n = send(fd, (char *)&message + sent, message.header.length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? n : 0;
		if (sent == message.header.length) {
			sent = 0;
			count++;
		}
	}
	return count;
}

/* A peer that never reads has the threads of its calls, and one more: no new one for each call that is refused. */
static void check_deaf(pid_t server)
{
	struct sp_welcome welcome;
	int fd = connect_raw(), other = connect_raw(), before = threads_of(server), during;
	bool ready = ask(fd, SP_HANDSHAKE, SP_HANDSHAKE_GUEST, "deaf", 5, &welcome, sizeof(welcome)) &&
		     ask(other, SP_HANDSHAKE, SP_HANDSHAKE_GUEST, "load", 5, &welcome, sizeof(welcome));
	int calls = ready ? call_deafly(fd) : 0;

	during = threads_of(server);
	tap_ok(calls > DEAF_THREADS && during - before <= DEAF_THREADS, "%d calls of a deaf peer take %d threads",
	       calls, during - before);
	tap_ok(add(other, 1), "others are served");
	close(fd);
	for (int i = 0; i < 1000 && threads_of(server) > before + 16; i++)
		usleep(10000);
	tap_ok(threads_of(server) <= before + 16, "the threads end with the peer");
	tap_ok(add(other, 2), "others are served on");
	close(other);
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
		tap_is(wait_status(pid), 0,
		       "more clients than descriptors: some are refused, others served, then again");
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
	check_deaf(server.pid);
	server_kill(&server);
	unlink(address.sun_path);
	check_beyond(url);
	unlink(address.sun_path);
	return tap_done();
}
