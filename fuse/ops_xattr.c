// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: extended attributes, access control lists among them */
#include <errno.h>
#include <string.h>

#include "internal.h"

/*
 * The client asks for lists of access rights when it checks those of who does not own a file, and takes it for a
 * failure of the check that a file system has none.
 */
static long without_list(const char *name, long error)
{
	return error == -EOPNOTSUPP && !strncmp(name, "system.posix_acl_", 17) ? -ENODATA : error;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	void *value = server_buffer(size);
	long n = value ? without_list(name, vnode_xattr_get(vnode_of(ino), name, value, size)) : -ENOMEM;

	if (n < 0)
		reply_error(req, n);
	else if (size)
		fuse_reply_buf(req, value, (size_t)n);
	else
		fuse_reply_xattr(req, (size_t)n);
}

/* Names that only an administrator may know of; the kernel in here takes everyone for one. Return: bytes that stay */
static size_t hide_trusted(char *names, size_t size)
{
	size_t kept = 0;

	for (size_t at = 0, length; at < size; at += length) {
		length = strnlen(names + at, size - at - 1) + 1;
		if (!strncmp(names + at, "trusted.", 8))
			continue;
		memmove(names + kept, names + at, length);
		kept += length;
	}
	return kept;
}

/* Always the whole list, whose length alone may be asked for: it depends on who asks. */
static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	const size_t room = 65536; /* XATTR_LIST_MAX */
	char *names = server_buffer(room);
	long n = names ? vnode_xattr_list(vnode_of(ino), names, room) : -ENOMEM;
	size_t length;

	if (n < 0) {
		reply_error(req, n);
		return;
	}
	length = n && fuse_req_ctx(req)->uid ? hide_trusted(names, (size_t)n) : (size_t)n;
	if (!size)
		fuse_reply_xattr(req, length);
	else if (length > size)
		reply_error(req, -ERANGE);
	else
		fuse_reply_buf(req, names, length);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	int error = act_as_caller(req, NULL);

	error = error ? error : vnode_xattr_set(vnode_of(ino), name, value, size, flags);
	reply_error(req, error ? error : setid_clear_for_list(req, ino, name));
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	reply_error(req, vnode_xattr_remove(vnode_of(ino), name));
}

void ops_xattr_fill(struct fuse_lowlevel_ops *ops)
{
	ops->getxattr = op_getxattr;
	ops->listxattr = op_listxattr;
	ops->setxattr = op_setxattr;
	ops->removexattr = op_removexattr;
}
