// SPDX-License-Identifier: BSD-2-Clause
/*
 * FUSE server: set-id bits and file capabilities that do not survive a change of contents or owner
 *
 * Left to itself the client sees to both: it asks for the capabilities of each file at each write, and for its status
 * at each change of owner. It spares these requests when the server clears them. Capabilities the kernel in here drops
 * by itself. Set-id bits it would leave, since the server's threads may set them: so they are cleared here, when the
 * client says that who writes, or sets an access control list, may not.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

/* The flags of the client's first request that matter here */
#define OFFERS (FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT)

/* The request that this thread is at asks for it. */
static __thread bool wanted;

/* The fixed part of a request, or NULL when it is not all there. */
static const void *body(const struct fuse_buf *request, size_t size)
{
	const struct fuse_in_header *header = request->mem;

	return request->size >= sizeof(*header) + size ? header + 1 : NULL;
}

/* A list is set in a longer request, since that was agreed on; the library knows the shorter one alone. */
static void see_setxattr(struct fuse_buf *request)
{
	struct fuse_in_header *header = request->mem;
	struct fuse_setxattr_in *long_form = (struct fuse_setxattr_in *)(header + 1);
	char *short_end = (char *)long_form + FUSE_COMPAT_SETXATTR_IN_SIZE;
	const size_t more = sizeof(*long_form) - FUSE_COMPAT_SETXATTR_IN_SIZE;

	if (!body(request, sizeof(*long_form)))
		return;
	wanted = long_form->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	memmove(short_end, short_end + more, request->size - sizeof(*header) - sizeof(*long_form));
	request->size -= more;
	header->len -= (uint32_t)more;
}

void setid_see(struct fuse_server *server, struct fuse_buf *request)
{
	const struct fuse_in_header *header = request->mem;
	const struct fuse_init_in *init;
	const struct fuse_write_in *write;
	const struct fuse_setattr_in *setattr;
	const struct fuse_open_in *open;

	wanted = false;
	switch (header->opcode) {
	case FUSE_INIT:
		init = body(request, offsetof(struct fuse_init_in, flags2));
		if (init && (init->flags & OFFERS)) {
			server->setid_flags = init->flags & OFFERS;
			server->setid_offer = header->unique;
		}
		break;
	case FUSE_SETXATTR:
		if (server->setid_flags & FUSE_SETXATTR_EXT)
			see_setxattr(request);
		break;
	case FUSE_WRITE:
		write = body(request, sizeof(*write));
		wanted = write && (write->write_flags & FUSE_WRITE_KILL_SUIDGID);
		break;
	case FUSE_SETATTR:
		setattr = body(request, sizeof(*setattr));
		wanted = setattr && (setattr->valid & FATTR_KILL_SUIDGID);
		break;
	case FUSE_OPEN:
		open = body(request, sizeof(*open));
		wanted = open && (open->open_flags & FUSE_OPEN_KILL_SUIDGID);
		break;
	default: /* a file that is made has no such bits to lose */
		break;
	}
}

void setid_accept(struct fuse_server *server, const struct iovec *iov, int pieces)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out *out;

	if (!server->setid_offer || header->unique != server->setid_offer)
		return;
	server->setid_offer = 0;
	/* The library knows nothing of it. */
	if (header->error || pieces != 2 || iov[1].iov_len < sizeof(*out)) {
		server->setid_flags = 0;
		return;
	}
	out = iov[1].iov_base;
	out->flags |= server->setid_flags;
}

static int clear(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file)
{
	struct vnode *node = vnode_of(ino);
	mode_t lost = S_ISUID;
	struct stat st;
	int error = vnode_stat(node, file, &st);

	if (error)
		return error;
	if (st.st_mode & S_IXGRP)
		lost |= S_ISGID;
	if (!(st.st_mode & lost))
		return 0;
	error = vnode_chmod(node, st.st_mode & 07777 & ~lost);
	/* The client remembers the mode; replies to most requests do not tell it. When it cannot be told, it has gone.
	 */
	if (!error)
		fuse_lowlevel_notify_inval_inode(server_of(req)->session, ino, -1, 0);
	return error;
}

int setid_clear(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file)
{
	return wanted ? clear(req, ino, file) : 0;
}

int setid_clear_for_list(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct vnode *node = vnode_of(ino);
	struct stat st;
	int error;

	if (!wanted || strcmp(name, "system.posix_acl_access"))
		return 0;
	error = vnode_stat(node, NULL, &st);
	/* The client forgets the mode when it sets a list. */
	return error || !(st.st_mode & S_ISGID) ? error : vnode_chmod(node, st.st_mode & 07777 & ~(mode_t)S_ISGID);
}

int setid_clear_for_caller(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file)
{
	return fuse_req_ctx(req)->uid ? clear(req, ino, file) : 0;
}
