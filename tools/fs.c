// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: file calls on the host or in the rump kernel */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "fs.h"
#include "report.h"

static long call_host(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result < 0 ? -errno : result;
}

const struct fs fs_host = { .call = call_host };
const struct fs fs_image = { .call = rumpus_syscall, .image = true };

bool fs_name_is_entry(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= FS_NAME_MAX && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

/*
 * As Brent finds cycles: one name is remembered, at the place 1, 2, 4, 8 ... so that it comes to lie inside of the
 * cycle at last, and to stay for as long as a cycle lasts. A few files of one name are no cycle: versions in ISO 9660
 * are such.
 */
#define HITS_MAX 4

static bool goes_round(struct fs_reading *reading, const char *name)
{
	if (reading->seen++ == reading->next) {
		reading->next = 2 * reading->seen;
		reading->hits = 0;
		snprintf(reading->name, sizeof(reading->name), "%s", name);
		return false;
	}
	return !strncmp(reading->name, name, sizeof(reading->name) - 1) && ++reading->hits == HITS_MAX;
}

long fs_read_dir(const struct fs *fs, int fd, struct fs_reading *reading, void *buf, size_t size)
{
	long result = fs->call(SYS_getdents64, fd, (long)buf, (long)size, 0, 0, 0);

	/* Names of the host's may come again while others rename them. */
	for (long at = 0; fs->image && at < result;) {
		const struct fs_dirent *dirent = (const void *)((const char *)buf + at);

		at += dirent->size;
		if (goes_round(reading, dirent->name))
			return -EUCLEAN;
	}
	return result;
}

long fs_xattr_list(const struct fs *fs, int fd, int dir, const char *name, char *list, size_t size)
{
	long error;

	if (fd >= 0)
		return fs->call(SYS_flistxattr, fd, (long)list, (long)size, 0, 0, 0);
	error = fs_fchdir(fs, dir);
	return error ? error : fs->call(SYS_llistxattr, (long)name, (long)list, (long)size, 0, 0, 0);
}

long fs_xattr_get(const struct fs *fs, int fd, int dir, const char *name, const char *key, void *value, size_t size)
{
	long error;

	if (fd >= 0)
		return fs->call(SYS_fgetxattr, fd, (long)key, (long)value, (long)size, 0, 0);
	error = fs_fchdir(fs, dir);
	return error ? error : fs->call(SYS_lgetxattr, (long)name, (long)key, (long)value, (long)size, 0, 0);
}

long fs_xattr_set(const struct fs *fs, int fd, int dir, const char *name, const char *key, const void *value,
		  size_t size)
{
	long error;

	if (fd >= 0)
		return fs->call(SYS_fsetxattr, fd, (long)key, (long)value, (long)size, 0, 0);
	error = fs_fchdir(fs, dir);
	return error ? error : fs->call(SYS_lsetxattr, (long)name, (long)key, (long)value, (long)size, 0, 0);
}

long fs_xattr_remove(const struct fs *fs, int fd, int dir, const char *name, const char *key)
{
	long error;

	if (fd >= 0)
		return fs->call(SYS_fremovexattr, fd, (long)key, 0, 0, 0, 0);
	error = fs_fchdir(fs, dir);
	return error ? error : fs->call(SYS_lremovexattr, (long)name, (long)key, 0, 0, 0, 0);
}

long fs_read_all(const struct fs *fs, int fd, void *bytes, size_t size, int64_t offset)
{
	size_t got = 0;

	while (got < size) {
		long n = fs_pread(fs, fd, (char *)bytes + got, size - got, offset + (int64_t)got);

		if (n == -EINTR && !stop_requested())
			continue;
		if (n < 0)
			return n;
		if (!n)
			break;
		got += (size_t)n;
	}
	return (long)got;
}

long fs_write_all(const struct fs *fs, int fd, const void *bytes, size_t size, int64_t offset)
{
	const char *at = bytes;

	while (size) {
		long n = offset < 0 ? fs_write(fs, fd, at, size) : fs_pwrite(fs, fd, at, size, offset);

		if (n == -EINTR && !stop_requested())
			continue;
		if (n <= 0)
			return n ? n : -EIO;
		at += n;
		size -= (size_t)n;
		if (offset >= 0)
			offset += n;
	}
	return 0;
}
