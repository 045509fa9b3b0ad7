/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One set of file calls for both sides: the host's system calls, or those of the rump kernel.
 *
 * The rump kernel speaks the ABI of its host, so a side is nothing but the function that makes a call by number. All
 * that walks, builds, copies and removes is written once over it. Every call returns 0 or more, or a negative errno.
 */
#ifndef TOOLS_FS_H
#define TOOLS_FS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/**
 * struct fs - a side
 * @call:  makes a system call
 * @image: the rump kernel's
 */
struct fs {
	long (*call)(long number, long a, long b, long c, long d, long e, long f);
	bool image;
};

extern const struct fs fs_host;
extern const struct fs fs_image;

/* Newer than the headers of Debian 12; one number for every CPU. */
#define FS_SYS_FCHMODAT2 452

/**
 * FS_NAME_MAX - bytes of a name at most, without the zero byte that FS_NAME_SIZE has room for
 *
 * FAT, exFAT and NTFS count 255 characters, and a character set of Linux has up to six bytes for each. Other file systems,
 * the host's among them, count 255 bytes, and refuse what is longer themselves.
 */
#define FS_NAME_MAX (255U * 6)
#define FS_NAME_SIZE (FS_NAME_MAX + 1)

/* What getdents64(2) writes; the C library has no name for it. */
struct fs_dirent {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/** fs_is_dots() - is this "." or ".."? */
static inline bool fs_is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static inline long fs_openat(const struct fs *fs, int dir, const char *path, int flags, mode_t mode)
{
	return fs->call(SYS_openat, dir, (long)path, flags | O_CLOEXEC, mode, 0, 0);
}

static inline long fs_openat2(const struct fs *fs, int dir, const char *path, const struct open_how *how)
{
	return fs->call(SYS_openat2, dir, (long)path, (long)how, sizeof(*how), 0, 0);
}

static inline long fs_close(const struct fs *fs, int fd)
{
	return fs->call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long fs_read(const struct fs *fs, int fd, void *buf, size_t size)
{
	return fs->call(SYS_read, fd, (long)buf, (long)size, 0, 0, 0);
}

static inline long fs_write(const struct fs *fs, int fd, const void *buf, size_t size)
{
	return fs->call(SYS_write, fd, (long)buf, (long)size, 0, 0, 0);
}

static inline long fs_pread(const struct fs *fs, int fd, void *buf, size_t size, int64_t offset)
{
	return fs->call(SYS_pread64, fd, (long)buf, (long)size, offset, 0, 0);
}

static inline long fs_pwrite(const struct fs *fs, int fd, const void *buf, size_t size, int64_t offset)
{
	return fs->call(SYS_pwrite64, fd, (long)buf, (long)size, offset, 0, 0);
}

static inline long fs_lseek(const struct fs *fs, int fd, int64_t offset, int whence)
{
	return fs->call(SYS_lseek, fd, offset, whence, 0, 0, 0);
}

static inline long fs_ftruncate(const struct fs *fs, int fd, int64_t size)
{
	return fs->call(SYS_ftruncate, fd, size, 0, 0, 0, 0);
}

/**
 * struct fs_reading - how far a directory has been read; begins as zeroes
 * @seen: entries so far
 * @next: when so many have been seen, another name is remembered
 * @hits: how often the remembered name has come again
 * @name: it
 */
struct fs_reading {
	uint64_t seen, next;
	unsigned int hits;
	char name[FS_NAME_SIZE];
};

/**
 * fs_read_dir() - getdents64(2), which in a damaged image may give the same names for ever
 * Return: bytes, 0 at the end; negative errno: -EUCLEAN when a name of an image's directory comes again and again
 */
long fs_read_dir(const struct fs *fs, int fd, struct fs_reading *reading, void *buf, size_t size);

/** fs_statx() - about @name in @dir, or about @dir itself when @name is ""; never follows a symbolic link at the end */
static inline long fs_statx(const struct fs *fs, int dir, const char *name, struct statx *st)
{
	return fs->call(SYS_statx, dir, (long)name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH,
			STATX_BASIC_STATS | STATX_BTIME, (long)st, 0);
}

static inline long fs_mkdirat(const struct fs *fs, int dir, const char *name, mode_t mode)
{
	return fs->call(SYS_mkdirat, dir, (long)name, mode, 0, 0, 0);
}

static inline long fs_unlinkat(const struct fs *fs, int dir, const char *name, int flags)
{
	return fs->call(SYS_unlinkat, dir, (long)name, flags, 0, 0, 0);
}

static inline long fs_symlinkat(const struct fs *fs, const char *target, int dir, const char *name)
{
	return fs->call(SYS_symlinkat, (long)target, dir, (long)name, 0, 0, 0);
}

static inline long fs_readlinkat(const struct fs *fs, int dir, const char *name, char *buf, size_t size)
{
	return fs->call(SYS_readlinkat, dir, (long)name, (long)buf, (long)size, 0, 0);
}

static inline long fs_mknodat(const struct fs *fs, int dir, const char *name, mode_t mode, unsigned int dev)
{
	return fs->call(SYS_mknodat, dir, (long)name, mode, dev, 0, 0);
}

static inline long fs_linkat(const struct fs *fs, int from, const char *old, int to, const char *name)
{
	return fs->call(SYS_linkat, from, (long)old, to, (long)name, 0, 0);
}

/** fs_chown() - of @name in @dir, a symbolic link itself, or of @dir when @name is "" */
static inline long fs_chown(const struct fs *fs, int dir, const char *name, uint32_t uid, uint32_t gid)
{
	return fs->call(SYS_fchownat, dir, (long)name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0);
}

/** fs_chmod() - of @name in @dir, or of @dir when @name is ""; -EOPNOTSUPP for symbolic links, which have no mode */
static inline long fs_chmod(const struct fs *fs, int dir, const char *name, mode_t mode)
{
	return fs->call(FS_SYS_FCHMODAT2, dir, (long)name, mode, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, 0, 0);
}

static inline long fs_fchmod(const struct fs *fs, int fd, mode_t mode)
{
	return fs->call(SYS_fchmod, fd, mode, 0, 0, 0, 0);
}

/**
 * fs_utimens() - of @name in @dir, a symbolic link itself, of @dir when @name is NULL, or of what an O_PATH descriptor
 * @dir stands for when @name is ""
 */
static inline long fs_utimens(const struct fs *fs, int dir, const char *name, const struct timespec times[2])
{
	int flags = !name ? 0 : *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;

	return fs->call(SYS_utimensat, dir, (long)name, (long)times, flags, 0, 0);
}

/** fs_rename() - @flags: RENAME_NOREPLACE: -EEXIST when there is a file of the new name */
static inline long fs_rename(const struct fs *fs, int from, const char *old, int to, const char *name,
			     unsigned int flags)
{
	return fs->call(SYS_renameat2, from, (long)old, to, (long)name, flags, 0);
}

static inline long fs_fchdir(const struct fs *fs, int dir)
{
	return fs->call(SYS_fchdir, dir, 0, 0, 0, 0, 0);
}

/**
 * fs_open_dir() - open a directory that is no symbolic link
 * Return: descriptor, -ENOTDIR for anything else
 */
static inline long fs_open_dir(const struct fs *fs, int dir, const char *name)
{
	long fd = fs_openat(fs, dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);

	return fd == -ELOOP ? -ENOTDIR : fd;
}

/** fs_read_all() - @size bytes from @offset on, as far as there are so many. Return: how many; negative errno; -EINTR only when
 * stop_requested() */
long fs_read_all(const struct fs *fs, int fd, void *bytes, size_t size, int64_t offset);
/** fs_write_all() - all of them; @offset: where to, or -1 for the file's own position. Return: 0, or as above */
long fs_write_all(const struct fs *fs, int fd, const void *bytes, size_t size, int64_t offset);

/** fs_name_is_entry() - may this be the name of one entry in a directory: no way up, down or elsewhere? */
bool fs_name_is_entry(const char *name);

/**
 * fs_xattr_list(), fs_xattr_get(), fs_xattr_set(), fs_xattr_remove() - extended attributes of @fd or, when that is negative, of @name in
 * @dir without following a symbolic link
 *
 * The latter changes the working directory of this process or of the rump process: the calls take no directory.
 */
long fs_xattr_list(const struct fs *fs, int fd, int dir, const char *name, char *list, size_t size);
long fs_xattr_get(const struct fs *fs, int fd, int dir, const char *name, const char *key, void *value, size_t size);
long fs_xattr_set(const struct fs *fs, int fd, int dir, const char *name, const char *key, const void *value,
		  size_t size);
long fs_xattr_remove(const struct fs *fs, int fd, int dir, const char *name, const char *key);

/* names_sorted.c */
/** struct fs_names - what is in a directory, in the order of bytes */
struct fs_names {
	const char **list;
	size_t count;
	char *text;
};

/** fs_name_wanted() - called for each name of a directory, "." and ".." too. Return: is it to be among the names? */
typedef bool fs_name_wanted(void *arg, const struct fs_dirent *dirent);

/**
 * fs_names_read() - the names in an open directory
 * @wanted: which of them, asked with @arg; NULL: all but "." and ".."
 * @names:  also after a failure to be freed: has what could be read until then
 * Return: 0; -EINTR when stop_requested(); a negative errno
 */
long fs_names_read(const struct fs *fs, int dir, fs_name_wanted *wanted, void *arg, struct fs_names *names);

/** fs_names_type() - what the directory says that name number @i is: DT_DIR and so on, or DT_UNKNOWN */
static inline unsigned char fs_names_type(const struct fs_names *names, size_t i)
{
	return (unsigned char)names->list[i][-1];
}

void fs_names_free(struct fs_names *names);

#endif
