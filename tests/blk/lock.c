// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": two processes at one image */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

#define IMAGE_SIZE (1U << 20)
#define READER HYP_BLK_OPEN_READ_ONLY
#define NO_LOCK HYP_BLK_OPEN_NO_LOCK

static char image[300], spec[400];

/* What a child does before it waits to be ended; false when that failed */
typedef bool hold_fn(void);

static bool hold_as_writer(void)
{
	struct hyp_blk *disk;

	return !hyp_blk_open(spec, 0, &disk, NULL, 0);
}

static bool hold_as_reader(void)
{
	struct hyp_blk *disk;

	return !hyp_blk_open(spec, READER, &disk, NULL, 0);
}

static bool lock_byte(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

/* As QEMU with a writable disk: uses reading, writing, resizing; denies writing and resizing to others */
static bool hold_as_qemu_writer(void)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);

	return fd >= 0 && lock_byte(fd, 100) && lock_byte(fd, 101) && lock_byte(fd, 103) && lock_byte(fd, 201) &&
	       lock_byte(fd, 203);
}

/* As "qemu-img convert" with its source: uses reading, denies writing */
static bool hold_as_qemu_reader(void)
{
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && lock_byte(fd, 100) && lock_byte(fd, 201);
}

/* What QEMU tests before it writes: does anyone deny it? */
static bool denied_to_qemu(off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int fd = open(image, O_RDWR | O_CLOEXEC);
	bool denied = fd >= 0 && !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return denied;
}

static pid_t start_holder(hold_fn *hold)
{
	int ready[2];
	pid_t child;
	char c = 0;

	if (pipe(ready))
		tap_abort("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		if (hold() && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		tap_abort("the other process did not get its lock");
	close(ready[0]);
	return child;
}

static void end_holder(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int try_open(uint32_t flags, char *error, size_t size)
{
	struct hyp_blk *disk;
	int result = hyp_blk_open(spec, flags, &disk, error, size);

	if (!result)
		disk->ops->close(disk);
	return result;
}

/**
 * struct meeting - of another process and us
 * @who:    it is
 * @hold:   what it does
 * @writer: what we get as a writer
 * @reader: as a reader
 * @pid:    the message names it
 */
static const struct meeting {
	const char *who;
	hold_fn *hold;
	int writer, reader;
} meetings[] = {
	{ "a writer", hold_as_writer, -HYP_EBUSY, -HYP_EBUSY },
	{ "a reader", hold_as_reader, -HYP_EBUSY, 0 },
	{ "a QEMU that writes", hold_as_qemu_writer, -HYP_EBUSY, -HYP_EBUSY },
	{ "a QEMU that reads", hold_as_qemu_reader, -HYP_EBUSY, 0 },
};

static void meet(const struct meeting *meeting)
{
	pid_t child = start_holder(meeting->hold);
	char error[512] = "", pid[32];

	snprintf(pid, sizeof(pid), "process %d", child);
	tap_is(try_open(0, error, sizeof(error)), meeting->writer, "%s is there: a writer", meeting->who);
	tap_ok(strstr(error, image) && strstr(error, pid) && strstr(error, "end that one"), "%s: \"%s\"", meeting->who,
	       error);
	tap_is(try_open(READER, error, sizeof(error)), meeting->reader, "%s is there: a reader", meeting->who);
	tap_is(try_open(NO_LOCK, error, sizeof(error)), 0, "%s is there: a writer that takes no lock", meeting->who);
	end_holder(child);
	tap_is(try_open(0, error, sizeof(error)), 0, "%s is gone: a writer", meeting->who);
}

static void check_seen_by_qemu(void)
{
	struct hyp_blk *disk;

	if (hyp_blk_open(spec, 0, &disk, NULL, 0))
		tap_abort("cannot open");
	tap_ok(denied_to_qemu(201) && denied_to_qemu(101), "QEMU sees our writer");
	disk->ops->close(disk);
	if (hyp_blk_open(spec, READER, &disk, NULL, 0))
		tap_abort("cannot open");
	tap_ok(denied_to_qemu(201) && !denied_to_qemu(101) && !denied_to_qemu(200),
	       "QEMU sees that our reader denies writing, does not write and lets others read");
	disk->ops->close(disk);
	tap_ok(!denied_to_qemu(201), "and nothing when it is gone");
}

static void check_own_process(void)
{
	struct hyp_blk *disk;
	char error[512] = "";

	if (hyp_blk_open(spec, 0, &disk, NULL, 0))
		tap_abort("cannot open");
	tap_ok(try_open(0, error, sizeof(error)) == -HYP_EBUSY && strstr(error, "this process"),
	       "twice in a process: %s", error);
	/* Locks of the classic kind would be gone by this. */
	close(open(image, O_RDWR | O_CLOEXEC));
	tap_is(try_open(0, error, sizeof(error)), -HYP_EBUSY,
	       "another descriptor that is closed does not take the lock along");
	disk->ops->close(disk);
}

/* By descriptor, the lock is the caller's open file's: it outlives the device, not the file */
static void check_descriptor(void)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);
	struct hyp_blk *disk;
	char by_fd[64];

	snprintf(by_fd, sizeof(by_fd), "file,fd=%d:", fd);
	tap_is(hyp_blk_open(by_fd, 0, &disk, NULL, 0), 0, "a writer by descriptor");
	tap_is(try_open(0, NULL, 0), -HYP_EBUSY, "locks");
	disk->ops->close(disk);
	tap_is(try_open(0, NULL, 0), -HYP_EBUSY, "and passes the lock on with the descriptor");
	tap_is(hyp_blk_open(by_fd, 0, &disk, NULL, 0), 0, "as which it is opened again");
	disk->ops->close(disk);
	close(fd);
	tap_is(try_open(0, NULL, 0), 0, "until that is closed");
}

/* A block device that the host claims, as a mount does, and one that we claim */
static void check_claimed(const char *device)
{
	int claim = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
	char error[512] = "", claimed[128];
	struct hyp_blk *disk;

	snprintf(claimed, sizeof(claimed), "file:%s", device);
	tap_ok(claim >= 0 && hyp_blk_open(claimed, 0, &disk, error, sizeof(error)) == -HYP_EBUSY &&
		       strstr(error, "unmount it"),
	       "a block device in use by the host: %s", error);
	close(claim);
	if (!tap_ok(!hyp_blk_open(claimed, 0, &disk, error, sizeof(error)), "and when it is not%s", ""))
		return;
	claim = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
	tap_ok(claim < 0 && errno == EBUSY, "nobody else can claim it then");
	disk->ops->close(disk);
	claim = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
	tap_ok(claim >= 0, "but at once after closing");
	if (claim >= 0)
		close(claim);
}

static void check_loop(void)
{
	char command[400], device[64] = "", error[512] = "";
	FILE *stream;

	snprintf(command, sizeof(command), "losetup -f --show %s 2>/dev/null", image);
	stream = geteuid() ? NULL : popen(command, "re");
	if (!stream || !fgets(device, sizeof(device), stream)) {
		if (stream)
			pclose(stream);
		tap_skip(7, "no loop device without privilege");
		return;
	}
	pclose(stream);
	device[strcspn(device, "\n")] = 0;
	tap_ok(try_open(0, error, sizeof(error)) == -HYP_EBUSY && strstr(error, device), "attached by losetup: %s",
	       error);
	tap_is(try_open(READER, error, sizeof(error)), -HYP_EBUSY, "attached by losetup, writable: no reader either");
	check_claimed(device);
	snprintf(command, sizeof(command), "losetup -d %s", device);
	if (system(command))
		tap_note("losetup -d failed");
	tap_is(try_open(0, error, sizeof(error)), 0, "detached again");
}

int main(void)
{
	unsigned int i;

	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	snprintf(spec, sizeof(spec), "file:%s", image);
	image_make(image, IMAGE_SIZE, 1);
	for (i = 0; i < sizeof(meetings) / sizeof(meetings[0]); i++)
		meet(&meetings[i]);
	check_seen_by_qemu();
	check_own_process();
	check_descriptor();
	check_loop();
	return tap_done();
}
