// SPDX-License-Identifier: BSD-2-Clause
/*
 * Networks between our kernels and the host's, for bench/run; what is done over them is in net_work.c
 *
 * Every figure has two ends, each a thread or a process with a node (a kernel, or the host in a network namespace).
 * Namespaces are this program's own, so that nothing needs root.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "net_work.h"
#include "../tests/net/space.h"

/* ---- two ends of one process ---- */

/**
 * struct end - what a thread that serves has
 * @node:    where
 * @work:    that it does
 * @prepare: called first on its thread, or NULL
 * @ready:   the socket listens
 */
struct end {
	struct node *node;
	const struct work *work;
	void (*prepare)(void);
	pthread_barrier_t *ready;
};

static long listen_for(struct node *node, const struct work *work)
{
	struct sockaddr_storage any;
	socklen_t size = address_of(&any, "0.0.0.0", WORK_PORT);
	long fd;

	if (work->type == SOCK_STREAM)
		return node_listen_at(node, "0.0.0.0", WORK_PORT);
	fd = work_checked(node_socket(node, AF_INET, work->type, 0), "socket");
	work_checked(node_bind(node, fd, (struct sockaddr *)&any, size), "bind");
	return fd;
}

static void *end_main(void *arg)
{
	struct end *end = arg;
	long listener;

	if (end->prepare)
		end->prepare();
	listener = listen_for(end->node, end->work);
	pthread_barrier_wait(end->ready);
	printf("%.9f\n", end->work->serve(end->node, listener));
	rumpus_thread_detach();
	return NULL;
}

static void between(const struct work *work, struct node *server, void (*prepare)(void), struct node *client,
		    const char *address)
{
	pthread_barrier_t ready;
	struct end end = { server, work, prepare, &ready };
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, 2);
	pthread_create(&thread, NULL, end_main, &end);
	pthread_barrier_wait(&ready);
	work->ask(client, address);
	pthread_join(thread, NULL);
}

/* ---- places ---- */

static void enter_space(void)
{
	const char *obstacle = space_enter();

	if (obstacle)
		work_fail(obstacle, -EPERM);
}

static void command(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void command(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (system(line))
		work_fail(line, -EIO);
}

static void tap_of(const char *spec, const struct work *work, bool inward)
{
	struct node kernel;

	enter_space();
	node_boot(&kernel, "kernel", 2);
	node_link(&kernel, spec, "10.9.0.1/24");
	space_up("rumpus0", "10.9.0.2");
	if (inward)
		between(work, &kernel, NULL, &node_host, "10.9.0.1");
	else
		between(work, &node_host, NULL, &kernel, "10.9.0.2");
	node_halt(&kernel);
}

static void tap(const struct work *work, bool inward)
{
	tap_of("tap:rumpus0", work, inward);
}

static void tap_queues(const struct work *work, bool inward)
{
	tap_of("tap,queues=2:rumpus0", work, inward);
}

/* On the thread of the other end, in a namespace of its own */
static void enter_other_space(void)
{
	if (unshare(CLONE_NEWNET))
		work_fail("a second namespace", -errno);
	command("ip link add veth0 type veth peer name veth1 netns %d && ip addr add 10.9.0.2/24 dev veth0 && "
		"ip link set veth0 up && nsenter -t %d -n sh -c 'ip addr add 10.9.0.1/24 dev veth1 && ip link set veth1 up'",
		(int)getpid(), (int)getpid());
}

static void veth(const struct work *work, bool inward)
{
	enter_space();
	between(work, &node_host, enter_other_space, &node_host, "10.9.0.2");
}

static void loop(const struct work *work, bool inward)
{
	struct node kernel;

	node_boot(&kernel, "kernel", 2);
	between(work, &kernel, NULL, &kernel, "127.0.0.1");
	node_halt(&kernel);
}

static void host_loop(const struct work *work, bool inward)
{
	enter_space();
	space_up("lo", NULL);
	between(work, &node_host, NULL, &node_host, "127.0.0.1");
}

/* Two processes */
static void shm(const struct work *work, bool inward)
{
	int ready[2];
	struct node node;
	pid_t child;
	char byte;

	if (pipe(ready))
		work_fail("pipe", -errno);
	child = fork();
	if (!child) {
		long listener;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		node_boot(&node, "server", 2);
		node_link(&node, "shm:bus", "10.9.0.2/24");
		listener = listen_for(&node, work);
		/* What is asked before this end sees the link, too, is asked again a second later. */
		if (!node_wait_carrier(&node, true) || write(ready[1], "", 1) != 1)
			work_fail("pipe", -errno);
		printf("%.9f\n", work->serve(&node, listener));
		fflush(stdout);
		node_halt(&node);
		_exit(0);
	}
	node_boot(&node, "client", 2);
	node_link(&node, "shm:bus", "10.9.0.1/24");
	if (read(ready[0], &byte, 1) != 1 || !node_wait_carrier(&node, true))
		work_fail("the other process", -ECHILD);
	work->ask(&node, "10.9.0.2");
	waitpid(child, NULL, 0);
	node_halt(&node);
}

static void slirp(const struct work *work, bool inward)
{
	struct node kernel;

	node_boot(&kernel, "kernel", 2);
	node_link(&kernel, "slirp:", "10.0.2.15/24");
	between(work, &node_host, NULL, &kernel, "10.0.2.2");
	node_halt(&kernel);
}

/* The peer of the same purpose serves a namespace: its network is a tap there. */
static void slirp4netns(const struct work *work, bool inward)
{
	int done[2], ready[2];
	pid_t child, server;
	char number[16], text[16], byte;

	if (pipe(done) || pipe(ready))
		work_fail("pipe", -errno);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter_space();
		if (write(ready[1], "", 1) != 1 || read(done[0], &byte, 1) != 1)
			work_fail("pipe", -errno);
		work->ask(&node_host, "10.0.2.2");
		_exit(0);
	}
	if (read(ready[0], &byte, 1) != 1)
		work_fail("the other process", -ECHILD);
	snprintf(number, sizeof(number), "%d", (int)child);
	snprintf(text, sizeof(text), "%d", done[1]);
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("slirp4netns", "slirp4netns", "--mtu=65520", "--configure", "-r", text, number, "tap0", NULL);
		work_fail("slirp4netns", -errno);
	}
	printf("%.9f\n", work->serve(&node_host, listen_for(&node_host, work)));
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	waitpid(child, NULL, 0);
}

/* ---- boot ---- */

static double resident(void)
{
	FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
	double kib = 0;
	char line[256];

	while (rollup && !kib && fgets(line, sizeof(line), rollup))
		if (!strncmp(line, "Pss:", 4))
			kib = atof(line + 4);
	if (!kib)
		work_fail("/proc/self/smaps_rollup", -ENOENT);
	fclose(rollup);
	return kib * 1024;
}

static void boot(const struct work *work, bool inward)
{
	double start = work_now(), time;
	struct node kernel;

	node_boot(&kernel, "kernel", 2);
	node_link(&kernel, "pair:x", "10.9.0.1/24");
	time = work_now() - start;
	printf("%.9f %.0f\n", time, resident());
	node_halt(&kernel);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const struct work *work, bool inward);
		const struct work *work;
		bool inward;
	} figures[] = {
		{ "tap-out", tap, &work_stream, false },
		{ "tap-in", tap, &work_stream, true },
		{ "tap-trip", tap, &work_trip, false },
		{ "tap-two-out", tap_queues, &work_streams, false },
		{ "tap-two-in", tap_queues, &work_streams, true },
		{ "tap-one-queue-out", tap, &work_streams, false },
		{ "tap-one-queue-in", tap, &work_streams, true },
		{ "veth", veth, &work_stream, false },
		{ "veth-two", veth, &work_streams, false },
		{ "veth-trip", veth, &work_trip, false },
		{ "loop", loop, &work_stream, false },
		{ "host-loop", host_loop, &work_stream, false },
		{ "shm", shm, &work_stream, false },
		{ "shm-trip", shm, &work_trip, false },
		{ "shm-datagrams", shm, &work_datagrams, false },
		{ "shm-segments", shm, &work_segments, false },
		{ "slirp", slirp, &work_stream, false },
		{ "slirp4netns", slirp4netns, &work_stream, false },
		{ "boot", boot, NULL, false },
	};
	unsigned int i;

	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (argc == 2 && !strcmp(argv[1], figures[i].name)) {
			figures[i].run(figures[i].work, figures[i].inward);
			return 0;
		}
	fprintf(stderr, "usage: net FIGURE\n");
	return 2;
}
