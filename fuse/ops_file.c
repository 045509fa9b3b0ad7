// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: open files */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "internal.h"

static void opened(struct fuse_file_info *info, struct vnode_file *file)
{
	info->fh = (uintptr_t)file;
	info->keep_cache = 1; /* nobody else changes the file */
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct vnode_file *file;
	int error = info->flags & O_TRUNC ? act_as_caller(req, NULL) : 0;

	error = error ? error : setid_clear(req, ino, NULL);
	error = error ? error : vnode_open(vnode_of(ino), info->flags, &file);
	if (error) {
		reply_error(req, error);
		return;
	}
	opened(info, file);
	if (fuse_reply_open(req, info) == -ENOENT)
		vnode_close(file);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *info)
{
	struct vnode *dir = vnode_of(parent);
	struct fuse_entry_param param;
	struct vnode_entry entry;
	struct vnode_file *file;
	int error = act_as_caller(req, dir);

	if (!error && (info->flags & O_TMPFILE) == O_TMPFILE)
		error = vnode_tmpfile(dir, info->flags, mode, &entry, &file);
	else if (!error)
		error = vnode_create(dir, name, info->flags, mode, &entry, &file);
	if (error) {
		reply_error(req, error);
		return;
	}
	opened(info, file);
	entry_fill(req, &entry, &param);
	if (fuse_reply_create(req, &param, info) == -ENOENT) {
		vnode_close(file);
		vnode_forget(entry.node, 1);
	}
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	vnode_close(file_of(info));
	fuse_reply_err(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	void *data = server_buffer(size);
	long n = data ? vnode_read(file_of(info), data, size, offset) : -ENOMEM;

	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_buf(req, data, (size_t)n);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	int error = info->writepage ? vnode_act_as(0, 0, 0) : act_as_caller(req, NULL);
	long n;

	error = error ? error : setid_clear(req, ino, file_of(info));
	n = error ? error : vnode_write(file_of(info), data, size, offset);

	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info)
{
	reply_error(req, vnode_sync(file_of(info), data_only));
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t size,
			 struct fuse_file_info *info)
{
	int error = act_as_caller(req, NULL);

	error = error ? error : setid_clear_for_caller(req, ino, file_of(info));
	reply_error(req, error ? error : vnode_allocate(file_of(info), mode, offset, size));
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *info)
{
	off_t found = vnode_seek(file_of(info), offset, whence);

	if (found < 0)
		reply_error(req, found);
	else
		fuse_reply_lseek(req, found);
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_info,
			       fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_info, size_t size, int flags)
{
	int error = act_as_caller(req, NULL);
	long n;

	error = error ? error : setid_clear_for_caller(req, to, file_of(to_info));
	n = error ? error : vnode_copy(file_of(from_info), from_offset, file_of(to_info), to_offset, size);

	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_write(req, (size_t)n);
}

/*
 * Those whose argument is one structure of a known size. The client's kernel has checked who may set flags; trimming it
 * leaves to us.
 */
static const struct {
	unsigned int command;
	size_t in, out;
	bool root_only;
} controls[] = {
	{ FS_IOC_GETFLAGS, 0, sizeof(int), false },
	{ FS_IOC_SETFLAGS, sizeof(int), 0, false },
	{ FS_IOC_FSGETXATTR, 0, sizeof(struct fsxattr), false },
	{ FS_IOC_FSSETXATTR, sizeof(struct fsxattr), 0, false },
	{ FS_IOC_GETVERSION, 0, sizeof(int), false },
	{ FITRIM, sizeof(struct fstrim_range), sizeof(struct fstrim_range), true },
};

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int command, void *arg, struct fuse_file_info *info,
		     unsigned int flags, const void *in, size_t in_size, size_t out_size)
{
	uint64_t data[8] = { 0 };
	long result = -ENOTTY;
	size_t i;

	for (i = 0; i < sizeof(controls) / sizeof(*controls) && controls[i].command != command; i++)
		continue;
	if (i == sizeof(controls) / sizeof(*controls) || in_size < controls[i].in || out_size < controls[i].out) {
		reply_error(req, -ENOTTY);
		return;
	}
	if (controls[i].root_only && fuse_req_ctx(req)->uid) {
		reply_error(req, -EPERM);
		return;
	}
	memcpy(data, in, controls[i].in);
	result = flags & FUSE_IOCTL_DIR ? vnode_dir_ioctl((struct vnode_dir *)(uintptr_t)info->fh, command, data)
					: vnode_ioctl(file_of(info), command, data);
	if (result < 0)
		reply_error(req, result);
	else
		fuse_reply_ioctl(req, (int)result, data, controls[i].out);
}

void ops_file_fill(struct fuse_lowlevel_ops *ops)
{
	ops->open = op_open;
	ops->create = op_create;
	ops->release = op_release;
	ops->read = op_read;
	ops->write = op_write;
	ops->fsync = op_fsync;
	ops->fallocate = op_fallocate;
	ops->lseek = op_lseek;
	ops->copy_file_range = op_copy_file_range;
	ops->ioctl = op_ioctl;
}
