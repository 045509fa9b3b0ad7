// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: open directories */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <rumpus/syscalls.h>

#include "table.h"

/* Bytes of entries that are read at once. */
#define BUFFER 32768U

/* As the kernel's struct linux_dirent64. */
struct record {
	uint64_t ino;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/**
 * struct vnode_dir - see vnode.h
 * @at, @end: the entry that was handed out last, and where what was read ends, in @buffer
 * @offset:   of the entry at @at
 */
struct vnode_dir {
	int fd;
	uint64_t show;
	size_t at, end;
	off_t offset;
	char buffer[BUFFER] __attribute__((aligned(8)));
};

int vnode_opendir(const struct vnode *node, struct vnode_dir **out)
{
	struct vnode_dir *dir = malloc(sizeof(*dir));
	long fd;

	if (!dir)
		return -ENOMEM;
	fd = rumpus_sys_openat(node_fd(node), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		free(dir);
		return (int)fd;
	}
	dir->fd = (int)fd;
	dir->show = node->show;
	dir->at = dir->end = 0;
	dir->offset = 0;
	*out = dir;
	return 0;
}

static const struct record *record_at(const struct vnode_dir *dir)
{
	return (const struct record *)(dir->buffer + dir->at);
}

/* Entries from the descriptor's position on, which is @offset. Return: as getdents64() */
static long fill(struct vnode_dir *dir, off_t offset)
{
	long n = rumpus_sys_getdents64(dir->fd, dir->buffer, sizeof(dir->buffer));

	dir->at = 0;
	dir->end = n > 0 ? (size_t)n : 0;
	dir->offset = offset;
	return n;
}

/* As a status shows it. The entry of a subvolume has the number of its tree, not that of its root. */
static uint64_t shown_ino(const struct vnode_dir *dir, const struct record *record)
{
	struct statx stx;
	uint64_t ino = record->ino + dir->show;

	if (record->type != DT_DIR || !node_has_subvolumes() || !strcmp(record->name, ".") ||
	    !strcmp(record->name, ".."))
		return ino;
	if (rumpus_sys_statx(dir->fd, record->name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stx))
		return ino;
	return stx.stx_ino + node_table_show(makedev(stx.stx_dev_major, stx.stx_dev_minor));
}

int vnode_dir_entry(struct vnode_dir *dir, off_t offset, struct vnode_dirent *entry)
{
	const struct record *record = record_at(dir);
	bool follows = false;
	long n = 1;

	/* Mostly the one that follows; sometimes the same again, when it did not fit into a reply; seldom another. */
	if (dir->at < dir->end && record->next == offset) {
		dir->at += record->length;
		dir->offset = offset;
		follows = dir->at == dir->end; /* and the descriptor is there */
	}
	if (dir->at == dir->end || dir->offset != offset) {
		if (!follows && (offset || dir->end))
			n = rumpus_sys_lseek(dir->fd, offset, SEEK_SET);
		n = n < 0 ? n : fill(dir, offset);
		if (n <= 0)
			return (int)n;
	}
	record = record_at(dir);
	*entry = (struct vnode_dirent){
		.name = record->name,
		.ino = shown_ino(dir, record),
		.type = record->type,
		.next = record->next,
	};
	return 1;
}

int vnode_dir_sync(const struct vnode_dir *dir, bool data_only)
{
	return (int)(data_only ? rumpus_sys_fdatasync(dir->fd) : rumpus_sys_fsync(dir->fd));
}

long vnode_dir_ioctl(const struct vnode_dir *dir, unsigned int command, void *data)
{
	return rumpus_sys_ioctl(dir->fd, command, (unsigned long)data);
}

void vnode_closedir(struct vnode_dir *dir)
{
	rumpus_sys_close(dir->fd);
	free(dir);
}
