// SPDX-License-Identifier: BSD-2-Clause
/* A disk that fails: every call ends, with EIO or what the file system makes of it, and the kernel lives on */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "pattern.h"

#define FILE_SIZE (8 << 20)
#define CHUNK (64 << 10)

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

static bool kernel_lives(struct fs *fs)
{
	return !rumpus_end_reason(fs->kernel) && rumpus_sys_getpid() > 0 &&
	       rumpus_sys_mkdirat(AT_FDCWD, "/alive", 0755) == 0 && rumpus_sys_unlinkat(AT_FDCWD, "/alive", AT_REMOVEDIR) == 0;
}

/* A medium whose reads of the file's data fail. */
static void failing_reads(struct fs *fs)
{
	bool wrong = false;
	long ret;

	fs_boot(fs, 2, FAULT_READS);
	ret = fs_mount(fs, MS_RDONLY);
	if (!ret) {
		ret = read_all(FS_MOUNT "/file", 1, &wrong);
		fs_unmount(fs);
	}
	tap_is(ret, -EIO, "failing reads: the reader is told");
	tap_ok(!wrong, "failing reads: nothing wrong was delivered");
	tap_ok(kernel_lives(fs), "failing reads: the kernel lives");
	fs_halt(fs);
}

int main(int argc, char **argv)
{
	bool wrong = false;
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	fs_start(&fs, 2);
	tap_is(write_all(FS_MOUNT "/file", 1), 0, "a file is written");
	fs_stop(&fs);
	failing_reads(&fs);

	fs_start(&fs, 2);
	tap_is(read_all(FS_MOUNT "/file", 1, &wrong), 0, "the file can be read again");
	tap_ok(!wrong, "and is right");
	fs_stop(&fs);
	fs_check(&fs, "afterwards");
	return tap_done();
}
