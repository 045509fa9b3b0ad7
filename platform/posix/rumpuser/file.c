// SPDX-License-Identifier: BSD-2-Clause
/* Files of the host's that are no block devices of the kernel's: descriptors are the host's own */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

/* Pieces that go to the host at once; more is only slower */
#define PIECES 64

#define MODE_CREATE 0644

_Static_assert(sizeof(struct iovec) == sizeof(struct rumpuser_iovec), "copied piece by piece, in the same order");

int ru_host_open(const char *path, int flags, int *fd)
{
	static const int access[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int how = access[flags & RUMPUSER_OPEN_ACCMODE] | O_CLOEXEC | O_NOCTTY;
	int made;

	if (flags & RUMPUSER_OPEN_CREATE)
		how |= O_CREAT;
	if (flags & RUMPUSER_OPEN_EXCL)
		how |= O_EXCL;
	do
		made = open(path, how, MODE_CREATE);
	while (made < 0 && errno == EINTR);
	if (made < 0)
		return ru_host_errno(errno);
	*fd = made;
	return 0;
}

int ru_host_close(int fd)
{
	/* Also after EINTR the descriptor is closed, or another thread's by now. */
	return close(fd) && errno != EINTR ? ru_host_errno(errno) : 0;
}

int ru_host_file_id(const char *path, struct ru_file_id *id)
{
	struct stat st;

	if (stat(path, &st))
		return ru_host_errno(errno);
	/* Two nodes of one block device are one disk. */
	if (S_ISBLK(st.st_mode))
		*id = (struct ru_file_id){ .device = st.st_rdev, .file = UINT64_MAX };
	else
		*id = (struct ru_file_id){ .device = st.st_dev, .file = st.st_ino };
	return 0;
}

static int file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return RUMPUSER_FT_DIR;
	case S_IFREG:
		return RUMPUSER_FT_REG;
	case S_IFBLK:
		return RUMPUSER_FT_BLK;
	case S_IFCHR:
		return RUMPUSER_FT_CHR;
	default:
		return RUMPUSER_FT_OTHER;
	}
}

static int device_size(const char *path, uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error = 0;

	if (fd < 0)
		return ru_host_errno(errno);
	if (ioctl(fd, BLKGETSIZE64, size))
		error = ru_host_errno(errno);
	close(fd);
	return error;
}

int ru_host_info(const char *path, uint64_t *size, int *type)
{
	struct stat st;

	if (stat(path, &st))
		return ru_host_errno(errno);
	*type = file_type(st.st_mode);
	*size = (uint64_t)st.st_size;
	return *type == RUMPUSER_FT_BLK ? device_size(path, size) : 0;
}

/* Fills @host with what comes @skip bytes after the beginning of @iov. Return: how many pieces */
static int slice(const struct rumpuser_iovec *iov, size_t iovcnt, size_t skip, struct iovec *host)
{
	int n = 0;
	size_t i;

	for (i = 0; i < iovcnt && n < PIECES; i++) {
		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		host[n].iov_base = (char *)iov[i].iov_base + skip;
		host[n++].iov_len = iov[i].iov_len - skip;
		skip = 0;
	}
	return n;
}

static ssize_t once(int fd, const struct iovec *host, int n, int64_t offset, bool writing)
{
	if (offset == RUMPUSER_IOV_NOSEEK)
		return writing ? writev(fd, host, n) : readv(fd, host, n);
	return writing ? pwritev(fd, host, n, offset) : preadv(fd, host, n, offset);
}

/*
 * With an offset, on to the end of the pieces or of the file. Writes to a stream, too; reads of one take what comes, as
 * the rest may never come.
 */
static int transfer(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, bool writing, size_t *done)
{
	struct iovec host[PIECES];
	size_t sum = 0;
	ssize_t moved;
	int n;

	if (offset < RUMPUSER_IOV_NOSEEK)
		return RU_EINVAL;
	while ((n = slice(iov, iovcnt, sum, host))) {
		moved = once(fd, host, n, offset == RUMPUSER_IOV_NOSEEK ? offset : offset + (int64_t)sum, writing);
		if (moved < 0 && errno == EINTR)
			continue;
		if (moved < 0 && !sum)
			return ru_host_errno(errno);
		if (moved <= 0)
			break;
		sum += (size_t)moved;
		if (offset == RUMPUSER_IOV_NOSEEK && !writing)
			break;
	}
	*done = sum;
	return 0;
}

int ru_host_read(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done)
{
	return transfer(fd, iov, iovcnt, offset, false, done);
}

int ru_host_write_file(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done)
{
	return transfer(fd, iov, iovcnt, offset, true, done);
}

int ru_host_sync(int fd, int flags, uint64_t start, uint64_t size)
{
	if (!(flags & RUMPUSER_SYNCFD_WRITE))
		return fcntl(fd, F_GETFD) < 0 ? ru_host_errno(errno) : 0;
	/* The host orders nothing but by waiting. */
	if (flags & (RUMPUSER_SYNCFD_SYNC | RUMPUSER_SYNCFD_BARRIER))
		return fdatasync(fd) ? ru_host_errno(errno) : 0;
	return sync_file_range(fd, (off_t)start, (off_t)size, SYNC_FILE_RANGE_WRITE) ? ru_host_errno(errno) : 0;
}
