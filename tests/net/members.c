// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernels on a bus in shared memory, each a process: one is killed in the midst of its traffic, the others go on, and
 * so does its successor
 *
 * Members are this program again. Each has a kernel, 10.9.0.(NUMBER + 1), sends bytes to the next one over one TCP
 * connection after another, and compares those that come from the one before. It writes a letter for each connection to
 * a pipe, and ends when nobody reads that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "node.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define MOST 20U
#define PORT 1001
#define BYTES (128U << 10) /* of a connection */
#define PIECE (32U << 10)
#define PATIENCE 120 /* seconds */
#define ROUNDS 3U    /* connections that show that a member goes on */

/* The letters */
#define ARRIVED 'o' /* all bytes, and they were right */
#define WRONG 'x'   /* they were not */
#define FAILED 'f'  /* no connection, or it ended early */

/* ---- a member ---- */

/**
 * struct role - what a member is
 * @node:    its kernel
 * @number, @count: which one of how many
 * @listener: where the one before it connects to
 */
struct role {
	struct node node;
	unsigned int number, count;
	long listener;
};

/* Nobody waits long for one that may have been killed. */
static void limit(struct node *node, long fd)
{
	const struct timeval time = { .tv_sec = 2 };

	node_settimeout(node, fd, &time);
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_SNDTIMEO, (void *)&time, sizeof(time));
}

/* Return: a letter; FAILED when the connection ends early */
static char compare(struct node *node, long fd, unsigned int seed)
{
	static unsigned char buf[PIECE], expected[PIECE];
	uint64_t at = 0;

	while (at < BYTES) {
		long len = node_read(node, fd, buf, sizeof(buf));

		if (len <= 0)
			return FAILED;
		pattern_fill(seed, at, expected, (size_t)len);
		if (memcmp(buf, expected, (size_t)len))
			return WRONG;
		at += (uint64_t)len;
	}
	return ARRIVED;
}

static void *serve(void *arg)
{
	struct role *role = arg;
	struct node *node = &role->node;
	unsigned int before = (role->number + role->count - 1) % role->count;
	long fd;

	while ((fd = node_accept(node, role->listener)) >= 0) {
		char letter;

		limit(node, fd);
		letter = compare(node, fd, before);
		node_write(node, fd, &letter, 1);
		node_close(node, fd);
	}
	rumpus_thread_detach();
	return NULL;
}

static bool send_bytes(const struct role *role, struct node *node, long fd)
{
	static unsigned char buf[PIECE];
	uint64_t at;

	for (at = 0; at < BYTES; at += PIECE) {
		pattern_fill(role->number, at, buf, PIECE);
		if (node_write(node, fd, buf, PIECE) != PIECE)
			return false;
	}
	return true;
}

/* One connection to the next member. Return: its letter */
static char converse(struct role *role)
{
	struct sockaddr_storage to;
	char text[32], letter = FAILED;
	socklen_t size;
	long fd;

	snprintf(text, sizeof(text), "10.9.0.%u", (role->number + 1) % role->count + 1);
	size = address_of(&to, text, PORT);
	fd = node_socket(&role->node, AF_INET, SOCK_STREAM, 0);
	limit(&role->node, fd);
	if (node_connect(&role->node, fd, (struct sockaddr *)&to, size) || !send_bytes(role, &role->node, fd) ||
	    node_read(&role->node, fd, &letter, 1) != 1)
		letter = FAILED;
	node_close(&role->node, fd);
	return letter;
}

static int member(unsigned int number, unsigned int count, int report)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	struct role role = { .number = number, .count = count };
	char spec[64], address[32], letter;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	snprintf(spec, sizeof(spec), "shm,ring=128k,mac=02-00-00-00-00-%02x:members", number + 1);
	snprintf(address, sizeof(address), "10.9.0.%u/24", number + 1);
	node_boot(&role.node, "member", 1);
	node_link(&role.node, spec, address);
	role.listener = node_listen_at(&role.node, "0.0.0.0", PORT);
	pthread_create(&thread, NULL, serve, &role);
	do {
		letter = converse(&role);
		nanosleep(&pause, NULL);
	} while (write(report, &letter, 1) == 1);
	rumpus_sys_shutdown((int)role.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	node_halt(&role.node);
	return 0;
}

/* ---- who starts and kills them ---- */

/**
 * struct child - a member, as it is seen from here
 * @report: the pipe; -1: it has ended
 * @arrived, @wrong, @failed: letters that came
 */
static struct child {
	pid_t pid;
	int report;
	unsigned int arrived, wrong, failed;
} children[MOST];

static void spawn(unsigned int number, unsigned int count)
{
	char words[3][16];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		tap_abort("no pipe");
	snprintf(words[0], sizeof(words[0]), "%u", number);
	snprintf(words[1], sizeof(words[1]), "%u", count);
	snprintf(words[2], sizeof(words[2]), "%d", ends[1]);
	fflush(stdout);
	children[number] = (struct child){ .report = ends[0], .pid = fork() };
	if (!children[number].pid) {
		fcntl(ends[1], F_SETFD, 0);
		execl("/proc/self/exe", "members", words[0], words[1], words[2], NULL);
		_exit(127);
	}
	close(ends[1]);
}

static void take_letters(struct child *child)
{
	char letters[64];
	ssize_t len = read(child->report, letters, sizeof(letters)), i;

	for (i = 0; i < len; i++) {
		child->arrived += letters[i] == ARRIVED;
		child->wrong += letters[i] == WRONG;
		child->failed += letters[i] == FAILED;
	}
	if (len <= 0) {
		close(child->report);
		child->report = -1;
	}
}

/* Take letters until each member has as many more as it should; of one that is not asked for the number is 0. */
static bool await(unsigned int count, const unsigned int arrived[MOST], const unsigned int failed[MOST])
{
	time_t end = time(NULL) + PATIENCE;
	struct pollfd polls[MOST];
	unsigned int i, missing;

	for (;;) {
		for (missing = i = 0; i < count; i++) {
			polls[i] = (struct pollfd){ .fd = children[i].report, .events = POLLIN };
			missing += children[i].arrived < arrived[i] || children[i].failed < failed[i];
		}
		if (!missing || time(NULL) > end)
			return !missing;
		poll(polls, count, 1000);
		for (i = 0; i < count; i++)
			if (polls[i].revents)
				take_letters(&children[i]);
	}
}

/* All members but two: each has so many more connections. @failing: this one has one that failed; MOST: none has to */
static bool go_on(unsigned int count, unsigned int killed, unsigned int failing)
{
	unsigned int arrived[MOST], failed[MOST] = { 0 }, i;

	for (i = 0; i < count; i++)
		arrived[i] = i == killed || i == failing ? 0 : children[i].arrived + ROUNDS;
	if (failing < MOST)
		failed[failing] = children[failing].failed + 1;
	return await(count, arrived, failed);
}

static void end(unsigned int count)
{
	unsigned int i, well = 0, wrong = 0;
	int status;

	for (i = 0; i < count; i++) {
		wrong += children[i].wrong;
		if (children[i].report >= 0)
			close(children[i].report);
	}
	for (i = 0; i < count; i++)
		well += waitpid(children[i].pid, &status, 0) == children[i].pid && !status;
	tap_is(wrong, 0, "%u kernels: no byte was wrong", count);
	tap_is(well, count, "%u kernels: all end when they are told to", count);
}

static void check(unsigned int count)
{
	const unsigned int killed = count / 2, before = killed - 1;
	unsigned int i;

	for (i = 0; i < count; i++)
		spawn(i, count);
	tap_ok(go_on(count, MOST, MOST), "%u kernels on a bus: each has sent %u KiB to the next one", count,
	       ROUNDS * BYTES >> 10);
	kill(children[killed].pid, SIGKILL);
	waitpid(children[killed].pid, NULL, 0);
	tap_ok(go_on(count, killed, before), "%u kernels: one is killed, who sent to it is told, the others go on",
	       count);
	close(children[killed].report);
	spawn(killed, count);
	tap_ok(go_on(count, MOST, MOST), "%u kernels: another one takes its place, and all go on", count);
	end(count);
}

int main(int argc, char **argv)
{
	if (argc == 4)
		return member((unsigned int)atoi(argv[1]), (unsigned int)atoi(argv[2]), atoi(argv[3]));
	check(2);
	check(5);
	check(20);
	return tap_done();
}
