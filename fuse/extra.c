// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: requests that the library does not know, answered before it sees them */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "internal.h"

/* Newer than the headers of the protocol that this is built with; the numbers and the form are the host's ABI. */
#define STATX_OPCODE 52

struct statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor;
	uint32_t dev_major, dev_minor;
	uint64_t spare2[14];
};

_Static_assert(sizeof(struct statx_in) == 24, "crosses a boundary");
_Static_assert(sizeof(struct statx_out) == 288, "crosses a boundary");

static struct statx_time time_of(const struct timespec *time)
{
	return (struct statx_time){ .sec = time->tv_sec, .nsec = (uint32_t)time->tv_nsec };
}

static void fill(struct statx_out *out, const struct stat *st, const struct timespec *birth)
{
	*out = (struct statx_out){
		.attr_valid = (uint64_t)BELIEVE,
		.mask = STATX_BASIC_STATS | (birth ? STATX_BTIME : 0),
		.blksize = (uint32_t)st->st_blksize,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = (uint16_t)st->st_mode,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = time_of(&st->st_atim),
		.ctime = time_of(&st->st_ctim),
		.mtime = time_of(&st->st_mtim),
		.rdev_major = major(st->st_rdev),
		.rdev_minor = minor(st->st_rdev),
	};
	if (birth)
		out->btime = time_of(birth);
}

/* Return: 0, negative errno */
static int statx_of(const struct fuse_server *server, uint64_t id, const struct statx_in *in, struct statx_out *out)
{
	const struct vnode *node = vnode_of(id);
	const struct vnode_file *file = NULL;
	struct timespec birth;
	struct stat st;
	int known;

	if (in->getattr_flags & FUSE_GETATTR_FH)
		file = (const struct vnode_file *)(uintptr_t)in->fh;
	known = vnode_stat_birth(node, file, &st, &birth);
	if (known < 0)
		return known;
	show_owner(&server->config.owner, &st);
	fill(out, &st, known ? &birth : NULL);
	return 0;
}

static void reply_statx(struct fuse_server *server, const struct fuse_in_header *request)
{
	struct fuse_out_header header = { .unique = request->unique };
	struct statx_out out;
	struct iovec pieces[] = { { &header, sizeof(header) }, { &out, sizeof(out) } };
	struct statx_in in;

	if (request->len < sizeof(*request) + sizeof(in)) {
		header.error = -EINVAL;
	} else {
		memcpy(&in, request + 1, sizeof(in));
		header.error = client_error(statx_of(server, request->nodeid, &in, &out));
	}
	header.len = (uint32_t)(sizeof(header) + (header.error ? 0 : sizeof(out)));
	/* As with the library's replies: when this fails, the client has gone, or has been interrupted. */
	server_write(server->config.device, pieces, header.error ? 1 : 2, server);
}

bool extra_serve(struct fuse_server *server, struct fuse_buf *request)
{
	struct fuse_in_header *header = request->mem;

	if (request->size < sizeof(*header))
		return false;
	setid_see(server, request);
	/* The same form as the request to make a file with a name, which is of no meaning here; its flags tell. */
	if (header->opcode == FUSE_TMPFILE)
		header->opcode = FUSE_CREATE;
	if (header->opcode != STATX_OPCODE)
		return false;
	reply_statx(server, header);
	return true;
}
