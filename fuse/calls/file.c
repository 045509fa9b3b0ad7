// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: open files */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <rumpus/syscalls.h>

#include "node.h"

/* Of the client's flags those that mean something to the file system; direct I/O is between client and host. */
#define FLAGS (O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME)

/* Bytes that one copy moves before it can be interrupted; file systems that share blocks share all of them at once. */
#define COPY_MAX (1UL << 30)

/* Takes @fd, or an error. */
static int opened(long fd, struct vnode_file **file)
{
	struct vnode_file *made;

	if (fd < 0)
		return (int)fd;
	made = malloc(sizeof(*made));
	if (!made) {
		rumpus_sys_close((int)fd);
		return -ENOMEM;
	}
	made->fd = (int)fd;
	*file = made;
	return 0;
}

int vnode_open(const struct vnode *node, int flags, struct vnode_file **file)
{
	char path[NODE_PATH_MAX];

	return opened(rumpus_sys_openat(node_proc, node_name(node, path), (flags & FLAGS) | O_CLOEXEC, 0), file);
}

int vnode_create(struct vnode *dir, const char *name, int flags, mode_t mode, struct vnode_entry *entry,
		 struct vnode_file **file)
{
	struct vnode_file *made = NULL;
	int error = opened(rumpus_sys_openat(node_fd(dir), name,
					     (flags & (FLAGS | O_EXCL)) | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode),
			   &made);

	if (error)
		return error;
	error = vnode_lookup(dir, name, entry);
	if (error) {
		vnode_close(made);
		return error;
	}
	*file = made;
	return 0;
}

int vnode_tmpfile(const struct vnode *dir, int flags, mode_t mode, struct vnode_entry *entry, struct vnode_file **file)
{
	struct vnode_file *made = NULL;
	char name[NODE_PATH_MAX];
	long fd;
	int error = opened(
		rumpus_sys_openat(node_fd(dir), ".", (flags & (FLAGS | O_EXCL)) | O_TMPFILE | O_CLOEXEC, mode), &made);

	if (error)
		return error;
	snprintf(name, sizeof(name), "%d", made->fd);
	fd = rumpus_sys_openat(node_proc, name, O_PATH | O_CLOEXEC, 0);
	error = fd < 0 ? (int)fd : node_enter((int)fd, entry);
	if (error) {
		vnode_close(made);
		return error;
	}
	/* By handle only those are found that have names. */
	atomic_store(&entry->node->keep, true);
	*file = made;
	return 0;
}

void vnode_close(struct vnode_file *file)
{
	rumpus_sys_close(file->fd);
	free(file);
}

long vnode_read(const struct vnode_file *file, void *data, size_t size, off_t offset)
{
	return rumpus_sys_pread64(file->fd, data, size, offset);
}

long vnode_write(const struct vnode_file *file, const void *data, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		long n = rumpus_sys_pwrite64(file->fd, (const char *)data + done, size - done, offset + (off_t)done);

		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
	}
	return (long)done;
}

int vnode_sync(const struct vnode_file *file, bool data_only)
{
	return (int)(data_only ? rumpus_sys_fdatasync(file->fd) : rumpus_sys_fsync(file->fd));
}

int vnode_allocate(const struct vnode_file *file, int mode, off_t offset, off_t size)
{
	return (int)rumpus_sys_fallocate(file->fd, mode, offset, size);
}

off_t vnode_seek(const struct vnode_file *file, off_t offset, int whence)
{
	/* The offset that this moves is used by nobody. */
	return rumpus_sys_lseek(file->fd, offset, whence);
}

long vnode_copy(const struct vnode_file *from, off_t from_offset, const struct vnode_file *to, off_t to_offset,
		size_t size)
{
	return rumpus_sys_copy_file_range(from->fd, &from_offset, to->fd, &to_offset, size < COPY_MAX ? size : COPY_MAX,
					  0);
}

long vnode_ioctl(const struct vnode_file *file, unsigned int command, void *data)
{
	return rumpus_sys_ioctl(file->fd, command, (unsigned long)data);
}
