// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: owners, modes, times and extended attributes between file systems and archives */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

/* Whoever owns files whose owner cannot be expressed */
#define NOBODY 65534U

static const struct {
	const char *key;
	int type;
} acls[] = {
	{ "system.posix_acl_access", ARCHIVE_ENTRY_ACL_TYPE_ACCESS },
	{ "system.posix_acl_default", ARCHIVE_ENTRY_ACL_TYPE_DEFAULT },
};

#define ACLS (sizeof(acls) / sizeof(*acls))

static bool put_as_acl(struct archive_entry *to, const char *key, const void *value, size_t size)
{
	for (size_t i = 0; i < ACLS; i++) {
		if (!strcmp(acls[i].key, key))
			return archive_put_acl(to, acls[i].type, value, size);
	}
	return false;
}

static void put_xattr(struct archive_entry *to, const char *key, const void *value, size_t size, struct report *report,
		      const char *label)
{
	if (put_as_acl(to, key, value, size))
		return;
	/* The records of pax archives are KEY=VALUE. */
	if (strchr(key, '='))
		report_loss(report, label, "extended attribute %s cannot be archived: its name has a \"=\"", key);
	else
		archive_entry_xattr_add_entry(to, key, value, size);
}

void archive_put_meta(struct archive_entry *to, const struct tree_entry *from, struct report *report, const char *label)
{
	const struct tree_meta *meta = &from->meta;
	struct tree_xattr xattr;

	archive_entry_set_mode(to, meta->mode);
	archive_entry_set_uid(to, meta->uid);
	archive_entry_set_gid(to, meta->gid);
	archive_entry_set_atime(to, meta->atime, (long)meta->atime_ns);
	archive_entry_set_mtime(to, meta->mtime, (long)meta->mtime_ns);
	if (S_ISCHR(meta->mode) || S_ISBLK(meta->mode)) {
		archive_entry_set_rdevmajor(to, meta->rdev_major);
		archive_entry_set_rdevminor(to, meta->rdev_minor);
	}
	for (const char *at = from->xattrs; tree_xattr_next(from, &at, &xattr);)
		put_xattr(to, xattr.key, xattr.value, xattr.size, report, label);
	if (from->xattrs_lost)
		report_loss(report, label, "not all extended attributes could be read");
}

static int add_xattr(struct archive_xattrs *xattrs, const char *key, const void *value, size_t size)
{
	size_t length = strlen(key) + 1, needed = xattrs->size + length + sizeof(uint32_t) + size;
	const uint32_t bytes = (uint32_t)size;

	if (needed > xattrs->room) {
		unsigned char *more = realloc(xattrs->bytes, 2 * needed);

		if (!more)
			return -ENOMEM;
		xattrs->bytes = more;
		xattrs->room = 2 * needed;
	}
	memcpy(xattrs->bytes + xattrs->size, key, length);
	memcpy(xattrs->bytes + xattrs->size + length, &bytes, sizeof(bytes));
	memcpy(xattrs->bytes + xattrs->size + length + sizeof(bytes), value, size);
	xattrs->size = needed;
	return 0;
}

/* Return: bit i is set when there is an ACL of type i */
static unsigned int get_acls(struct archive_entry *from, struct archive_xattrs *xattrs, struct report *report)
{
	unsigned int there = 0;

	for (size_t i = 0; i < ACLS; i++) {
		void *value;
		size_t size;
		int got = archive_get_acl(from, acls[i].type, &value, &size);

		if (got == -ENOENT)
			report_loss(report, archive_entry_pathname(from),
				    "the archive has an ACL with names instead of numbers; it is not applied");
		if (got <= 0)
			continue;
		there |= 1U << i;
		add_xattr(xattrs, acls[i].key, value, size);
		free(value);
	}
	return there;
}

static bool is_acl(const char *key, unsigned int there)
{
	for (size_t i = 0; i < ACLS; i++) {
		if ((there & 1U << i) && !strcmp(acls[i].key, key))
			return true;
	}
	return false;
}

static void get_xattrs(struct archive_entry *from, struct archive_xattrs *xattrs, struct report *report)
{
	unsigned int there = get_acls(from, xattrs, report);
	const char *key;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &key, &value, &size) == ARCHIVE_OK) {
		/* Some archives have ACLs twice, as such and as the attributes that they are. */
		if (key && !is_acl(key, there) && add_xattr(xattrs, key, value, size))
			return;
	}
}

static uint32_t owner(int64_t id, struct archive_entry *from, struct report *report)
{
	/* The highest number means "leave it as it is". */
	if (id >= 0 && id < UINT32_MAX)
		return (uint32_t)id;
	report_loss(report, archive_entry_pathname(from), "the owner %lld does not fit into 32 bits; %u takes its place",
		    (long long)id, NOBODY);
	return NOBODY;
}

static uint32_t nanoseconds(long value)
{
	return value >= 0 && value < 1000000000 ? (uint32_t)value : 0;
}

void archive_get_meta(struct tree_entry *to, struct archive_entry *from, struct archive_xattrs *xattrs,
		      struct report *report)
{
	bool atime = archive_entry_atime_is_set(from), mtime = archive_entry_mtime_is_set(from);

	to->meta = (struct tree_meta){
		.mode = archive_entry_mode(from),
		.uid = owner(archive_entry_uid(from), from, report),
		.gid = owner(archive_entry_gid(from), from, report),
		.rdev_major = (uint32_t)archive_entry_rdevmajor(from),
		.rdev_minor = (uint32_t)archive_entry_rdevminor(from),
		.atime = archive_entry_atime(from),
		.atime_ns = atime ? nanoseconds(archive_entry_atime_nsec(from)) : UTIME_OMIT,
		.mtime = archive_entry_mtime(from),
		.mtime_ns = mtime ? nanoseconds(archive_entry_mtime_nsec(from)) : UTIME_OMIT,
		.size = archive_entry_size(from) > 0 ? (uint64_t)archive_entry_size(from) : 0,
	};
	xattrs->size = 0;
	get_xattrs(from, xattrs, report);
	to->xattrs = xattrs->bytes;
	to->xattrs_size = xattrs->size;
}
