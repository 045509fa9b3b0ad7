// SPDX-License-Identifier: BSD-2-Clause
/* A disk that fails: every call ends, with EIO or what the file system makes of it, and the kernel lives on */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "pattern.h"

#define FILE_SIZE (8 << 20)
#define CHUNK (64 << 10)
#define BLOCK 4096
#define ATTEMPTS 50

static unsigned char chunk[CHUNK];

static long write_all(const char *path, uint64_t seed)
{
	const int fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	long ret = 0, synced;

	if (fd < 0)
		return fd;
	for (int offset = 0; offset < FILE_SIZE && ret >= 0; offset += CHUNK) {
		pattern_fill(seed, offset, chunk, CHUNK);
		ret = rumpus_sys_write(fd, (char *)chunk, CHUNK);
	}
	synced = rumpus_sys_fsync(fd);
	rumpus_sys_close(fd);
	return ret < 0 ? ret : synced;
}

/* Reads the file to its end or its first error. Bytes that are delivered must be right, error or not. */
static long read_all(const char *path, uint64_t seed, bool *wrong)
{
	static unsigned char expected[CHUNK];
	const int fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	uint64_t offset = 0;
	long ret;

	if (fd < 0)
		return fd;
	while ((ret = rumpus_sys_read(fd, (char *)chunk, CHUNK)) > 0) {
		pattern_fill(seed, offset, expected, ret);
		*wrong |= memcmp(chunk, expected, ret) != 0;
		offset += ret;
	}
	rumpus_sys_close(fd);
	return ret;
}

static void keep_alive_check(struct fs *fs, const char *name)
{
	const bool alive = !rumpus_end_reason(fs->kernel) && rumpus_sys_mkdirat(AT_FDCWD, "/alive", 0755) == 0;

	tap_ok(alive, "%s: the kernel lives", name);
}

/* Where on the image the file's contents from @offset on are: one block of them, found by looking. */
static long long find_on_image(uint64_t seed, uint64_t offset)
{
	static unsigned char wanted[BLOCK], got[BLOCK];
	const int fd = open(fs_image(), O_RDONLY);
	off_t at = 0;

	pattern_fill(seed, offset, wanted, BLOCK);
	while (fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		at = at / BLOCK * BLOCK;
		if (pread(fd, got, BLOCK, at) == BLOCK && !memcmp(got, wanted, BLOCK))
			break;
		at += BLOCK;
	}
	if (fd < 0 || at < 0)
		tap_abort("the file's contents are not on the image");
	close(fd);
	return at;
}

/* One bad block in the middle of the file. */
static void failing_reads(struct fs *fs)
{
	bool wrong = false;
	char wrap[128];

	snprintf(wrap, sizeof(wrap), "fault,read-error=1,every=1,range=%lld+%d:", find_on_image(1, FILE_SIZE / 2),
		 BLOCK);
	fs_boot(fs, 2, wrap);
	tap_is(fs_mount(fs, MS_RDONLY), 0, "bad block: mounts");
	tap_is(read_all(FS_MOUNT "/file", 1, &wrong), -EIO, "bad block: the reader is told");
	tap_ok(!wrong, "bad block: nothing wrong was delivered");
	tap_is(fs_unmount(fs), 0, "bad block: unmounts");
	keep_alive_check(fs, "bad block");
	fs_halt(fs);
}

/* From some request on, all of a kind fail. Whoever syncs is told; what had been synced before is not harmed. */
static void failing_writes(struct fs *fs, const char *name, const char *wrap)
{
	bool wrong = false;
	long ret = 0;
	int i;

	fs_boot(fs, 2, wrap);
	tap_is(fs_mount(fs, 0), 0, "%s: mounts", name);
	for (i = 0; i < ATTEMPTS && !ret; i++)
		ret = write_all(FS_MOUNT "/new", 2 + i);
	tap_ok(ret == -EIO || ret == -EROFS, "%s: the writer is told (%ld, attempt %d)", name, ret, i);
	fs_unmount(fs);
	keep_alive_check(fs, name);
	fs_halt(fs);

	fs_start(fs, 2);
	tap_is(read_all(FS_MOUNT "/file", 1, &wrong), 0, "%s: an older file can be read afterwards", name);
	tap_ok(!wrong, "%s: and is right", name);
	fs_stop(fs);
}

/* No request succeeds. Mounting ends. */
static void dead_disk(struct fs *fs)
{
	fs_boot(fs, 2, "fault,prob=100:");
	tap_ok(fs_mount(fs, 0) < 0, "dead disk: does not mount");
	keep_alive_check(fs, "dead disk");
	fs_halt(fs);
}

int main(int argc, char **argv)
{
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	fs_start(&fs, 2);
	tap_is(write_all(FS_MOUNT "/file", 1), 0, "a file is written");
	fs_stop(&fs);

	dead_disk(&fs);
	failing_reads(&fs);
	failing_writes(&fs, "failing writes", "fault,write-error=24,every=1:");
	fs_check(&fs, "after failing writes");
	failing_writes(&fs, "failing flushes", "fault,flush-error=4,every=1:");
	return tap_done();
}
