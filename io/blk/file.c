// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": raw image files and block devices of the host, by path or by descriptor */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../thread.h"
#include "file.h"

/* Reads up to this size are tried from the host's page cache on the submitting thread, which costs it a copy. */
#define INLINE_READ (UINT64_C(256) << 10)

enum { ENGINE_AUTO, ENGINE_URING, ENGINE_THREADS };

static bool may_read_at_once(const struct file *file, const struct hyp_blk_req *req)
{
	/*
	 * While other reads wait for the medium, this one probably has to as well; and reads that overtake each other
	 * spoil the host's read-ahead.
	 */
	return !file->direct && req->length <= INLINE_READ &&
	       !atomic_load_explicit(&file->reads, memory_order_relaxed) &&
	       !atomic_load_explicit(&file->no_nowait, memory_order_relaxed);
}

/* Does the host have it all in memory? Also starts its read-ahead when it has not. */
static bool read_at_once(struct file *file, const struct hyp_blk_req *req)
{
	long moved = -1;

	if (may_read_at_once(file, req)) {
		moved = preadv2(file->fd, (const struct iovec *)req->iov, (int)req->iovcnt, (off_t)req->offset,
				RWF_NOWAIT);
		/* EPERM is what filters of system calls answer for one that they do not know. */
		if (moved < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == EPERM))
			atomic_store(&file->no_nowait, true);
	}
	/* What has been read in part is read again: rare, and cheaper than to cut the pieces. */
	if (moved >= 0 && (uint64_t)moved == req->length)
		return true;
	atomic_fetch_add_explicit(&file->reads, 1, memory_order_relaxed);
	return false;
}

static bool flush_at_once(struct file *file, struct hyp_blk_req *req)
{
	req->backend[FILE_COVERS] = atomic_load(&file->written);
	return file_flushed(file, req);
}

static bool ring_serves(const struct file *file, const struct hyp_blk_req *req)
{
	if (!file->ring)
		return false;
	/*
	 * The ring would hand buffered writes to threads of the host's kernel one by one, at more cost than ours have,
	 * and FUA writes to a file block in most file systems.
	 */
	return req->op == HYP_BLK_READ || (req->op == HYP_BLK_WRITE && file->direct && !(req->flags & HYP_BLK_FUA));
}

/* Others may be at the rest of the image. */
static bool is_claimed(const struct file *file, const struct hyp_blk_req *req)
{
	return req->op == HYP_BLK_READ || req->op == HYP_BLK_FLUSH ||
	       (req->offset >= file->claimed_start && req->offset + req->length <= file->claimed_end);
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct file *file = (struct file *)disk;
	struct blk_list done = { 0 }, ring = { 0 }, writes = { 0 }, other = { 0 };
	struct hyp_blk_req *req, *next;
	int saved = errno;

	for (req = batch; req; req = next) {
		int error = blk_check(&disk->info, req);

		next = req->next;
		req->backend[FILE_DONE] = 0;
		if (error)
			blk_list_end(&done, req, error);
		else if (!is_claimed(file, req))
			blk_list_end(&done, req, -HYP_EROFS);
		else if ((req->op == HYP_BLK_READ && read_at_once(file, req)) ||
			 (req->op == HYP_BLK_FLUSH && flush_at_once(file, req)))
			blk_list_end(&done, req, 0);
		else if (ring_serves(file, req))
			blk_list_add(&ring, req);
		else if (req->op == HYP_BLK_WRITE && !file->direct && !(req->flags & HYP_BLK_FUA))
			blk_list_add(&writes, req);
		else
			blk_list_add(&other, req);
	}
	/* First what takes long to begin. A request is not ours any more once it is handed on. */
	blk_ring_submit(file->ring, &ring);
	blk_pool_submit(file->pool, FILE_LANE_WRITES, &writes);
	blk_pool_submit(file->pool, FILE_LANE_OTHER, &other);
	errno = saved;
	blk_complete(&file->device, done.head);
}

static void ring_end(struct file *file, struct hyp_blk_req *req, int status)
{
	if (req->op == HYP_BLK_WRITE)
		atomic_fetch_add(&file->written, 1);
	else
		file_read_ended(file);
	blk_list_end(&file->ring_done, req, status);
}

static void ring_finish(void *owner, struct hyp_blk_req *req, int result)
{
	struct file *file = owner;

	if (result >= 0 && (uint64_t)result == req->length) {
		ring_end(file, req, 0);
		return;
	}
	if (result == -EAGAIN || result == -EINTR || result == -ECANCELED || result >= 0) {
		struct blk_list rest = { 0 };

		/* Short or not at all: a thread goes on from there and finds out why. */
		req->backend[FILE_DONE] = result > 0 ? (uint64_t)result : 0;
		blk_list_add(&rest, req);
		blk_pool_submit(file->pool, FILE_LANE_OTHER, &rest);
		return;
	}
	ring_end(file, req, blk_error(-result));
}

static void ring_flush(void *owner)
{
	struct file *file = owner;
	struct hyp_blk_req *done = file->ring_done.head;

	file->ring_done.head = NULL;
	blk_complete(&file->device, done);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct file *file = (const struct file *)disk;
	char tail[64] = "";

	if (file->tail)
		snprintf(tail, sizeof(tail), ", its last %" PRIu64 " bytes are not visible", file->tail);
	return snprintf(buf, size, "%s %s, %s, %s%s%s", file->is_device ? "block device" : "file", file->label,
			file->ring ? "io_uring" : "threads", file->direct ? "direct" : "buffered",
			disk->info.caps & HYP_BLK_CAP_READ_ONLY ? ", read-only" : "", tail);
}

/* Also undoes what an opening that failed had come to */
static void file_close(struct hyp_blk *disk)
{
	struct file *file = (struct file *)disk;
	int saved = errno;

	if (file->ring)
		blk_ring_destroy(file->ring);
	if (file->pool)
		blk_pool_destroy(file->pool);
	if (file->locked)
		file_unlock(file->fd);
	if (file->fd >= 0)
		close(file->fd);
	free(file->label);
	free(file);
	errno = saved;
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "file",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.describe = describe,
	.close = file_close,
	.claim = file_claim,
};

static int start_engine(struct io_spec *spec, struct file *file, unsigned int engine)
{
	unsigned int threads[BLK_POOL_LANES] = { [FILE_LANE_WRITES] = file->direct ? 0 : 1 };
	int error = -HYP_ENOSYS;

	if (engine != ENGINE_THREADS)
		error = blk_ring_create(file->fd, file->device.disk.info.queue_depth, ring_finish, ring_flush, file,
					&file->ring);
	if (error && engine == ENGINE_URING)
		return io_fail(spec, error, "%s: this host has or permits no io_uring; use engine=threads",
			       file->label);
	/* With a ring, flushes and discards are left; without one, reads too, and these should overlap. */
	threads[FILE_LANE_OTHER] = file->ring ? 2 : 4;
	error = blk_pool_create(threads, file_run, file, &file->pool);
	return error ? io_threads_refused(spec, error, file->label) : 0;
}

/* A number from the host's description of a block device; @fallback when there is none */
static uint64_t queue_attribute(dev_t device, const char *name, uint64_t fallback)
{
	static const char *const places[] = { "queue", "../queue" /* of a partition */ };
	unsigned long long value;
	char path[96];
	FILE *stream;
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(device), minor(device), places[i],
			 name);
		stream = fopen(path, "re");
		if (!stream)
			continue;
		if (fscanf(stream, "%llu", &value) != 1)
			value = fallback;
		fclose(stream);
		return value;
	}
	return fallback;
}

static int inspect_device(struct io_spec *spec, struct file *file, const struct stat *st, bool writable)
{
	struct hyp_blk_info *info = &file->device.disk.info;
	uint64_t discard;
	unsigned int physical;
	int logical, read_only;

	if (ioctl(file->fd, BLKGETSIZE64, &info->size) || ioctl(file->fd, BLKSSZGET, &logical) ||
	    ioctl(file->fd, BLKPBSZGET, &physical) || ioctl(file->fd, BLKROGET, &read_only))
		return io_fail(spec, blk_error(errno), "%s: the host does not tell its size: %s", file->label,
			       strerror(errno));
	if (writable && read_only)
		return io_fail(spec, -HYP_EROFS, "%s is a read-only device; put ro: before the specification",
			       file->label);
	info->logical_block = (uint32_t)logical;
	info->physical_block = physical;
	info->optimal_io = (uint32_t)queue_attribute(st->st_rdev, "optimal_io_size", 0);
	if (queue_attribute(st->st_rdev, "rotational", 0))
		info->caps |= HYP_BLK_CAP_ROTATIONAL;
	discard = queue_attribute(st->st_rdev, "discard_max_bytes", 0);
	if (writable && discard) {
		info->caps |= HYP_BLK_CAP_DISCARD;
		info->discard_granularity =
			(uint32_t)queue_attribute(st->st_rdev, "discard_granularity", info->logical_block);
	}
	return 0;
}

static void inspect_file(struct file *file, const struct stat *st, bool writable)
{
	struct hyp_blk_info *info = &file->device.disk.info;

	info->size = (uint64_t)st->st_size;
	info->logical_block = 512;
	/* What the host's file system and page cache write as one. */
	info->physical_block = 4096;
	if (writable && file_can_punch(file->fd, info->size)) {
		info->caps |= HYP_BLK_CAP_DISCARD;
		info->discard_granularity = st->st_blksize > 512 ? (uint32_t)st->st_blksize : 512;
	}
}

static uint32_t power_of_two(uint32_t least)
{
	uint32_t power = 512;

	while (power < least)
		power <<= 1;
	return power;
}

/* Alignment that O_DIRECT asks for, of offsets, lengths and memory alike */
static uint32_t direct_alignment(int fd, uint32_t fallback)
{
	struct statx stx;

	if (!statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) && stx.stx_mask & STATX_DIOALIGN &&
	    stx.stx_dio_offset_align)
		return power_of_two(stx.stx_dio_offset_align > stx.stx_dio_mem_align ? stx.stx_dio_offset_align
										     : stx.stx_dio_mem_align);
	return power_of_two(fallback);
}

/* Sectors as large as @block, whatever smaller ones the host would serve: partition tables count in them. */
static void raise_blocks(struct hyp_blk_info *info, uint32_t block)
{
	if (info->logical_block < block)
		info->logical_block = block;
	if (info->physical_block < info->logical_block)
		info->physical_block = info->logical_block;
	if (info->discard_granularity && info->discard_granularity < info->logical_block)
		info->discard_granularity = info->logical_block;
}

static int inspect(struct io_spec *spec, struct file *file, uint32_t block, bool writable)
{
	struct hyp_blk_info *info = &file->device.disk.info;
	struct stat st;
	uint32_t align;
	int error = 0;

	if (fstat(file->fd, &st))
		return io_fail(spec, blk_error(errno), "%s: %s", file->label, strerror(errno));
	file->is_device = S_ISBLK(st.st_mode);
	*info = (struct hyp_blk_info){
		.caps = writable ? HYP_BLK_CAP_FLUSH | HYP_BLK_CAP_WRITE_ZEROES : HYP_BLK_CAP_READ_ONLY,
		.queue_depth = BLK_QUEUE_DEPTH,
		.max_iov = BLK_MAX_IOV,
		.max_length = BLK_MAX_LENGTH,
		.max_discard = writable ? BLK_MAX_DISCARD : 0,
		.mem_align = 1,
	};
	/* Without it the user of the device flushes after the write. */
	if (writable && file_can_sync_writes(file->fd))
		info->caps |= HYP_BLK_CAP_FUA;
	if (file->is_device)
		error = inspect_device(spec, file, &st, writable);
	else
		inspect_file(file, &st, writable);
	if (error)
		return error;
	if (file->direct) {
		align = direct_alignment(file->fd, file->is_device ? info->logical_block : (uint32_t)st.st_blksize);
		info->mem_align = align;
		block = align > block ? align : block;
	}
	/* Longer read-ahead, where reads follow each other; others are not affected. */
	if (!file->direct)
		posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	raise_blocks(info, block);
	file->tail = info->size % info->logical_block;
	info->size -= file->tail;
	if (!info->size)
		return io_fail(spec, -HYP_EINVAL,
			       "%s has %" PRIu64
			       " bytes, no block of %u: give it a size (truncate -s 64M) and a file system",
			       file->label, file->tail, info->logical_block);
	return 0;
}

/* Is it something that holds blocks? */
static int check_type(struct io_spec *spec, int fd, const char *label)
{
	struct stat st;

	if (fstat(fd, &st))
		return io_fail(spec, -HYP_EBADF, "%s: %s", label, strerror(errno));
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return io_fail(spec, -HYP_EISDIR, "%s is a directory; give an image file or a block device", label);
	return io_fail(spec, -HYP_EINVAL, "%s is a %s; give an image file or a block device", label,
		       S_ISFIFO(st.st_mode)   ? "FIFO"
		       : S_ISSOCK(st.st_mode) ? "socket"
		       : S_ISCHR(st.st_mode)  ? "character device"
					      : "file of no use here");
}

static int open_failed(struct io_spec *spec, int host_errno, bool writable)
{
	const char *path = spec->rest;

	switch (host_errno) {
	case ENOENT:
		return io_fail(spec, -HYP_ENOENT, "%s: no such file; check the path", path);
	case ENOTDIR:
		return io_fail(spec, -HYP_ENOTDIR, "%s: a part of the path is no directory; check the path", path);
	case EISDIR:
		return io_fail(spec, -HYP_EISDIR, "%s is a directory; give an image file or a block device", path);
	case EACCES:
	case EPERM:
		return io_fail(spec, -HYP_EACCES, "%s: no permission to %s it; %s", path,
			       writable ? "write to" : "read",
			       writable ? "change its mode or owner, or put ro: before the specification"
					: "change its mode or owner");
	case EROFS:
		return io_fail(spec, -HYP_EROFS, "%s is on a read-only file system; put ro: before the specification",
			       path);
	case EBUSY:
		return io_fail(spec, -HYP_EBUSY, "%s is mounted or in use by the host; unmount it first", path);
	case ENXIO:
		return io_fail(spec, -HYP_EINVAL,
			       "%s is a socket, FIFO or device without a driver; give an image file "
			       "or a block device",
			       path);
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return io_fail(spec, -HYP_ENOMEM, "%s: %s", path, strerror(host_errno));
	default:
		return io_fail(spec, -HYP_EINVAL, "%s: %s", path, strerror(host_errno));
	}
}

static int open_path(struct io_spec *spec, struct file *file, bool writable)
{
	/* Without O_NONBLOCK a FIFO would block here. */
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (writable ? O_RDWR : O_RDONLY);
	struct stat st;

	if (!*spec->rest)
		return io_fail(spec, -HYP_EINVAL, "file: names no file; write file:disk.img");
	file->label = strdup(spec->rest);
	if (!file->label)
		return io_fail(spec, -HYP_ENOMEM, "file: no memory");
	/* On block devices this is how mount, mkfs, losetup and the device mapper keep out of each other's way. */
	if (writable && !(spec->flags & HYP_BLK_OPEN_NO_LOCK) && !stat(spec->rest, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	file->fd = io_descriptor(open(spec->rest, flags));
	return file->fd < 0 ? open_failed(spec, errno, writable) : 0;
}

static int open_descriptor(struct io_spec *spec, struct file *file, uint64_t number, bool writable)
{
	int flags;

	/* The rest is a name for messages: whoever opened it may have a better one than a number. */
	if (*spec->rest)
		file->label = strdup(spec->rest);
	else if (asprintf(&file->label, "descriptor %" PRIu64, number) < 0)
		file->label = NULL;
	if (!file->label)
		return io_fail(spec, -HYP_ENOMEM, "file: no memory");
	flags = fcntl((int)number, F_GETFL);
	file->fd = flags < 0 ? -1 : fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	if (file->fd < 0)
		return io_fail(spec, -HYP_EBADF, "%s: fd=%" PRIu64 ": %s", file->label, number, strerror(errno));
	if ((flags & O_ACCMODE) == O_WRONLY || (writable && (flags & O_ACCMODE) != O_RDWR))
		return io_fail(spec, -HYP_EACCES, "%s is not open for reading%s", file->label,
			       writable ? " and writing; put ro: before the specification or open it so" : "");
	return 0;
}

/* O_DIRECT as asked for; no O_NONBLOCK, which would make io_uring give up early */
static int set_flags(struct io_spec *spec, struct file *file)
{
	int flags = fcntl(file->fd, F_GETFL), wanted;

	wanted = (flags & ~(O_NONBLOCK | O_DIRECT)) | (file->direct ? O_DIRECT : 0);
	if (flags >= 0 && (wanted == flags || !fcntl(file->fd, F_SETFL, wanted)))
		return 0;
	return io_fail(spec, -HYP_EINVAL, "%s: its file system has no direct I/O; leave out direct=1", file->label);
}

static int open_all(struct io_spec *spec, struct file *file)
{
	static const char *const engines[] = { "auto", "uring", "threads", NULL };
	bool writable = !(spec->flags & HYP_BLK_OPEN_READ_ONLY);
	const struct file_use use = { .writer = writable, .part = spec->flags & HYP_BLK_OPEN_PART };
	unsigned int engine = ENGINE_AUTO;
	uint64_t number = UINT64_MAX;
	uint32_t block = 512;
	int error = io_option_choice(spec, "engine", engines, &engine);

	if (!error)
		error = io_option_bool(spec, "direct", &file->direct);
	if (!error)
		error = io_option_number(spec, "fd", 0, INT32_MAX, &number);
	if (!error)
		error = blk_option_block(spec, &block);
	if (!error)
		error = number == UINT64_MAX ? open_path(spec, file, writable)
					     : open_descriptor(spec, file, number, writable);
	if (!error)
		error = check_type(spec, file->fd, file->label);
	if (!error)
		error = set_flags(spec, file);
	if (!error)
		error = inspect(spec, file, block, writable);
	if (!use.part)
		file->claimed_end = file->device.disk.info.size;
	file->no_lock = spec->flags & HYP_BLK_OPEN_NO_LOCK;
	if (!error && !file->no_lock) {
		error = file_lock(spec, file->fd, file->is_device, use, file->label);
		/* A lock on a file that the caller has open too stays with it, as it may have passed it on. */
		file->locked = !error && number == UINT64_MAX;
	}
	return error ? error : start_engine(spec, file, engine);
}

static int file_open(struct io_spec *spec, struct hyp_blk **disk)
{
	struct file *file = calloc(1, sizeof(*file));
	int error;

	if (!file)
		return io_fail(spec, -HYP_ENOMEM, "file: no memory");
	file->fd = -1;
	file->device.disk.ops = &ops;
	/* One ahead of @flushed: the first flush also covers what others wrote before the device was opened. */
	file->written = 1;
	error = open_all(spec, file);
	if (error) {
		file_close(&file->device.disk);
		return error;
	}
	*disk = &file->device.disk;
	return 0;
}

static const char *const keys[] = { "fd", "engine", "direct", "block", NULL };

extern const struct blk_backend blk_backend_file;
const struct blk_backend blk_backend_file = {
	.about = { .name = "file", .keys = keys, .help = "file:PATH or file,fd=NUMBER:NAME" },
	.open = file_open,
};
