// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: comparing what is known of two files beside their contents */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compare.h"

int compare_tell(struct compare *compare, const char *what, const char *first, const char *second)
{
	const char *path = compare->path.text;

	return compare->differ(compare, path + strspn(path, "/"), what, first, second);
}

static int numbers(struct compare *compare, const char *what, const char *format, const uint32_t first[2],
		   const uint32_t second[2])
{
	char a[32], b[32];

	if (first[0] == second[0] && first[1] == second[1])
		return 0;
	snprintf(a, sizeof(a), format, first[0], first[1]);
	snprintf(b, sizeof(b), format, second[0], second[1]);
	return compare_tell(compare, what, a, b);
}

static void show_time(int64_t seconds, uint32_t ns, char *text, size_t size)
{
	time_t then = seconds;
	struct tm tm;
	char date[48];

	if (gmtime_r(&then, &tm) && strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(text, size, "%s.%09uZ", date, ns);
	else
		snprintf(text, size, "%lld.%09u", (long long)seconds, ns);
}

static int times(struct compare *compare, const struct tree_meta *first, const struct statx *second)
{
	char a[64], b[64];

	if (first->mtime == second->stx_mtime.tv_sec && first->mtime_ns == second->stx_mtime.tv_nsec)
		return 0;
	show_time(first->mtime, first->mtime_ns, a, sizeof(a));
	show_time(second->stx_mtime.tv_sec, second->stx_mtime.tv_nsec, b, sizeof(b));
	return compare_tell(compare, "time", a, b);
}

static bool find_xattr(const struct tree_entry *entry, const char *key, struct tree_xattr *found)
{
	for (const char *at = entry->xattrs; tree_xattr_next(entry, &at, found);) {
		if (!strcmp(found->key, key))
			return true;
	}
	return false;
}

/* The first bytes in hexadecimal, or nothing for none. */
static const char *show_value(const struct tree_xattr *xattr, char text[40])
{
	static const size_t shown = 16;
	const unsigned char *bytes = xattr->value;

	*text = 0;
	for (size_t i = 0; i < xattr->size && i < shown; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	if (xattr->size > shown)
		strcat(text, "...");
	return text;
}

static int tell_xattr(struct compare *compare, const char *key, const struct tree_xattr *first,
		      const struct tree_xattr *second)
{
	char what[300], a[40], b[40];

	snprintf(what, sizeof(what), "xattr %s", key);
	return compare_tell(compare, what, first ? show_value(first, a) : "none", second ? show_value(second, b) : "none");
}

static int xattrs(struct compare *compare, const struct tree_entry *first, int fd, int dir, const char *name)
{
	struct tree_entry second = { .xattrs = compare->attributes };
	struct tree_xattr a, b;
	int error = 0;

	second.xattrs_size = tree_xattrs_read(compare->fs, fd, dir, name, compare->attributes, &second.xattrs_lost);
	if (first->xattrs_lost || second.xattrs_lost)
		report_error(compare->report, compare->path.text, "not all extended attributes could be read");
	for (const char *at = first->xattrs; !error && tree_xattr_next(first, &at, &a);) {
		bool there = find_xattr(&second, a.key, &b);

		if (!there || a.size != b.size || memcmp(a.value, b.value, a.size))
			error = tell_xattr(compare, a.key, &a, there ? &b : NULL);
	}
	for (const char *at = second.xattrs; !error && tree_xattr_next(&second, &at, &b);) {
		if (!find_xattr(first, b.key, &a))
			error = tell_xattr(compare, b.key, NULL, &b);
	}
	return error;
}

int compare_meta(struct compare *compare, const struct tree_entry *first, const struct statx *second, int fd, int dir,
		 const char *name)
{
	const struct tree_meta *meta = &first->meta;
	bool device = S_ISCHR(meta->mode) || S_ISBLK(meta->mode), link = S_ISLNK(meta->mode);
	int error = 0;

	if (compare->modes && !link)
		error = numbers(compare, "mode", "%04o", (const uint32_t[2]){ meta->mode & 07777 },
				(const uint32_t[2]){ second->stx_mode & 07777U });
	if (!error && compare->owners)
		error = numbers(compare, "owner", "%u:%u", (const uint32_t[2]){ meta->uid, meta->gid },
				(const uint32_t[2]){ second->stx_uid, second->stx_gid });
	if (!error && device)
		error = numbers(compare, "device", "%u:%u", (const uint32_t[2]){ meta->rdev_major, meta->rdev_minor },
				(const uint32_t[2]){ second->stx_rdev_major, second->stx_rdev_minor });
	if (!error && compare->times)
		error = times(compare, meta, second);
	if (!error && compare->xattrs)
		error = xattrs(compare, first, fd, dir, name);
	return error;
}
