// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: POSIX ACLs between the kernel's form, an extended attribute, and libarchive's */
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

static const struct {
	uint16_t kernel;
	int archive;
	bool named;
} tags[] = {
	{ ACL_USER_OBJ, ARCHIVE_ENTRY_ACL_USER_OBJ, false },	{ ACL_USER, ARCHIVE_ENTRY_ACL_USER, true },
	{ ACL_GROUP_OBJ, ARCHIVE_ENTRY_ACL_GROUP_OBJ, false },	{ ACL_GROUP, ARCHIVE_ENTRY_ACL_GROUP, true },
	{ ACL_MASK, ARCHIVE_ENTRY_ACL_MASK, false },		{ ACL_OTHER, ARCHIVE_ENTRY_ACL_OTHER, false },
};

#define TAGS (sizeof(tags) / sizeof(*tags))

static size_t find_kernel(uint16_t tag)
{
	size_t i = 0;

	while (i < TAGS && tags[i].kernel != tag)
		i++;
	return i;
}

static size_t find_archive(int tag)
{
	size_t i = 0;

	while (i < TAGS && tags[i].archive != tag)
		i++;
	return i;
}

bool archive_put_acl(struct archive_entry *to, int type, const void *value, size_t size)
{
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entry;
	const unsigned char *at = value, *end = at + size;

	if (size < sizeof(header) || (size - sizeof(header)) % sizeof(entry))
		return false;
	memcpy(&header, at, sizeof(header));
	if (header.a_version != POSIX_ACL_XATTR_VERSION)
		return false;
	for (at += sizeof(header); at < end; at += sizeof(entry)) {
		size_t i;

		memcpy(&entry, at, sizeof(entry));
		i = find_kernel(entry.e_tag);
		if (i == TAGS || entry.e_perm > 7)
			return false;
		archive_entry_acl_add_entry(to, type, entry.e_perm, tags[i].archive,
					    tags[i].named ? (int)entry.e_id : -1, NULL);
	}
	return true;
}

/* The kernel wants them by tag; by number, so that equal ACLs are equal bytes. */
static int compare(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a, *y = b;

	if (x->e_tag != y->e_tag)
		return x->e_tag < y->e_tag ? -1 : 1;
	return x->e_id < y->e_id ? -1 : x->e_id > y->e_id;
}

/* Return: how many entries; -ENOENT for a name without a number */
static int collect(struct archive_entry *from, int type, struct posix_acl_xattr_entry *entries, int room)
{
	int kind, permissions, tag, id, count = 0;
	const char *name;

	archive_entry_acl_reset(from, type);
	while (count < room && archive_entry_acl_next(from, type, &kind, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
		size_t i = find_archive(tag);

		if (i == TAGS)
			continue;
		if (tags[i].named && id < 0)
			return -ENOENT;
		entries[count++] = (struct posix_acl_xattr_entry){
			.e_tag = tags[i].kernel,
			.e_perm = (uint16_t)(permissions & 7),
			.e_id = tags[i].named ? (uint32_t)id : (uint32_t)ACL_UNDEFINED_ID,
		};
	}
	return count;
}

int archive_get_acl(struct archive_entry *from, int type, void **value, size_t *size)
{
	const struct posix_acl_xattr_header header = { .a_version = POSIX_ACL_XATTR_VERSION };
	struct posix_acl_xattr_entry *entries;
	/* The three of the mode count, though they are no entries of their own in archives. */
	int room, count = archive_entry_acl_count(from, type);
	unsigned char *bytes;

	if (count <= 0)
		return 0;
	room = count + 3;
	bytes = malloc(sizeof(header) + (size_t)room * sizeof(*entries));
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &header, sizeof(header));
	entries = (void *)(bytes + sizeof(header));
	count = collect(from, type, entries, room);
	if (count <= 0) {
		free(bytes);
		return count;
	}
	qsort(entries, (size_t)count, sizeof(*entries), compare);
	*value = bytes;
	*size = sizeof(header) + (size_t)count * sizeof(*entries);
	return 1;
}
