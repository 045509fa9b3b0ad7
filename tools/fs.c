// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: file calls on the host or in the rump kernel */
#include <string.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "fs.h"

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

	return length > 0 && length <= 255 && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
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
