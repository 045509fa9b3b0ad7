// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: operations on nodes */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "internal.h"

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct fuse_entry_param none = { .entry_timeout = 86400.0 };
	struct vnode_entry entry;
	/* By its own dot the client finds what it has a handle of, and may have forgotten. */
	int error =
		strcmp(name, ".") ? vnode_lookup(vnode_of(parent), name, &entry) : vnode_lookup_number(parent, &entry);

	if (error == -ENOENT)
		fuse_reply_entry(req, &none); /* the client may remember that, too */
	else
		reply_entry(req, error, &entry);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	vnode_forget(vnode_of(ino), count);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		vnode_forget(vnode_of(forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	reply_stat(req, vnode_of(ino), file_of(info));
}

/* Owners that are only shown cannot be changed, but to what they are shown as. */
static int change_owner(const struct fuse_owner *owner, const struct vnode *node, uid_t uid, gid_t gid)
{
	if (!owner->mapped)
		return vnode_chown(node, uid, gid);
	return (uid == (uid_t)-1 || uid == owner->uid) && (gid == (gid_t)-1 || gid == owner->gid) ? 0 : -EPERM;
}

static struct timespec time_to_set(const struct timespec *time, bool set, bool now)
{
	if (now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	return set ? *time : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

static int change_times(const struct vnode *node, const struct stat *st, int what)
{
	const struct timespec times[2] = {
		time_to_set(&st->st_atim, what & FUSE_SET_ATTR_ATIME, what & FUSE_SET_ATTR_ATIME_NOW),
		time_to_set(&st->st_mtim, what & FUSE_SET_ATTR_MTIME, what & FUSE_SET_ATTR_MTIME_NOW),
	};

	return vnode_times(node, times);
}

/* Owner before mode, as a change of owner clears bits of it; times last, as all others change them. */
static int change(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file, const struct stat *st, int what)
{
	const struct vnode *node = vnode_of(ino);
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
	int error = setid_clear(req, ino, file);

	if (!error && (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
		error = change_owner(&server_of(req)->config.owner, node,
				     what & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
				     what & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1);
	if (!error && (what & FUSE_SET_ATTR_MODE))
		error = vnode_chmod(node, st->st_mode & 07777);
	if (!error && (what & FUSE_SET_ATTR_SIZE)) {
		error = act_as_caller(req, NULL);
		error = error ? error : vnode_truncate(node, file, st->st_size);
	}
	if (!error && (what & times))
		error = change_times(node, st, what);
	return error;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what, struct fuse_file_info *info)
{
	struct vnode *node = vnode_of(ino);
	int error = change(req, ino, file_of(info), st, what);

	if (error)
		reply_error(req, error);
	else
		reply_stat(req, node, file_of(info));
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	long length = vnode_readlink(vnode_of(ino), target, PATH_MAX);

	if (length < 0) {
		reply_error(req, length);
		return;
	}
	target[length] = 0;
	fuse_reply_readlink(req, target);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int error = vnode_statvfs(ino ? vnode_of(ino) : server_of(req)->root, &st);

	if (error)
		reply_error(req, error);
	else
		fuse_reply_statfs(req, &st);
}

void ops_node_fill(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = op_lookup;
	ops->forget = op_forget;
	ops->forget_multi = op_forget_multi;
	ops->getattr = op_getattr;
	ops->setattr = op_setattr;
	ops->readlink = op_readlink;
	ops->statfs = op_statfs;
}
