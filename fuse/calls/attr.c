// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: attributes */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include <rumpus/syscalls.h>

#include "node.h"

/* @mask: also STATX_BTIME, perhaps. Return: as statx(2) */
static long stat_node(const struct vnode *node, const struct vnode_file *file, unsigned int mask, struct statx *stx)
{
	return rumpus_sys_statx(file ? file->fd : node_fd(node), "", AT_EMPTY_PATH, STATX_BASIC_STATS | mask, stx);
}

int vnode_stat(const struct vnode *node, const struct vnode_file *file, struct stat *st)
{
	struct statx stx;
	long error = stat_node(node, file, 0, &stx);

	if (!error)
		node_stat_from(st, &stx, node->show);
	return (int)error;
}

int vnode_stat_birth(const struct vnode *node, const struct vnode_file *file, struct stat *st, struct timespec *birth)
{
	struct statx stx;
	long error = stat_node(node, file, STATX_BTIME, &stx);

	if (error)
		return (int)error;
	node_stat_from(st, &stx, node->show);
	if (!(stx.stx_mask & STATX_BTIME))
		return 0;
	*birth = (struct timespec){ .tv_sec = stx.stx_btime.tv_sec, .tv_nsec = stx.stx_btime.tv_nsec };
	return 1;
}

int vnode_chmod(const struct vnode *node, mode_t mode)
{
	char path[NODE_PATH_MAX];

	return (int)rumpus_sys_fchmodat(node_proc, node_name(node, path), mode);
}

int vnode_chown(const struct vnode *node, uid_t uid, gid_t gid)
{
	return (int)rumpus_sys_fchownat(node_fd(node), "", uid, gid, AT_EMPTY_PATH);
}

int vnode_truncate(const struct vnode *node, const struct vnode_file *file, off_t size)
{
	char path[NODE_PATH_MAX];

	/* An open file may be shortened though nobody may open it any more. */
	return (int)(file ? rumpus_sys_ftruncate(file->fd, (unsigned long)size)
			  : rumpus_sys_truncate(node_path(node, path), size));
}

int vnode_times(const struct vnode *node, const struct timespec times[2])
{
	return (int)rumpus_sys_utimensat(node_fd(node), "", times, AT_EMPTY_PATH);
}

long vnode_readlink(const struct vnode *node, char *text, size_t size)
{
	return rumpus_sys_readlinkat(node_fd(node), "", text, (int)size);
}

int vnode_statvfs(const struct vnode *node, struct statvfs *st)
{
	struct statfs fs;
	long error = rumpus_sys_fstatfs(node_fd(node), &fs);

	if (error)
		return (int)error;
	*st = (struct statvfs){
		.f_bsize = (unsigned long)fs.f_bsize,
		.f_frsize = (unsigned long)fs.f_frsize,
		.f_blocks = fs.f_blocks,
		.f_bfree = fs.f_bfree,
		.f_bavail = fs.f_bavail,
		.f_files = fs.f_files,
		.f_ffree = fs.f_ffree,
		.f_favail = fs.f_ffree,
		.f_namemax = (unsigned long)fs.f_namelen,
	};
	return 0;
}

long vnode_xattr_get(const struct vnode *node, const char *name, void *value, size_t size)
{
	char path[NODE_PATH_MAX];

	return rumpus_sys_getxattr(node_path(node, path), name, value, size);
}

long vnode_xattr_list(const struct vnode *node, char *names, size_t size)
{
	char path[NODE_PATH_MAX];

	return rumpus_sys_listxattr(node_path(node, path), names, size);
}

int vnode_xattr_set(const struct vnode *node, const char *name, const void *value, size_t size, int flags)
{
	char path[NODE_PATH_MAX];

	return (int)rumpus_sys_setxattr(node_path(node, path), name, value, size, flags);
}

int vnode_xattr_remove(const struct vnode *node, const char *name)
{
	char path[NODE_PATH_MAX];

	return (int)rumpus_sys_removexattr(node_path(node, path), name);
}
