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

/* Room for a key, its length and its value at @at. Return: bytes used, 0 when it does not fit or cannot be read */
static size_t read_one(const struct fs *fs, int fd, int dir, const char *name, const char *key, unsigned char *at,
		       size_t room)
{
	size_t length = strlen(key) + 1;
	uint32_t size;
	long got;

	if (length + sizeof(size) >= room)
		return 0;
	got = fs_xattr_get(fs, fd, dir, name, key, at + length + sizeof(size), room - length - sizeof(size));
	if (got < 0)
		return 0;
	size = (uint32_t)got;
	memcpy(at, key, length);
	memcpy(at + length, &size, sizeof(size));
	return length + sizeof(size) + size;
}

/* XFS shows ACLs twice; the other name is the one that all file systems have. */
static bool is_alias(const char *key)
{
	return !strncmp(key, "trusted.SGI_ACL_", 16);
}

size_t tree_xattrs_read(const struct fs *fs, int fd, int dir, const char *name, unsigned char *buf, bool *lost)
{
	char keys[8192];
	long listed = fs_xattr_list(fs, fd, dir, name, keys, sizeof(keys) - 1);
	size_t used = 0;

	*lost = listed < 0 && listed != -EOPNOTSUPP && listed != -ENODATA;
	if (listed <= 0)
		return 0;
	keys[listed] = 0;
	for (const char *key = keys; key < keys + listed; key += strlen(key) + 1) {
		size_t size;

		if (is_alias(key))
			continue;
		size = read_one(fs, fd, dir, name, key, buf + used, WIRE_INLINE_MAX - used);
		*lost |= !size;
		used += size;
	}
	return used;
}

static void apply_xattrs(const struct fs *fs, int fd, int dir, const char *name, const struct tree_entry *entry,
			 struct report *report, const char *label)
{
	const char *at = entry->xattrs, *end = at + entry->xattrs_size;

	while (at && at < end) {
		size_t length = strnlen(at, (size_t)(end - at)) + 1;
		uint32_t size;
		long error;

		if ((size_t)(end - at) < length + sizeof(size))
			break; /* whoever sent this is broken: what is whole has been applied */
		memcpy(&size, at + length, sizeof(size));
		if (size > (size_t)(end - at) - length - sizeof(size))
			break;
		error = fs_xattr_set(fs, fd, dir, name, at, at + length + sizeof(size), size);
		if (error)
			report_loss(report, label, "extended attribute %s cannot be set here: %s", at,
				    report_errno(error));
		at += length + sizeof(size) + size;
	}
	if (entry->xattrs_lost)
		report_loss(report, label, "not all extended attributes could be read");
}

void tree_meta_apply(const struct fs *fs, int fd, int dir, const char *name, const struct tree_entry *entry,
		     struct report *report, const char *label)
{
	const struct tree_meta *meta = &entry->meta;
	const struct timespec times[2] = {
		{ .tv_sec = meta->atime, .tv_nsec = meta->atime_ns },
		{ .tv_sec = meta->mtime, .tv_nsec = meta->mtime_ns },
	};
	mode_t mode = meta->mode & 07777;
	long error =
		fd >= 0 ? fs_chown(fs, fd, "", meta->uid, meta->gid) : fs_chown(fs, dir, name, meta->uid, meta->gid);

	if (error) {
		report_loss(report, label, "the owner cannot be kept (%s); run as root to keep it",
			    report_errno(error));
		/* Bits that would give the rights of another owner than the one meant. */
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	}
	/* In this order: a change of owner clears mode bits and capabilities, a change of mode rewrites the ACL. */
	if (fd >= 0) {
		error = fs_fchmod(fs, fd, mode);
		if (error)
			report_loss(report, label, "the mode cannot be kept: %s", report_errno(error));
	}
	apply_xattrs(fs, fd, dir, name, entry, report, label);
	error = fd >= 0 ? fs_utimens(fs, fd, NULL, times) : fs_utimens(fs, dir, name, times);
	if (error)
		report_loss(report, label, "times cannot be kept: %s", report_errno(error));
}
