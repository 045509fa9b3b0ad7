// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: open directories */
#include <errno.h>
#include <string.h>

#include "internal.h"

static struct vnode_dir *dir_of(const struct fuse_file_info *info)
{
	return (struct vnode_dir *)(uintptr_t)info->fh;
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct vnode_dir *dir;
	int error = vnode_opendir(vnode_of(ino), &dir);

	if (error) {
		reply_error(req, error);
		return;
	}
	info->fh = (uintptr_t)dir;
	/* The client drops what it remembers when it changes the directory itself, and nobody else does. */
	info->keep_cache = 1;
	info->cache_readdir = 1;
	if (fuse_reply_open(req, info) == -ENOENT)
		vnode_closedir(dir);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	vnode_closedir(dir_of(info));
	fuse_reply_err(req, 0);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info)
{
	reply_error(req, vnode_dir_sync(dir_of(info), data_only));
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Status and look-up of a name, or only its number: for dots, and for a name that is gone or that cannot be read. */
static void look_up(fuse_req_t req, struct vnode *dir, const struct vnode_dirent *name, struct fuse_entry_param *param)
{
	struct vnode_entry entry;

	if (!is_dot(name->name) && !vnode_lookup(dir, name->name, &entry)) {
		entry_fill(req, &entry, param);
		return;
	}
	*param = (struct fuse_entry_param){ .attr = { .st_ino = name->ino, .st_mode = name->type << 12 } };
}

/* One entry into a reply. Return: bytes, more than @room when it does not fit */
static size_t put(fuse_req_t req, struct vnode *dir, const struct vnode_dirent *name, bool plus, char *at, size_t room)
{
	struct fuse_entry_param param = { .attr = { .st_ino = name->ino, .st_mode = name->type << 12 } };
	size_t size;

	if (!plus)
		return fuse_add_direntry(req, at, room, name->name, &param.attr, name->next);
	/* Before the look-up, which would have to be forgotten again. */
	size = fuse_add_direntry_plus(req, NULL, 0, name->name, NULL, 0);
	if (size > room)
		return size;
	look_up(req, dir, name, &param);
	return fuse_add_direntry_plus(req, at, room, name->name, &param, name->next);
}

static void read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info, bool plus)
{
	char *reply = server_buffer(size);
	struct vnode_dirent name;
	size_t used = 0, n;
	int more = reply ? vnode_dir_entry(dir_of(info), offset, &name) : -ENOMEM;

	while (more > 0) {
		n = put(req, vnode_of(ino), &name, plus, reply + used, size - used);
		if (n > size - used)
			break;
		used += n;
		more = vnode_dir_entry(dir_of(info), name.next, &name);
	}
	/* What came before an error is told first; the error comes again with the next request. */
	if (more < 0 && !used)
		reply_error(req, more);
	else
		fuse_reply_buf(req, reply, used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	read_dir(req, ino, size, offset, info, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	read_dir(req, ino, size, offset, info, true);
}

void ops_dir_fill(struct fuse_lowlevel_ops *ops)
{
	ops->opendir = op_opendir;
	ops->releasedir = op_releasedir;
	ops->fsyncdir = op_fsyncdir;
	ops->readdir = op_readdir;
	ops->readdirplus = op_readdirplus;
}
