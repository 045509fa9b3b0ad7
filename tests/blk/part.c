// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": users of parts of one image, beside each other and beside those who use all of it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

#define MIB (UINT64_C(1) << 20)
#define IMAGE_SIZE (4 * MIB)
#define READER HYP_BLK_OPEN_READ_ONLY

static char image[300];

/**
 * struct party - one who may be at the image
 * @who:    for messages
 * @window: options of the part that it uses; NULL: all
 * @flags:  of hyp_blk_open()
 * @qemu:   it is none of ours: takes and tests the bytes that QEMU does
 */
static const struct party {
	const char *who, *window;
	uint32_t flags;
	bool qemu;
} parties[] = {
	{ .who = "a writer of all" },
	{ .who = "a reader of all", .flags = READER },
	{ .who = "a writer of part 1", .window = "offset=1M,size=1M" },
	{ .who = "a reader of part 1", .window = "offset=1M,size=1M", .flags = READER },
	{ .who = "a writer of part 2", .window = "offset=2M,size=1M" },
	{ .who = "a reader of part 2", .window = "offset=2M,size=1M", .flags = READER },
	{ .who = "a QEMU that writes", .qemu = true },
	{ .who = "a QEMU that reads", .flags = READER, .qemu = true },
};

#define PARTIES (sizeof(parties) / sizeof(*parties))

static bool is_writer(const struct party *party)
{
	return !(party->flags & READER);
}

/* By the one rule that there is: writers share nothing, and QEMU's sharing is of the whole image */
static bool agree(const struct party *a, const struct party *b)
{
	bool apart = a->window && b->window && strcmp(a->window, b->window);

	return apart || (!is_writer(a) && !is_writer(b));
}

static bool lock_byte(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* Return: a descriptor; -1: refused */
static int open_as_qemu(const struct party *party)
{
	int fd = open(image, (is_writer(party) ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	bool got = lock_byte(fd, 100) && lock_byte(fd, 201);

	if (is_writer(party))
		got = got && lock_byte(fd, 101) && lock_byte(fd, 103) && lock_byte(fd, 203);
	/* What is used must not be denied, what is denied not be used. */
	got = got && !is_locked(fd, 200) && !is_locked(fd, 101);
	if (is_writer(party))
		got = got && !is_locked(fd, 201) && !is_locked(fd, 203) && !is_locked(fd, 103);
	if (got)
		return fd;
	close(fd);
	return -1;
}

static int open_disk(const char *window, uint32_t flags, struct hyp_blk **disk, char *error, size_t size)
{
	char spec[400];

	if (window)
		snprintf(spec, sizeof(spec), "window,%s:file:%s", window, image);
	else
		snprintf(spec, sizeof(spec), "file:%s", image);
	return hyp_blk_open(spec, flags, disk, error, size);
}

static bool enter(const struct party *party, char *error, size_t size)
{
	struct hyp_blk *disk;
	int result;

	if (party->qemu)
		return open_as_qemu(party) >= 0;
	result = open_disk(party->window, party->flags, &disk, error, size);
	return !result;
}

/* In a process of its own, which stays until it is killed. Return: its number; 0: it was refused */
static pid_t start(const struct party *party, char *error, size_t size)
{
	int told[2];
	pid_t child;
	ssize_t got;

	if (pipe(told))
		tap_abort("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		char why[512] = "";

		/* A name that would do something to the terminal on which it is told */
		prctl(PR_SET_NAME, "p\033rt");
		if (enter(party, why, sizeof(why)))
			*why = 0;
		else if (!*why)
			strcpy(why, "refused");
		if (write(told[1], why, sizeof(why)) == sizeof(why) && !*why)
			pause();
		_exit(0);
	}
	close(told[1]);
	got = read(told[0], error, size);
	close(told[0]);
	if (got > 0 && !*error)
		return child;
	waitpid(child, NULL, 0);
	return 0;
}

static void end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static bool names(const char *error, pid_t pid)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "process %d (p?rt)", pid);
	return strstr(error, image) && strstr(error, expected) && strstr(error, "end that one");
}

static void meet(const struct party *first, const struct party *second)
{
	char error[512] = "";
	pid_t holder = start(first, error, sizeof(error)), other;

	if (!holder)
		tap_abort("%s was refused: %s", first->who, error);
	other = start(second, error, sizeof(error));
	tap_is(other != 0, agree(first, second), "%s is there: %s %s", first->who, second->who, error);
	if (!other && !second->qemu)
		tap_ok(names(error, holder), "the message says which process that is");
	if (other)
		end(other);
	end(holder);
	other = start(second, error, sizeof(error));
	tap_ok(other != 0, "%s was killed: %s %s", first->who, second->who, error);
	if (other)
		end(other);
}

/* Of two who are there, the one in the way is named */
static void check_named(void)
{
	char error[512] = "";
	pid_t first = start(&parties[2], error, sizeof(error)), second = start(&parties[4], error, sizeof(error));

	if (!first || !second)
		tap_abort("%s", error);
	tap_ok(!start(&parties[4], error, sizeof(error)) && names(error, second), "part 2: %s", error);
	tap_ok(!start(&parties[2], error, sizeof(error)) && names(error, first), "part 1: %s", error);
	end(first);
	end(second);
}

/* Can both be open for writing at once? */
static void check_pair(const char *one, const char *other, bool expected)
{
	struct hyp_blk *disk, *second;
	int result;

	if (open_disk(one, 0, &disk, NULL, 0))
		tap_abort("cannot open %s", one);
	result = open_disk(other, 0, &second, NULL, 0);
	tap_is(result, expected ? 0 : -HYP_EBUSY, "%s beside %s", other, one);
	if (!result)
		second->ops->close(second);
	disk->ops->close(disk);
	result = open_disk(other, 0, &second, NULL, 0);
	tap_is(result, 0, "%s alone", other);
	if (!result)
		second->ops->close(second);
}

static void check_ranges(void)
{
	check_pair("offset=1M,size=1M", "offset=1M,size=4k", false);
	check_pair("offset=1M,size=1M", "offset=2044k,size=8k", false);
	check_pair("offset=1M,size=1M", "offset=512k,size=3M", false);
	check_pair("offset=1M,size=1M", "offset=2M", true);
	/* The host's pages are shared. */
	check_pair("offset=1M,size=1536", "offset=1050112,size=512", false);
	/* What begins among the bytes that have a meaning is as the whole. */
	check_pair("offset=512,size=512", "offset=2M,size=1M", false);
	check_pair("offset=2M,size=1M", "offset=512,size=512", false);
	/* All of it, though by a window. */
	check_pair("offset=0", "offset=2M,size=1M", false);
	/* Windows of windows. */
	check_pair("offset=1M:window,offset=1M,size=2M", "offset=1M,size=1M", true);
	check_pair("offset=1M:window,offset=1M,size=2M", "offset=2M,size=1M", false);
}

/* As a program does that does not know yet which part it is to use */
static void check_late(void)
{
	unsigned char *memory = disk_memory(4096);
	char error[256] = "", spec[400];
	struct hyp_blk *other;
	struct user user;

	snprintf(spec, sizeof(spec), "file:%s", image);
	user_open(&user, spec, HYP_BLK_OPEN_PART);
	tap_is(user_run(&user, HYP_BLK_READ, 0, 4096, memory, 0), 0, "before the claim: reading");
	tap_is(user_run(&user, HYP_BLK_WRITE, MIB, 4096, memory, 0), -HYP_EROFS, "writing");
	tap_is(open_disk(NULL, 0, &other, NULL, 0), -HYP_EBUSY, "a writer of all is locked out");
	tap_is(open_disk("offset=1M,size=1M", 0, &other, NULL, 0), 0, "a writer of a part is not");
	tap_ok(user.disk->ops->claim(user.disk, MIB, MIB, error, sizeof(error)) == -HYP_EBUSY && *error,
	       "which keeps that part: %s", error);
	tap_is(user_run(&user, HYP_BLK_WRITE, MIB, 4096, memory, 0), -HYP_EROFS, "so there is no writing");
	other->ops->close(other);
	tap_is(user.disk->ops->claim(user.disk, MIB, MIB, NULL, 0), 0, "and gives it up when it is closed");
	tap_is(user_run(&user, HYP_BLK_WRITE, MIB, 4096, memory, 0), 0, "the first byte");
	tap_is(user_run(&user, HYP_BLK_WRITE, 2 * MIB - 4096, 4096, memory, 0), 0, "the last one");
	tap_is(user_run(&user, HYP_BLK_WRITE, MIB - 512, 4096, memory, 0), -HYP_EROFS, "before the first");
	tap_is(user_run(&user, HYP_BLK_WRITE_ZEROES, 2 * MIB - 512, 1024, NULL, 0), -HYP_EROFS, "after the last");
	tap_is(user_run(&user, HYP_BLK_DISCARD, 2 * MIB, 4096, NULL, 0), -HYP_EROFS, "discarding there");
	tap_is(open_disk("offset=1M,size=1M", 0, &other, NULL, 0), -HYP_EBUSY, "nobody else has it meanwhile");
	user_close(&user);
	free(memory);
}

/* The lock is the open file's: it stays with a descriptor that has been passed on */
static void check_descriptor(void)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);
	struct hyp_blk *disk, *other;
	char spec[64];

	snprintf(spec, sizeof(spec), "window,offset=1M,size=1M:file,fd=%d:", fd);
	tap_is(hyp_blk_open(spec, 0, &disk, NULL, 0), 0, "a part by descriptor");
	disk->ops->close(disk);
	tap_is(open_disk("offset=1M,size=1M", 0, &other, NULL, 0), -HYP_EBUSY, "stays locked");
	close(fd);
	tap_is(open_disk("offset=1M,size=1M", 0, &other, NULL, 0), 0, "until the descriptor is closed");
	other->ops->close(other);
}

int main(void)
{
	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	image_make(image, IMAGE_SIZE, 1);
	for (unsigned int i = 0; i < PARTIES; i++)
		for (unsigned int j = 0; j < PARTIES; j++)
			meet(&parties[i], &parties[j]);
	check_named();
	check_ranges();
	check_late();
	check_descriptor();
	return tap_done();
}
