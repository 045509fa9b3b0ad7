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
	return made(rumpus_sys_mknodat(node_fd(dir), name, mode, rdev), dir, name, entry);
}

int vnode_mkdir(struct vnode *dir, const char *name, mode_t mode, struct vnode_entry *entry)
{
	return made(rumpus_sys_mkdirat(node_fd(dir), name, mode), dir, name, entry);
}

int vnode_symlink(struct vnode *dir, const char *name, const char *target, struct vnode_entry *entry)
{
	return made(rumpus_sys_symlinkat(target, node_fd(dir), name), dir, name, entry);
}

int vnode_link(const struct vnode *node, struct vnode *dir, const char *name, struct vnode_entry *entry)
{
	return made(rumpus_sys_linkat(node_fd(node), "", node_fd(dir), name, AT_EMPTY_PATH), dir, name, entry);
}

int vnode_unlink(const struct vnode *dir, const char *name)
{
	node_keep(dir, name);
	return (int)rumpus_sys_unlinkat(node_fd(dir), name, 0);
}

int vnode_rmdir(const struct vnode *dir, const char *name)
{
	node_keep(dir, name);
	return (int)rumpus_sys_unlinkat(node_fd(dir), name, AT_REMOVEDIR);
}

int vnode_rename(const struct vnode *dir, const char *name, const struct vnode *to, const char *to_name,
		 unsigned int flags)
{
	node_keep(to, to_name);
	return (int)rumpus_sys_renameat2(node_fd(dir), name, node_fd(to), to_name, flags);
}
