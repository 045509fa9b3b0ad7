// SPDX-License-Identifier: BSD-2-Clause
/* Files and block devices: which of the two a call is for; blocking */
#include "disk.h"

int rumpuser_open(const char *path, int flags, int *fd)
{
	const int known = RUMPUSER_OPEN_ACCMODE | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL | RUMPUSER_OPEN_BIO;
	int count, error;

	if (flags & ~known || (flags & RUMPUSER_OPEN_ACCMODE) == RUMPUSER_OPEN_ACCMODE)
		return RU_EINVAL;
	count = ru_unschedule(NULL);
	error = flags & RUMPUSER_OPEN_BIO ? ru_disk_open(path, flags, fd) : ru_host_open(path, flags, fd);
	ru_schedule(count, NULL);
	return error;
}

int rumpuser_close(int fd)
{
	int count = ru_unschedule(NULL);
	int error = fd >= RU_DISK_FD ? ru_disk_close(fd) : ru_host_close(fd);

	ru_schedule(count, NULL);
	return error;
}

int rumpuser_getfileinfo(const char *path, uint64_t *size, int *type)
{
	int count = ru_unschedule(NULL);
	int error, kind = RUMPUSER_FT_BLK;
	uint64_t bytes = 0;

	error = ru_disk_is_spec(path) ? ru_disk_size(path, &bytes) : ru_host_info(path, &bytes, &kind);
	ru_schedule(count, NULL);
	if (error)
		return error;
	if (size)
		*size = bytes;
	if (type)
		*type = kind;
	return 0;
}

/* Piece by piece: whoever reads a disk so reads little. */
static int disk_transfer(struct ru_disk_file *file, int op, const struct rumpuser_iovec *iov, size_t iovcnt,
			 int64_t offset, size_t *done)
{
	uint64_t end = file->disk->blk->info.size;
	uint64_t at = offset == RUMPUSER_IOV_NOSEEK ? file->position : (uint64_t)offset;
	size_t part, sum = 0, i;
	int error = 0;

	if (offset < RUMPUSER_IOV_NOSEEK)
		return RU_EINVAL;
	for (i = 0; i < iovcnt && at < end && !error; i++) {
		part = iov[i].iov_len < end - at ? iov[i].iov_len : end - at;
		error = ru_disk_transfer(file->disk, op, iov[i].iov_base, part, at);
		if (!error) {
			at += part;
			sum += part;
		}
	}
	/* What has been done counts; the error comes again with the rest. */
	if (error && !sum)
		return error;
	if (op == RUMPUSER_BIO_WRITE && !sum && at >= end)
		return RU_ENOSPC;
	if (offset == RUMPUSER_IOV_NOSEEK)
		file->position = at;
	*done = sum;
	return 0;
}

int rumpuser_iovread(int fd, struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done)
{
	struct ru_disk_file *file = ru_disk_file(fd);
	int count = ru_unschedule(NULL);
	int error;

	if (file)
		error = disk_transfer(file, RUMPUSER_BIO_READ, iov, iovcnt, offset, done);
	else
		error = ru_host_read(fd, iov, iovcnt, offset, done);
	ru_schedule(count, NULL);
	return error;
}

int rumpuser_iovwrite(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done)
{
	struct ru_disk_file *file = ru_disk_file(fd);
	int count = ru_unschedule(NULL);
	int error;

	if (!file)
		error = ru_host_write_file(fd, iov, iovcnt, offset, done);
	else if (!file->writable)
		error = RU_EBADF;
	else
		error = disk_transfer(file, RUMPUSER_BIO_WRITE, iov, iovcnt, offset, done);
	ru_schedule(count, NULL);
	return error;
}

int rumpuser_syncfd(int fd, int flags, uint64_t start, uint64_t size)
{
	struct ru_disk_file *file = ru_disk_file(fd);
	int count, error = 0;

	if (flags & ~(RUMPUSER_SYNCFD_BOTH | RUMPUSER_SYNCFD_BARRIER | RUMPUSER_SYNCFD_SYNC) ||
	    !(flags & RUMPUSER_SYNCFD_BOTH))
		return RU_EINVAL;
	count = ru_unschedule(NULL);
	if (!file)
		error = ru_host_sync(fd, flags, start, size);
	else if (flags & RUMPUSER_SYNCFD_WRITE && flags & (RUMPUSER_SYNCFD_BARRIER | RUMPUSER_SYNCFD_SYNC))
		error = ru_disk_flush(file->disk);
	ru_schedule(count, NULL);
	return error;
}
