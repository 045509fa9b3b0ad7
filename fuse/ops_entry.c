// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: names that are made, moved and removed */
#include "internal.h"

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct vnode *dir = vnode_of(parent);
	struct vnode_entry entry;
	int error = act_as_caller(req, dir);

	reply_entry(req, error ? error : vnode_mknod(dir, name, mode, rdev, &entry), &entry);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct vnode *dir = vnode_of(parent);
	struct vnode_entry entry;
	int error = act_as_caller(req, dir);

	reply_entry(req, error ? error : vnode_mkdir(dir, name, mode, &entry), &entry);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct vnode *dir = vnode_of(parent);
	struct vnode_entry entry;
	int error = act_as_caller(req, dir);

	reply_entry(req, error ? error : vnode_symlink(dir, name, target, &entry), &entry);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct vnode_entry entry;

	reply_entry(req, vnode_link(vnode_of(ino), vnode_of(parent), name, &entry), &entry);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_error(req, vnode_unlink(vnode_of(parent), name));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	reply_error(req, vnode_rmdir(vnode_of(parent), name));
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *to_name,
		      unsigned int flags)
{
	int error = act_as_caller(req, NULL); /* RENAME_WHITEOUT makes a node */

	reply_error(req, error ? error : vnode_rename(vnode_of(parent), name, vnode_of(to), to_name, flags));
}

void ops_entry_fill(struct fuse_lowlevel_ops *ops)
{
	ops->mknod = op_mknod;
	ops->mkdir = op_mkdir;
	ops->symlink = op_symlink;
	ops->link = op_link;
	ops->unlink = op_unlink;
	ops->rmdir = op_rmdir;
	ops->rename = op_rename;
}
