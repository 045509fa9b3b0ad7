// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: names that are made and removed */
#include <errno.h>
#include <fcntl.h>

#include <rumpus/syscalls.h>

#include "node.h"

/* The client keeps the directory locked until it has the reply, so the name still is what was made. */
static int made(long result, struct vnode *dir, const char *name, struct vnode_entry *entry)
{
	return result < 0 ? (int)result : vnode_lookup(dir, name, entry);
}

int vnode_mknod(struct vnode *dir, const char *name, mode_t mode, dev_t rdev, struct vnode_entry *entry)
{
	return made(rumpus_sys_mknodat(dir->fd, name, mode, rdev), dir, name, entry);
}

int vnode_mkdir(struct vnode *dir, const char *name, mode_t mode, struct vnode_entry *entry)
{
	return made(rumpus_sys_mkdirat(dir->fd, name, mode), dir, name, entry);
}

int vnode_symlink(struct vnode *dir, const char *name, const char *target, struct vnode_entry *entry)
{
	return made(rumpus_sys_symlinkat(target, dir->fd, name), dir, name, entry);
}

int vnode_link(const struct vnode *node, struct vnode *dir, const char *name, struct vnode_entry *entry)
{
	return made(rumpus_sys_linkat(node->fd, "", dir->fd, name, AT_EMPTY_PATH), dir, name, entry);
}

int vnode_unlink(const struct vnode *dir, const char *name)
{
	return (int)rumpus_sys_unlinkat(dir->fd, name, 0);
}

int vnode_rmdir(const struct vnode *dir, const char *name)
{
	return (int)rumpus_sys_unlinkat(dir->fd, name, AT_REMOVEDIR);
}

int vnode_rename(const struct vnode *dir, const char *name, const struct vnode *to, const char *to_name,
		 unsigned int flags)
{
	return (int)rumpus_sys_renameat2(dir->fd, name, to->fd, to_name, flags);
}
