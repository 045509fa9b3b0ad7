// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mount: the worker, which serves the image to the host */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "mounting.h"

/* Threads that answer requests: some may wait for the disk while others go on. */
#define THREADS 4U
/* Bytes that the kernel reads ahead. */
#define READ_AHEAD (4U << 20)

/*
 * What the server's threads tell the main one, which alone may use the wire. They set a flag and send it a signal that
 * it takes only while it waits, so that none is missed.
 */
static struct {
	pid_t main;
	_Atomic bool works, ended;
} news;

static void wake_main(void)
{
	/* Not pthread_kill(3): of a process made by sandbox_fork() the C library knows a wrong thread number. */
	syscall(SYS_tgkill, getpid(), news.main, SIGUSR2);
}

static void tell_works(void *arg)
{
	atomic_store(&news.works, true);
	wake_main();
}

static void tell_ended(void *arg)
{
	atomic_store(&news.ended, true);
	wake_main();
}

static void handle_news(int signal)
{
}

/* Return: what to wait with; what must not come at other times is blocked from here on */
static sigset_t take_news(void)
{
	struct sigaction action = { .sa_handler = handle_news };
	sigset_t block, before;

	news.main = gettid();
	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	sigdelset(&before, SIGUSR1);
	sigdelset(&before, SIGUSR2);
	return before;
}

static int send_ready(struct worker *worker)
{
	const char *type = worker->command->images[0].type;
	int error = wire_begin(&worker->wire, WIRE_MOUNT_READY, strlen(type) + 16);

	if (error)
		return error;
	wire_put_string(&worker->wire, type);
	error = wire_end(&worker->wire, -1);
	return error ? error : wire_flush(&worker->wire);
}

/* Return: the device; -EINTR when there is to be none; -EPIPE, -EPROTO */
static int wait_for_device(struct worker *worker)
{
	struct wire_record record;
	int result, fd;

	for (;;) {
		result = wire_next(&worker->wire, &record);
		if (result == -EINTR && !stop_requested())
			continue;
		if (result <= 0)
			return result ? result : -EPIPE;
		if (record.type != WIRE_MOUNT_FUSE || record.fd < 0)
			return -EINTR;
		fd = record.fd;
		record.fd = -1;
		return fd;
	}
}

/* Until the host has unmounted, or the parent wants an end. */
static int attend(struct worker *worker, const sigset_t *mask)
{
	struct pollfd poll_fd = { .fd = worker->wire.fd, .events = POLLIN };
	bool told = false;
	int error = 0;

	while (!error && !atomic_load(&news.ended)) {
		if (atomic_load(&news.works) && !told) {
			told = true;
			error = wire_begin(&worker->wire, WIRE_MOUNT_WORKS, 0);
			error = error ? error : wire_end(&worker->wire, -1);
			error = error ? error : wire_flush(&worker->wire);
			continue;
		}
		/* The parent says nothing but that it is to end, or has gone. */
		if (ppoll(&poll_fd, 1, NULL, mask) > 0)
			break;
	}
	return error;
}

/*
 * The host asks for little at a time, and past its cache each answer would wait for the disk: read ahead of it. Without
 * that it works as well.
 */
static void read_ahead(const struct image *image)
{
	long fd = rumpus_sys_openat(AT_FDCWD, image->node, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	rumpus_sys_ioctl((int)fd, BLKRASET, READ_AHEAD / 512);
	rumpus_sys_close((int)fd);
}

int mounting_work(struct worker *worker)
{
	const struct mounting *mounting = worker->command->own;
	char root[16];
	struct fuse_server_config config = {
		.kernel = worker->kernel,
		.root = root,
		.threads = THREADS,
		.owner = mounting->owner,
		.count = &worker->shared->served,
		.ready = tell_works,
		.ended = tell_ended,
	};
	struct fuse_server *server;
	sigset_t mask;
	int error = send_ready(worker);

	config.device = error ? error : wait_for_device(worker);
	if (config.device < 0)
		return config.device == -EINTR ? 0 : config.device;
	layers_mount_point(worker, root);
	read_ahead(&worker->command->images[0]);
	mask = take_news();
	error = fuse_server_start(&config, &server);
	if (error)
		return error;
	error = attend(worker, &mask);
	fuse_server_stop(server);
	return error;
}
