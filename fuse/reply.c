// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: whom a request comes from, and what is answered */
#include <errno.h>

#include "internal.h"

int act_as_caller(fuse_req_t req, const struct vnode *dir)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct stat st;
	int error;

	if (!server_of(req)->config.owner.mapped || !dir)
		return vnode_act_as(ctx->uid, ctx->gid, ctx->umask);
	error = vnode_stat(dir, NULL, &st);
	return error ? error : vnode_act_as(st.st_uid, st.st_gid, ctx->umask);
}

int client_error(long error)
{
	/* The first two are about the kernel in here having ended, and would mislead. */
	if (error == -ESHUTDOWN || error == -ESRCH)
		error = -EIO;
	/* A node that could not be opened again. */
	if (error == -EBADF)
		error = -ESTALE;
	return (int)error;
}

void reply_error(fuse_req_t req, long error)
{
	fuse_reply_err(req, -client_error(error));
}

void show_owner(const struct fuse_owner *owner, struct stat *st)
{
	if (!owner->mapped)
		return;
	st->st_uid = owner->uid;
	st->st_gid = owner->gid;
	st->st_mode &= ~owner->mask;
}

void entry_fill(fuse_req_t req, const struct vnode_entry *entry, struct fuse_entry_param *param)
{
	const struct fuse_server *server = server_of(req);

	*param = (struct fuse_entry_param){
		.ino = vnode_number(entry->node),
		.generation = vnode_generation(entry->node),
		.attr = entry->st,
		.attr_timeout = BELIEVE,
		.entry_timeout = BELIEVE,
	};
	show_owner(&server->config.owner, &param->attr);
}

void reply_entry(fuse_req_t req, int error, const struct vnode_entry *entry)
{
	struct fuse_entry_param param = { .entry_timeout = BELIEVE };

	if (error) {
		reply_error(req, error);
		return;
	}
	entry_fill(req, entry, &param);
	/* A client that was interrupted has not heard of the node. */
	if (fuse_reply_entry(req, &param) == -ENOENT)
		vnode_forget(entry->node, 1);
}

void reply_stat(fuse_req_t req, struct vnode *node, const struct vnode_file *file)
{
	struct stat st;
	int error = vnode_stat(node, file, &st);

	if (error) {
		reply_error(req, error);
		return;
	}
	show_owner(&server_of(req)->config.owner, &st);
	fuse_reply_attr(req, &st, BELIEVE);
}
