// SPDX-License-Identifier: BSD-2-Clause
/*
 * Networks: TCP streams, round trips and datagrams, of our kernels and of the host's, for bench/run
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

#include "../tests/net/node.h"
#include "../tests/net/space.h"

#define PORT 1001
#define CHUNK (64U << 10)
#define SECONDS 1.0
#define TRIPS 10000
#define DATAGRAM 64U
#define BATCH 32U
#define DATAGRAM_ROOM (8 << 20) /* bytes that the receiving socket may hold: the kernel counts memory, not contents */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void __attribute__((noreturn)) fail(const char *what, long error)
{
	fprintf(stderr, "net: %s: %s\n", what, strerror((int)-error));
	exit(1);
}

static long checked(long result, const char *what)
{
	if (result < 0)
		fail(what, result);
	return result;
}

/**
 * struct work - what the two ends do
 * @serve: at the end that listens; returns the figure
 * @ask:   at the other one
 */
struct work {
	double (*serve)(struct node *node, long listener);
	void (*ask)(struct node *node, const char *address);
	int type;
};

/* ---- a stream ---- */

static double stream_serve(struct node *node, long listener)
{
	long fd = checked(node_accept(node, listener), "accept"), length;
	char *memory = calloc(1, 4 * CHUNK);
	double start = 0, total = 0;

	while ((length = node_read(node, fd, memory, 4 * CHUNK)) > 0) {
		start = start ? start : now();
		total += (double)length;
	}
	checked(length, "read");
	free(memory);
	return total / (now() - start);
}

static void stream_ask(struct node *node, const char *address)
{
	long fd = checked(node_connect_to(node, address, PORT), "connect");
	char *memory = calloc(1, CHUNK);
	double limit = now() + SECONDS;

	while (now() < limit)
		checked(node_write(node, fd, memory, CHUNK), "write");
	node_close(node, fd);
	free(memory);
}

static const struct work stream = { stream_serve, stream_ask, SOCK_STREAM };

/* ---- a round trip ---- */

static double trip_serve(struct node *node, long listener)
{
	long fd = checked(node_accept(node, listener), "accept");
	double start = now();
	char byte;
	int i;

	node_setsockopt(node, fd, IPPROTO_TCP, 1, 1); /* TCP_NODELAY */
	for (i = 0; i < TRIPS; i++) {
		checked(node_read(node, fd, &byte, 1), "read");
		checked(node_write(node, fd, &byte, 1), "write");
	}
	return (now() - start) / TRIPS;
}

static void trip_ask(struct node *node, const char *address)
{
	long fd = checked(node_connect_to(node, address, PORT), "connect");
	char byte = 1;
	int i;

	node_setsockopt(node, fd, IPPROTO_TCP, 1, 1);
	for (i = 0; i < TRIPS; i++) {
		checked(node_write(node, fd, &byte, 1), "write");
		checked(node_read(node, fd, &byte, 1), "read");
	}
	node_close(node, fd);
}

static const struct work trip = { trip_serve, trip_ask, SOCK_STREAM };

/* ---- datagrams ---- */

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	char bytes[BATCH][DATAGRAM];
};

static void batch_init(struct batch *batch)
{
	unsigned int i;

	memset(batch, 0, sizeof(*batch));
	for (i = 0; i < BATCH; i++) {
		batch->iov[i] = (struct iovec){ .iov_base = batch->bytes[i], .iov_len = DATAGRAM };
		batch->messages[i].msg_hdr.msg_iov = &batch->iov[i];
		batch->messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static bool is_end(const struct batch *batch, long got)
{
	long i;

	for (i = 0; i < got; i++)
		if (batch->messages[i].msg_len == 1)
			return true;
	return false;
}

/* Until one of a single byte comes. Both ends are kernels of ours. */
static double datagrams_serve(struct node *node, long fd)
{
	struct batch batch;
	double start = 0, total = 0;
	long got;

	batch_init(&batch);
	node_setsockopt(node, fd, SOL_SOCKET, SO_RCVBUFFORCE, DATAGRAM_ROOM);
	do {
		got = checked(rumpus_sys_recvmmsg((int)fd, batch.messages, BATCH, MSG_WAITFORONE, NULL), "recvmmsg");
		start = start ? start : now();
		total += (double)got;
	} while (!is_end(&batch, got));
	/* What the socket held when the sender had ended is no faster. */
	return total / (now() - start > SECONDS ? now() - start : SECONDS);
}

static void datagrams_ask(struct node *node, const char *address)
{
	long fd = checked(node_socket(node, AF_INET, SOCK_DGRAM, 0), "socket");
	struct sockaddr_storage to;
	socklen_t size = address_of(&to, address, PORT);
	double limit = now() + SECONDS;
	struct batch batch;
	int i;

	batch_init(&batch);
	checked(node_connect(node, fd, (struct sockaddr *)&to, size), "connect");
	while (now() < limit)
		checked(rumpus_sys_sendmmsg((int)fd, batch.messages, BATCH, 0), "sendmmsg");
	for (i = 0; i < 50; i++) {
		node_write(node, fd, "", 1);
		usleep(2000);
	}
	node_close(node, fd);
}

static const struct work datagrams = { datagrams_serve, datagrams_ask, SOCK_DGRAM };

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
	socklen_t size = address_of(&any, "0.0.0.0", PORT);
	long fd;

	if (work->type == SOCK_STREAM)
		return node_listen_at(node, "0.0.0.0", PORT);
	fd = checked(node_socket(node, AF_INET, work->type, 0), "socket");
	checked(node_bind(node, fd, (struct sockaddr *)&any, size), "bind");
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
		fail(obstacle, -EPERM);
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
		fail(line, -EIO);
}

static void tap(const struct work *work, bool inward)
{
	struct node kernel;

	enter_space();
	node_boot(&kernel, "kernel", 2);
	node_link(&kernel, "tap:rumpus0", "10.9.0.1/24");
	space_up("rumpus0", "10.9.0.2");
	if (inward)
		between(work, &kernel, NULL, &node_host, "10.9.0.1");
	else
		between(work, &node_host, NULL, &kernel, "10.9.0.2");
	node_halt(&kernel);
}

/* On the thread of the other end, in a namespace of its own */
static void enter_other_space(void)
{
	if (unshare(CLONE_NEWNET))
		fail("a second namespace", -errno);
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
		fail("pipe", -errno);
	child = fork();
	if (!child) {
		long listener;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		node_boot(&node, "server", 2);
		node_link(&node, "shm:bus", "10.9.0.2/24");
		listener = listen_for(&node, work);
		/* What is asked before this end sees the link, too, is asked again a second later. */
		if (!node_wait_carrier(&node, true) || write(ready[1], "", 1) != 1)
			fail("pipe", -errno);
		printf("%.9f\n", work->serve(&node, listener));
		fflush(stdout);
		node_halt(&node);
		_exit(0);
	}
	node_boot(&node, "client", 2);
	node_link(&node, "shm:bus", "10.9.0.1/24");
	if (read(ready[0], &byte, 1) != 1 || !node_wait_carrier(&node, true))
		fail("the other process", -ECHILD);
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
		fail("pipe", -errno);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter_space();
		if (write(ready[1], "", 1) != 1 || read(done[0], &byte, 1) != 1)
			fail("pipe", -errno);
		work->ask(&node_host, "10.0.2.2");
		_exit(0);
	}
	if (read(ready[0], &byte, 1) != 1)
		fail("the other process", -ECHILD);
	snprintf(number, sizeof(number), "%d", (int)child);
	snprintf(text, sizeof(text), "%d", done[1]);
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("slirp4netns", "slirp4netns", "--mtu=65520", "--configure", "-r", text, number, "tap0", NULL);
		fail("slirp4netns", -errno);
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
		fail("/proc/self/smaps_rollup", -ENOENT);
	fclose(rollup);
	return kib * 1024;
}

static void boot(const struct work *work, bool inward)
{
	double start = now(), time;
	struct node kernel;

	node_boot(&kernel, "kernel", 2);
	node_link(&kernel, "pair:x", "10.9.0.1/24");
	time = now() - start;
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
		{ "tap-out", tap, &stream, false },
		{ "tap-in", tap, &stream, true },
		{ "tap-trip", tap, &trip, false },
		{ "veth", veth, &stream, false },
		{ "veth-trip", veth, &trip, false },
		{ "loop", loop, &stream, false },
		{ "host-loop", host_loop, &stream, false },
		{ "shm", shm, &stream, false },
		{ "shm-trip", shm, &trip, false },
		{ "shm-datagrams", shm, &datagrams, false },
		{ "slirp", slirp, &stream, false },
		{ "slirp4netns", slirp4netns, &stream, false },
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
