// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rule 6: a write with BIO_SYNC is on stable storage when it ends, and so is what rumpuser_syncfd() waits for.
 *
 * Seen on a loop device, whose counter of flushes the host keeps; and, with our library, on a disk that loses what was
 * not flushed when it is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "suite.h"

enum { SECTOR = 512, SIZE = 1 << 20 };

static char dir[256], image[300];

/**
 * struct loop - a loop device on the image
 */
struct loop {
	char path[64];
	char stat[64];
	int fd;
};

/* It goes with this process, however that ends. */
static bool loop_bind(int device, int file)
{
	struct loop_config config = { .fd = file, .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	return !ioctl(device, LOOP_CONFIGURE, &config);
}

static bool loop_open(struct loop *l)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file, number;
	bool bound;

	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (number < 0)
		return false;
	snprintf(l->path, sizeof(l->path), "/dev/loop%d", number);
	snprintf(l->stat, sizeof(l->stat), "/sys/block/loop%d/stat", number);
	l->fd = open(l->path, O_RDWR | O_CLOEXEC);
	file = open(image, O_RDWR | O_CLOEXEC);
	bound = l->fd >= 0 && file >= 0 && loop_bind(l->fd, file);
	close(file);
	if (!bound)
		close(l->fd);
	return bound;
}

static void loop_close(struct loop *l)
{
	close(l->fd);
}

/* Flushes that the device has finished; -1 where the host does not count them */
static long flushes(const struct loop *l)
{
	FILE *file = fopen(l->stat, "re");
	long value = -1;
	int i;

	for (i = 0; file && i < 16; i++) {
		if (fscanf(file, "%ld", &value) != 1)
			value = -1;
	}
	if (file)
		fclose(file);
	return value;
}

/**
 * struct wait - for a transfer
 * @flushes: the counter when it ended
 */
struct wait {
	struct loop *loop;
	atomic_bool ended;
	long flushes;
	size_t done;
	int error;
};

static void ended(void *arg, size_t done, int error)
{
	struct wait *w = arg;

	w->done = done;
	w->error = error;
	if (w->loop)
		w->flushes = flushes(w->loop);
	w->ended = true;
}

static bool has_ended(void *arg)
{
	return ((struct wait *)arg)->ended;
}

static bool write_sector(int fd, int op, int number, struct wait *w)
{
	char data[SECTOR];

	memset(data, number, sizeof(data));
	w->ended = false;
	call_begin("bio", MAY_LEAVE, NULL);
	ru.bio(fd, RUMPUSER_BIO_WRITE | op, data, SECTOR, (int64_t)number * SECTOR, ended, w);
	call_end();
	return kernel_await(has_ended, w) && !w->error && w->done == SECTOR;
}

static int open_disk(const char *path)
{
	int fd = -1, error;

	call_begin("open", MAY_LEAVE, NULL);
	error = ru.open(path, RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd);
	call_end();
	if (error)
		tap_abort("open %s: error %d", path, error);
	return fd;
}

static void sync_now(int fd)
{
	call_begin("syncfd", MAY_LEAVE, NULL);
	tap_is(ru.syncfd(fd, RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, 0, 0), 0, "syncfd");
	call_end();
}

static void close_disk(int fd)
{
	call_begin("close", MAY_LEAVE, NULL);
	rule(!ru.close(fd), "close fails");
	call_end();
}

static void counted(void)
{
	struct loop loop;
	struct wait w = { .loop = &loop };
	int fd, i, missing = 0;
	long before;

	if (!loop_open(&loop)) {
		tap_skip(3, "there is no loop device to be had: %s", strerror(errno));
		return;
	}
	if (flushes(&loop) < 0) {
		tap_skip(3, "the host does not count flushes");
		loop_close(&loop);
		return;
	}
	fd = open_disk(loop.path);
	for (i = 1; i <= 10; i++) {
		before = flushes(&loop);
		rule(write_sector(fd, RUMPUSER_BIO_SYNC, i, &w), "a synchronous write fails");
		missing += w.flushes <= before;
	}
	tap_is(missing, 0, "6: each synchronous write has reached the medium when it ends");
	rule(write_sector(fd, 0, 11, &w), "a write fails");
	before = flushes(&loop);
	sync_now(fd);
	tap_ok(flushes(&loop) > before, "so has what was written before syncfd");
	close_disk(fd);
	loop_close(&loop);
}

static unsigned char on_disk(int number)
{
	unsigned char byte = 0xff;
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	if (pread(fd, &byte, 1, (off_t)number * SECTOR) != 1)
		tap_abort("%s cannot be read", image);
	close(fd);
	return byte;
}

/* The power goes when the disk is closed; nothing survives that was not flushed. */
static void power_cut(void)
{
	struct wait w = { .loop = NULL };
	char spec[400];
	int fd;

	snprintf(spec, sizeof(spec), "rumpus:fault,cut=close,survive=0:file:%s", image);
	fd = open_disk(spec);
	rule(write_sector(fd, 0, 21, &w), "a write fails");
	sync_now(fd);
	rule(write_sector(fd, 0, 26, &w), "a write fails");
	rule(write_sector(fd, RUMPUSER_BIO_SYNC, 31, &w), "a synchronous write fails");
	rule(write_sector(fd, 0, 41, &w), "a write fails");
	close_disk(fd);
	tap_is(on_disk(21), 21, "syncfd makes a write survive a power cut");
	tap_is(on_disk(31), 31, "so does BIO_SYNC");
	tap_is(on_disk(26), 26, "also what had been written before it");
	tap_is(on_disk(41), 0, "without them it is lost");
}

void test_sync(void)
{
	int fd;

	suite_directory(dir, sizeof(dir));
	snprintf(image, sizeof(image), "%s/disk.img", dir);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, SIZE) != 0)
		tap_abort("%s cannot be made", image);
	close(fd);
	counted();
	if (suite_ours())
		power_cut();
	suite_remove(dir);
}
