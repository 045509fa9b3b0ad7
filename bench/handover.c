// SPDX-License-Identifier: BSD-2-Clause
/*
 * A FUSE server of one file and no file system behind it, for what it costs to hand contents over: they are in a file
 * without a name, as a rump kernel's memory is, and go through a buffer as our server has it, straight from there, or
 * by splice(2).
 *
 * usage: handover DIRECTORY copy|straight|splice|small|small-own
 * The last two are for small reads past the host's cache, by one connection for all threads or by one for each.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fuse3/fuse_lowlevel.h>

#define MIB (1U << 20)
#define FILE_SIZE (256 * MIB)
#define NODE 2 /* of the one file */
#define THREADS 4U

static struct {
	bool small, splice, straight, own;
	int memory;
	char *mapped;
	char buffer[MIB]; /* of the one thread that moves much */
} self;

static void fill(struct stat *st, fuse_ino_t ino)
{
	*st = (struct stat){ .st_ino = ino, .st_nlink = 1, .st_mode = S_IFDIR | 0755 };
	if (ino != NODE)
		return;
	st->st_mode = S_IFREG | 0666;
	st->st_size = FILE_SIZE;
}

static void op_init(void *data, struct fuse_conn_info *conn)
{
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	if (self.splice)
		conn->want |= conn->capable & (FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->max_write = MIB;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = NODE, .attr_timeout = 60, .entry_timeout = 60 };

	fill(&entry.attr, NODE);
	fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st;

	fill(&st, ino);
	fuse_reply_attr(req, &st, 60);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	info->direct_io = self.small;
	fuse_reply_open(req, info);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct fuse_bufvec pages = FUSE_BUFVEC_INIT(size);

	pages.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	pages.buf[0].fd = self.memory;
	pages.buf[0].pos = offset;
	if (self.splice) {
		fuse_reply_data(req, &pages, FUSE_BUF_SPLICE_MOVE);
	} else if (self.straight || self.small) {
		fuse_reply_buf(req, self.mapped + offset, size);
	} else {
		memcpy(self.buffer, self.mapped + offset, size);
		fuse_reply_buf(req, self.buffer, size);
	}
}

static void op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *from, off_t offset,
			 struct fuse_file_info *info)
{
	struct fuse_bufvec to = FUSE_BUFVEC_INIT(fuse_buf_size(from));

	to.buf[0].mem = self.mapped + offset;
	if (self.splice) {
		to.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
		to.buf[0].fd = self.memory;
		to.buf[0].pos = offset;
	}
	fuse_reply_write(req, (size_t)fuse_buf_copy(&to, from, FUSE_BUF_SPLICE_MOVE));
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what, struct fuse_file_info *info)
{
	op_getattr(req, ino, info);
}

static int serve(struct fuse_session *session)
{
	struct fuse_loop_config *config;
	int result;

	if (!self.small)
		return fuse_session_loop(session);
	config = fuse_loop_cfg_create();
	fuse_loop_cfg_set_clone_fd(config, self.own);
	fuse_loop_cfg_set_max_threads(config, THREADS);
	result = fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	return result;
}

static int run(const char *dir)
{
	static const struct fuse_lowlevel_ops ops = {
		.init = op_init,
		.lookup = op_lookup,
		.getattr = op_getattr,
		.setattr = op_setattr,
		.open = op_open,
		.read = op_read,
		.write_buf = op_write_buf,
	};
	char *argv[] = { (char[]){ "handover" }, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	int result;

	if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, dir))
		return 1;
	result = serve(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return result < 0;
}

int main(int argc, char **argv)
{
	const char *way = argc == 3 ? argv[2] : "";

	self.splice = !strcmp(way, "splice");
	self.straight = !strcmp(way, "straight");
	self.own = !strcmp(way, "small-own");
	self.small = self.own || !strcmp(way, "small");
	if (!self.splice && !self.straight && !self.small && strcmp(way, "copy")) {
		fprintf(stderr, "usage: handover DIRECTORY copy|straight|splice|small|small-own\n");
		return 2;
	}
	self.memory = memfd_create("handover", MFD_CLOEXEC);
	if (self.memory < 0 || ftruncate(self.memory, FILE_SIZE)) {
		perror("handover");
		return 1;
	}
	self.mapped = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, self.memory, 0);
	return self.mapped == MAP_FAILED || run(argv[1]);
}
