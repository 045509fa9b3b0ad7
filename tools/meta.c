// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: owners, modes, times and extended attributes of one file */
#include <errno.h>
#include <string.h>

#include "tree.h"

void tree_meta_from(struct tree_meta *meta, const struct statx *st)
{
	*meta = (struct tree_meta){
		.mode = st->stx_mode,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.rdev_major = st->stx_rdev_major,
		.rdev_minor = st->stx_rdev_minor,
		.atime = st->stx_atime.tv_sec,
		.atime_ns = st->stx_atime.tv_nsec,
		.mtime = st->stx_mtime.tv_sec,
		.mtime_ns = st->stx_mtime.tv_nsec,
		.dev_major = st->stx_dev_major,
		.dev_minor = st->stx_dev_minor,
		.ino = st->stx_ino,
		.size = st->stx_size,
		.blocks_short = st->stx_blocks * 512 < st->stx_size,
	};
}

/* Room for a key, its length and its value at @at. Return: bytes used, -E2BIG when it does not fit, or a negative errno
 */
static long read_one(const struct fs *fs, int fd, int dir, const char *name, const char *key, unsigned char *at,
		     size_t room)
{
	size_t length = strlen(key) + 1;
	uint32_t size;
	long got;

	if (length + sizeof(size) >= room)
		return -E2BIG;
	got = fs_xattr_get(fs, fd, dir, name, key, at + length + sizeof(size), room - length - sizeof(size));
	if (got < 0)
		return got == -ERANGE ? -E2BIG : got;
	size = (uint32_t)got;
	memcpy(at, key, length);
	memcpy(at + length, &size, sizeof(size));
	return (long)(length + sizeof(size) + size);
}

/* XFS shows ACLs twice; the other name is the one that all file systems have. */
static bool is_alias(const char *key)
{
	return !strncmp(key, "trusted.SGI_ACL_", 16);
}

size_t tree_xattrs_read(const struct fs *fs, int fd, int dir, const char *name, unsigned char *buf, int32_t *lost)
{
	char keys[8192];
	long listed = fs_xattr_list(fs, fd, dir, name, keys, sizeof(keys) - 1);
	size_t used = 0;

	*lost = 0;
	if (listed < 0 && listed != -EOPNOTSUPP && listed != -ENODATA)
		*lost = listed == -ERANGE ? -E2BIG : (int32_t)listed;
	if (listed <= 0)
		return 0;
	keys[listed] = 0;
	for (const char *key = keys; key < keys + listed; key += strlen(key) + 1) {
		long size;

		if (is_alias(key))
			continue;
		size = read_one(fs, fd, dir, name, key, buf + used, WIRE_INLINE_MAX - used);
		/* Removed meanwhile on the host; and HFS+ lists Finder's, which every file has, under a name cut short. */
		if (size == -ENODATA)
			continue;
		if (size < 0 && !*lost)
			*lost = (int32_t)size;
		used += size < 0 ? 0 : (size_t)size;
	}
	return used;
}

bool tree_xattr_next(const struct tree_entry *entry, const char **at, struct tree_xattr *xattr)
{
	const char *end = (const char *)entry->xattrs + entry->xattrs_size;
	uint32_t size;
	size_t length;

	if (!*at || *at >= end)
		return false;
	length = strnlen(*at, (size_t)(end - *at)) + 1;
	/* Whoever sent this may be broken: what is whole is used. */
	if ((size_t)(end - *at) < length + sizeof(size))
		return false;
	memcpy(&size, *at + length, sizeof(size));
	if (size > (size_t)(end - *at) - length - sizeof(size))
		return false;
	*xattr = (struct tree_xattr){ .key = *at, .value = *at + length + sizeof(size), .size = size };
	*at += length + sizeof(size) + size;
	return true;
}

static void apply_xattrs(const struct fs *fs, int fd, int dir, const char *name, const struct tree_entry *entry,
			 struct report *report, const char *label)
{
	struct tree_xattr xattr;

	for (const char *at = entry->xattrs; tree_xattr_next(entry, &at, &xattr);) {
		long error = fs_xattr_set(fs, fd, dir, name, xattr.key, xattr.value, xattr.size);

		if (error)
			report_loss(report, label, "extended attribute %s cannot be set here: %s", xattr.key,
				    report_errno(error));
	}
	if (entry->xattrs_lost)
		report_loss(report, label, "not all extended attributes could be read");
}

/*
 * Owner and mode, as far as they are not what they should be: most files are made with both. In this order, as a change
 * of owner clears mode bits and capabilities, and before attributes, as a change of mode rewrites the ACL.
 */
static void apply_owner(const struct fs *fs, int fd, int dir, const char *name, const struct tree_meta *meta,
			struct report *report, const char *label)
{
	mode_t mode = meta->mode & 07777;
	struct statx st;
	bool seen = fd >= 0 && !fs_statx(fs, fd, "", &st);
	long error = 0;

	if (!seen || st.stx_uid != meta->uid || st.stx_gid != meta->gid) {
		error = fd >= 0 ? fs_chown(fs, fd, "", meta->uid, meta->gid)
				: fs_chown(fs, dir, name, meta->uid, meta->gid);
		seen = false;
	}
	if (error) {
		report_loss(report, label, "the owner cannot be kept (%s); run as root to keep it",
			    report_errno(error));
		/* Bits that would give the rights of another owner than the one meant. */
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	}
	if (fd < 0 || (seen && (st.stx_mode & 07777) == mode))
		return;
	error = fs_fchmod(fs, fd, mode);
	if (error)
		report_loss(report, label, "the mode cannot be kept: %s", report_errno(error));
}

void tree_meta_apply(const struct fs *fs, int fd, int dir, const char *name, const struct tree_entry *entry,
		     struct report *report, const char *label)
{
	const struct tree_meta *meta = &entry->meta;
	const struct timespec times[2] = {
		{ .tv_sec = meta->atime, .tv_nsec = meta->atime_ns },
		{ .tv_sec = meta->mtime, .tv_nsec = meta->mtime_ns },
	};
	long error;

	apply_owner(fs, fd, dir, name, meta, report, label);
	apply_xattrs(fs, fd, dir, name, entry, report, label);
	error = fd >= 0 ? fs_utimens(fs, fd, NULL, times) : fs_utimens(fs, dir, name, times);
	if (error)
		report_loss(report, label, "times cannot be kept: %s", report_errno(error));
}
