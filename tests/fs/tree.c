// SPDX-License-Identifier: BSD-2-Clause
/* A tree of files of every kind, described by a table */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "pattern.h"
#include "tree.h"

#define CHUNK (256 << 10)
#define WIDE 1500 /* entries of the wide directory */
#define DEEP 40	  /* levels of the deep one */

/*
 * struct entry - one file
 * @mode:    type and permissions
 * @size:    bytes of contents, of a symbolic link's target, or of the extended attribute's value
 * @hole:    bytes that read as zeroes between the first block and the last 100 bytes
 * @link_to: another entry that this is a hard link to
 */
struct entry {
	const char *name;
	unsigned int mode;
	unsigned int uid, gid;
	long long seconds;
	unsigned int nanoseconds;
	unsigned long long size;
	bool hole;
	const char *link_to;
	unsigned int major, minor;
	const char *xattr;
	unsigned int xattr_size;
};

#define NAME_50 "12345678901234567890123456789012345678901234567890"

static const struct entry entries[] = {
	{ "empty", S_IFREG | 0644, .seconds = 1 },
	{ "one", S_IFREG | 0600, .size = 1, .seconds = 1000000000, .nanoseconds = 1 },
	{ "block-less", S_IFREG | 0640, .size = 4095, .seconds = 1600000000, .nanoseconds = 999999999 },
	{ "block", S_IFREG | 0444, .size = 4096, .seconds = 1600000000 },
	{ "block-more", S_IFREG | 0755, .size = 4097, .seconds = 1600000000 },
	{ "large", S_IFREG | 0644, .size = (24 << 20) + 3, .seconds = 1600000000 },
	{ "hole", S_IFREG | 0644, .size = 64 << 20, .hole = true, .seconds = 1600000000 },
	{ "before-1970", S_IFREG | 0644, .seconds = -86400, .nanoseconds = 500000000 },
	{ "after-2038", S_IFREG | 0644, .seconds = 4102444800, .nanoseconds = 123456789 },
	{ "setuid", S_IFREG | 04755, .uid = 1000, .gid = 1000, .seconds = 5 },
	{ "no-rights", S_IFREG, .uid = 1000, .seconds = 5 },
	{ "wide-owner", S_IFREG | 0644, .uid = 70000, .gid = 4000000000U, .seconds = 5 },
	{ "sticky", S_IFDIR | 01777, .seconds = 5 },
	{ "setgid", S_IFDIR | 02775, .gid = 100, .seconds = 5 },
	{ "fifo", S_IFIFO | 0600, .seconds = 5 },
	{ "socket", S_IFSOCK | 0700, .seconds = 5 },
	{ "character", S_IFCHR | 0666, .major = 1, .minor = 3, .seconds = 5 },
	{ "block-device", S_IFBLK | 0660, .gid = 6, .major = 259, .minor = 70000, .seconds = 5 },
	{ "symlink", S_IFLNK | 0777, .size = 20, .seconds = 7, .nanoseconds = 7 },
	{ "symlink-long", S_IFLNK | 0777, .size = 1000, .seconds = 7 },
	{ "hard-link", S_IFREG | 0640, .size = 4095, .link_to = "block-less", .seconds = 1600000000,
	  .nanoseconds = 999999999 },
	{ "attribute", S_IFREG | 0644, .xattr = "user.rumpus", .xattr_size = 17, .seconds = 5 },
	{ "attribute-large", S_IFREG | 0644, .xattr = "user.large", .xattr_size = 3000, .seconds = 5 },
	{ "attribute-trusted", S_IFDIR | 0755, .xattr = "trusted.rumpus", .xattr_size = 100, .seconds = 5 },
	{ "sp ace \n new line", S_IFREG | 0644, .size = 10, .seconds = 5 },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89", S_IFREG | 0644, .size = 10, .seconds = 5 },
	{ NAME_50 NAME_50 NAME_50 NAME_50 NAME_50 "12345", S_IFREG | 0644, .size = 255, .seconds = 5 },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static unsigned char chunk[CHUNK], other[CHUNK];

static uint64_t seed_of(const struct entry *e)
{
	uint64_t seed = 1;

	for (const char *c = e->link_to ? e->link_to : e->name; *c; c++)
		seed = pattern_mix(seed ^ (unsigned char)*c);
	return seed;
}

/* A target is text without zeroes and slashes, and never the name of something. */
static void target_of(const struct entry *e, char *target)
{
	for (unsigned long long i = 0; i < e->size; i++)
		target[i] = 'a' + pattern_byte(seed_of(e), i) % 26;
	target[e->size] = '\0';
}

/* Part of a file with a hole that is not a hole: the first block and the last 100 bytes. */
static unsigned long long skip_hole(const struct entry *e, unsigned long long offset)
{
	return e->hole && offset >= 4096 && offset < e->size - 100 ? e->size - 100 : offset;
}

static size_t piece_len(const struct entry *e, unsigned long long offset)
{
	unsigned long long end = e->hole && offset < 4096 ? 4096 : e->size;

	return end - offset < CHUNK ? end - offset : CHUNK;
}

static long write_contents(const struct entry *e, int fd)
{
	unsigned long long offset = 0;

	while (offset < e->size) {
		const size_t len = piece_len(e, offset);
		long ret;

		pattern_fill(seed_of(e), offset, chunk, len);
		ret = rumpus_sys_pwrite64(fd, (char *)chunk, len, offset);
		if (ret != (long)len)
			return ret < 0 ? ret : -EIO;
		offset = skip_hole(e, offset + len);
	}
	return 0;
}

static long make_file(const struct entry *e, const char *path)
{
	const int fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	long ret, closed;

	if (fd < 0)
		return fd;
	ret = write_contents(e, fd);
	closed = rumpus_sys_close(fd);
	return ret ? ret : closed;
}

static long make_node(const struct entry *e, const char *root, const char *path)
{
	char target[4096];

	if (e->link_to) {
		snprintf(target, sizeof(target), "%s/%s", root, e->link_to);
		return rumpus_sys_linkat(AT_FDCWD, target, AT_FDCWD, path, 0);
	}
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return make_file(e, path);
	case S_IFDIR:
		return rumpus_sys_mkdirat(AT_FDCWD, path, 0700);
	case S_IFLNK:
		target_of(e, target);
		return rumpus_sys_symlinkat(target, AT_FDCWD, path);
	default:
		return rumpus_sys_mknodat(AT_FDCWD, path, e->mode, makedev(e->major, e->minor));
	}
}

static long set_metadata(const struct entry *e, const char *path)
{
	struct timespec times[2] = { { e->seconds, e->nanoseconds }, { e->seconds, e->nanoseconds } };
	long ret;

	ret = rumpus_sys_fchownat(AT_FDCWD, path, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);
	if (!ret && !S_ISLNK(e->mode))
		ret = rumpus_sys_fchmodat(AT_FDCWD, path, e->mode & 07777);
	if (!ret && e->xattr) {
		pattern_fill(seed_of(e), 0, chunk, e->xattr_size);
		ret = rumpus_sys_setxattr(path, e->xattr, chunk, e->xattr_size, 0);
	}
	if (!ret)
		ret = rumpus_sys_utimensat(AT_FDCWD, path, (void *)times, AT_SYMLINK_NOFOLLOW);
	return ret;
}

/* A directory with many names, which every file system stores in another way than one with few. */
static long make_wide(const char *root)
{
	char path[512];
	long ret = 0;

	snprintf(path, sizeof(path), "%s/wide", root);
	ret = rumpus_sys_mkdirat(AT_FDCWD, path, 0755);
	for (int i = 0; !ret && i < WIDE; i++) {
		snprintf(path, sizeof(path), "%s/wide/a name of some length, number %d", root, i);
		ret = rumpus_sys_mknodat(AT_FDCWD, path, S_IFREG | 0644, 0);
	}
	return ret;
}

static long make_deep(const char *root)
{
	char path[512];
	int len = snprintf(path, sizeof(path), "%s", root);
	long ret = 0;

	for (int i = 0; !ret && i < DEEP; i++) {
		len += snprintf(path + len, sizeof(path) - len, "/deeper");
		ret = rumpus_sys_mkdirat(AT_FDCWD, path, 0755);
	}
	return ret;
}

void tree_make(const char *root)
{
	char path[512];
	long ret;

	ret = rumpus_sys_mkdirat(AT_FDCWD, root, 0755);
	if (ret)
		tap_abort("mkdir %s: %s", root, strerror(-ret));
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *e = &entries[i];

		snprintf(path, sizeof(path), "%s/%s", root, e->name);
		ret = make_node(e, root, path);
		if (!ret)
			ret = set_metadata(e, path);
		if (ret)
			tap_ok(false, "entry %zu is made: %s", i, strerror(-ret));
	}
	tap_is(make_wide(root), 0, "a directory of %d names is made", WIDE);
	tap_is(make_deep(root), 0, "directories of %d levels are made", DEEP);
}

static const char *compare_contents(const struct entry *e, const char *path)
{
	const int fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	const char *what = NULL;

	if (fd < 0)
		return "open";
	for (unsigned long long offset = 0; !what && offset < e->size;) {
		const size_t len = e->size - offset < CHUNK ? e->size - offset : CHUNK;

		if (rumpus_sys_pread64(fd, (char *)chunk, len, offset) != (long)len)
			what = "length of a read";
		pattern_fill(seed_of(e), offset, other, len);
		for (size_t i = 0; e->hole && i < len; i++)
			if (skip_hole(e, offset + i) != offset + i)
				other[i] = 0;
		if (!what && memcmp(chunk, other, len))
			what = "contents";
		offset += len;
	}
	rumpus_sys_close(fd);
	return what;
}

static const char *compare_target(const struct entry *e, const char *path)
{
	char target[4096], got[4096];
	const long len = rumpus_sys_readlinkat(AT_FDCWD, path, got, sizeof(got));

	target_of(e, target);
	return len == (long)e->size && !memcmp(got, target, len) ? NULL : "target";
}

static const char *compare_metadata(const struct entry *e, const struct statx *st)
{
	if (st->stx_mode != e->mode)
		return "mode";
	if (st->stx_uid != e->uid || st->stx_gid != e->gid)
		return "owner";
	if (st->stx_mtime.tv_sec != e->seconds || st->stx_mtime.tv_nsec != e->nanoseconds)
		return "time";
	if (!S_ISDIR(e->mode) && st->stx_size != e->size)
		return "size";
	if (st->stx_rdev_major != e->major || st->stx_rdev_minor != e->minor)
		return "device number";
	if (e->hole && st->stx_blocks * 512 > 64 << 10)
		return "the hole takes space";
	return NULL;
}

static const char *compare_entry(const struct entry *e, const char *root, const char *path)
{
	const char *what = NULL;
	struct statx st, target;
	char original[512];

	if (rumpus_sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, (void *)&st))
		return "statx";
	what = compare_metadata(e, &st);
	if (!what && e->link_to) {
		snprintf(original, sizeof(original), "%s/%s", root, e->link_to);
		if (rumpus_sys_statx(AT_FDCWD, original, 0, STATX_BASIC_STATS, (void *)&target) ||
		    st.stx_ino != target.stx_ino || st.stx_nlink != 2)
			what = "hard link";
	}
	if (!what && e->xattr) {
		const long len = rumpus_sys_getxattr(path, e->xattr, chunk, CHUNK);

		pattern_fill(seed_of(e), 0, other, e->xattr_size);
		if (len != (long)e->xattr_size || memcmp(chunk, other, len))
			what = "extended attribute";
	}
	if (!what && S_ISREG(e->mode))
		what = compare_contents(e, path);
	if (!what && S_ISLNK(e->mode))
		what = compare_target(e, path);
	return what;
}

void tree_compare(const char *root)
{
	char path[512];

	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *e = &entries[i];
		const char *what;

		snprintf(path, sizeof(path), "%s/%s", root, e->name);
		what = compare_entry(e, root, path);
		tap_ok(!what, "%.30s%s%s", strchr(e->name, '\n') ? "a name with a new line" : e->name,
		       what ? " differs: " : "", what ? what : "");
	}
	tap_is(tree_count(root), ENTRIES + 1 + WIDE + DEEP, "no entry more or less");
}

static long count_in(int dir);

static long count_below(int parent, const char *name)
{
	const int dir = rumpus_sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	long count;

	if (dir < 0)
		return dir;
	count = count_in(dir);
	rumpus_sys_close(dir);
	return count;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static long count_in(int dir)
{
	_Alignas(struct dirent64) char buf[4096];
	long count = 0, len;

	while ((len = rumpus_sys_getdents64(dir, (void *)buf, sizeof(buf))) > 0) {
		for (long at = 0; at < len;) {
			const struct dirent64 *e = (void *)(buf + at);

			at += e->d_reclen;
			if (is_dots(e->d_name))
				continue;
			count++;
			if (e->d_type == DT_DIR) {
				const long below = count_below(dir, e->d_name);

				if (below < 0)
					return below;
				count += below;
			}
		}
	}
	return len < 0 ? len : count;
}

long tree_count(const char *path)
{
	return count_below(AT_FDCWD, path);
}
