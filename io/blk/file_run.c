// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": requests that may block, executed on a thread of the pool */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "file.h"

/* Pieces of a request that go to the host at once when it has to be cut */
#define RUN_IOV 64

/*
 * Bytes of buffered writes after which the host is told to begin writing them. Without it the host waits for seconds or
 * for the flush, and the disk idles until then. What arrives here comes from a page cache: nobody gains by waiting.
 */
#define KICK_BYTES (UINT64_C(4) << 20)

static long once(struct file *file, struct hyp_blk_req *req, const struct hyp_iovec *iov, uint32_t count, uint64_t done)
{
	const struct iovec *host = (const struct iovec *)iov;
	off_t offset = (off_t)(req->offset + done);

	if (req->op == HYP_BLK_READ)
		return preadv(file->fd, host, (int)count, offset);
	/* The newer call only for what it alone can do: filters of system calls may refuse it. */
	if (req->flags & HYP_BLK_FUA)
		return pwritev2(file->fd, host, (int)count, offset, RWF_DSYNC);
	return pwritev(file->fd, host, (int)count, offset);
}

static int transfer(struct file *file, struct hyp_blk_req *req)
{
	struct hyp_iovec part[RUN_IOV];
	uint64_t done = req->backend[FILE_DONE];

	while (done < req->length) {
		uint32_t count = req->iovcnt;
		long moved;

		if (done)
			count = blk_slice_iov(req, done, req->length - done, part, RUN_IOV);
		moved = once(file, req, done ? part : req->iov, count, done);
		if (moved < 0 && errno == EINTR)
			continue;
		if (moved < 0)
			return blk_error(errno);
		if (!moved) /* a read beyond the end: someone has shortened the file */
			return -HYP_EIO;
		done += (uint64_t)moved;
	}
	return 0;
}

static void kick(struct file *file, const struct hyp_blk_req *req)
{
	uint64_t end = req->offset + req->length;

	if (!file->kick_bytes || req->offset < file->kick_start)
		file->kick_start = req->offset;
	if (!file->kick_bytes || end > file->kick_end)
		file->kick_end = end;
	file->kick_bytes += req->length;
	if (file->kick_bytes < KICK_BYTES)
		return;
	/* An error is none of this write's: a flush will report it. */
	sync_file_range(file->fd, (off_t)file->kick_start, (off_t)(file->kick_end - file->kick_start),
			SYNC_FILE_RANGE_WRITE);
	file->kick_bytes = 0;
}

static int write_zeroes_by_hand(struct file *file, uint64_t offset, uint64_t length)
{
	/* Aligned for O_DIRECT; never written to. */
	static char zeroes[65536] __attribute__((aligned(65536)));
	struct hyp_iovec iov[16];
	struct hyp_blk_req req = { .op = HYP_BLK_WRITE, .iov = iov };
	int error = 0;

	while (length && !error) {
		uint64_t left = length < sizeof(zeroes) * 16 ? length : sizeof(zeroes) * 16;

		req.offset = offset;
		req.length = left;
		for (req.iovcnt = 0; left; req.iovcnt++) {
			iov[req.iovcnt].base = zeroes;
			iov[req.iovcnt].len = left < sizeof(zeroes) ? left : sizeof(zeroes);
			left -= iov[req.iovcnt].len;
		}
		error = transfer(file, &req);
		offset += req.length;
		length -= req.length;
	}
	return error;
}

/* fallocate(2) that remembers what the file system does not know. Return: 1 then, 0, or a negative enum hyp_error */
static int try_allocate(struct file *file, int mode, _Atomic bool *unknown, uint64_t offset, uint64_t length)
{
	int result;

	if (atomic_load(unknown))
		return 1;
	do
		result = fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
	while (result && errno == EINTR);
	if (!result)
		return 0;
	/* EPERM: a filter of system calls. A file that may not be changed refuses the write that follows, too. */
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return blk_error(errno);
	atomic_store(unknown, true);
	return 1;
}

/* Block devices know these modes of fallocate(2) too */
static int clear_range(struct file *file, const struct hyp_blk_req *req)
{
	int result = 1;

	if (!(req->flags & HYP_BLK_NO_UNMAP))
		result = try_allocate(file, FALLOC_FL_PUNCH_HOLE, &file->no_punch, req->offset, req->length);
	if (result > 0)
		result = try_allocate(file, FALLOC_FL_ZERO_RANGE, &file->no_zero_range, req->offset, req->length);
	if (result > 0)
		result = write_zeroes_by_hand(file, req->offset, req->length);
	return result;
}

static int zeroes(struct file *file, const struct hyp_blk_req *req)
{
	int error = clear_range(file, req);

	if (!error && req->flags & HYP_BLK_FUA && fdatasync(file->fd))
		error = blk_error(errno);
	return error;
}

static int discard(struct file *file, const struct hyp_blk_req *req)
{
	uint64_t range[2] = { req->offset, req->length };
	int result;

	if (file->is_device)
		return ioctl(file->fd, BLKDISCARD, range) ? blk_error(errno) : 0;
	result = try_allocate(file, FALLOC_FL_PUNCH_HOLE, &file->no_punch, req->offset, req->length);
	return result > 0 ? -HYP_EOPNOTSUPP : result;
}

bool file_can_punch(int fd, uint64_t size)
{
	uint64_t beyond = (size + 65535) & ~UINT64_C(65535);

	/* There is nothing to give back beyond the end, but a file system that cannot do it says so. */
	return !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)beyond, 65536);
}

bool file_can_sync_writes(int fd)
{
	/* No byte is written; the C library answers for a host, or an emulator of one, that does not know the call. */
	return !pwritev2(fd, NULL, 0, 0, RWF_DSYNC);
}

bool file_flushed(const struct file *file, const struct hyp_blk_req *flush)
{
	return !atomic_load(&file->flush_failed) && atomic_load(&file->flushed) >= flush->backend[FILE_COVERS];
}

static int flush(struct file *file, const struct hyp_blk_req *req)
{
	uint64_t covered = atomic_load(&file->written), before;

	if (file_flushed(file, req))
		return 0; /* another flush has done it while this one was queued */
	/*
	 * The host reports a failed write-back once and forgets what it could not write. A later fdatasync() that
	 * succeeds proves nothing about it.
	 */
	if (fdatasync(file->fd))
		atomic_store(&file->flush_failed, true);
	if (atomic_load(&file->flush_failed))
		return -HYP_EIO;
	before = atomic_load(&file->flushed);
	while (before < covered && !atomic_compare_exchange_weak(&file->flushed, &before, covered))
		;
	return 0;
}

static int execute(struct file *file, struct hyp_blk_req *req)
{
	int error;

	switch (req->op) {
	case HYP_BLK_FLUSH:
		return flush(file, req);
	case HYP_BLK_DISCARD:
		return discard(file, req);
	case HYP_BLK_WRITE_ZEROES:
		return zeroes(file, req);
	case HYP_BLK_WRITE:
		error = transfer(file, req);
		if (!file->direct && !(req->flags & HYP_BLK_FUA))
			kick(file, req);
		return error;
	default:
		return transfer(file, req);
	}
}

void file_run(void *owner, struct hyp_blk_req *req)
{
	struct file *file = owner;

	req->status = execute(file, req);
	/* The host reports a write that was lost once: whoever flushes next must not hear that all is well. */
	if (req->status == -HYP_EIO && req->flags & HYP_BLK_FUA)
		atomic_store(&file->flush_failed, true);
	if (req->op == HYP_BLK_READ)
		file_read_ended(file);
	else if (req->op != HYP_BLK_FLUSH)
		atomic_fetch_add(&file->written, 1);
	req->next = NULL;
	blk_complete(&file->device, req);
}
