// SPDX-License-Identifier: BSD-2-Clause
/* Files and block I/O of rumpuser(3): stream files, images, specifications, transfers that overlap, bad input */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rumpuser.h"
#include "../tap.h"

#define MIB ((size_t)1 << 20)
#define DISK_FD 0x40000000

static _Thread_local int held; /* virtual CPUs of this thread */
static _Atomic int given_back;

static void schedule(void)
{
	held++;
}

static void unschedule(void)
{
	held--;
}

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
	held--;
	given_back++;
}

static void backend_schedule(int nlocks, void *interlock)
{
	held++;
}

static int newlwp(pid_t pid)
{
	return pid ? 3 : 0;
}

static const struct rumpuser_hyperup upcalls = {
	.hyp_schedule = schedule,
	.hyp_unschedule = unschedule,
	.hyp_backend_unschedule = backend_unschedule,
	.hyp_backend_schedule = backend_schedule,
	.hyp_lwproc_newlwp = newlwp,
};

/* What a transfer came to */
struct result {
	struct rumpuser_mtx *mtx;
	struct rumpuser_cv *cv;
	int ended;
	size_t done;
	int error;
	int held;
};

static struct result result;

static void biodone(void *arg, size_t done, int error)
{
	struct result *r = arg;

	rumpuser_mutex_enter(r->mtx);
	r->done += done;
	r->error |= error;
	r->held += held;
	r->ended++;
	rumpuser_cv_broadcast(r->cv);
	rumpuser_mutex_exit(r->mtx);
}

static void await(int count)
{
	rumpuser_mutex_enter(result.mtx);
	while (result.ended < count)
		rumpuser_cv_wait(result.cv, result.mtx);
	rumpuser_mutex_exit(result.mtx);
}

/* One transfer, and wait. Return: its errno */
static int transfer(int fd, int op, void *data, size_t size, int64_t offset)
{
	result.ended = result.error = result.held = 0;
	result.done = 0;
	rumpuser_bio(fd, op, data, size, offset, biodone, &result);
	await(1);
	return result.error;
}

static void fill(unsigned char *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = (unsigned char)((i >> 9) * 31 + i + seed);
}

static void make_image(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		tap_abort("%s: %s", path, strerror(errno));
	close(fd);
}

static void check_stream(void)
{
	char a[8] = "", b[8] = "";
	struct rumpuser_iovec iov[] = { { a, 3 }, { b, 5 } };
	size_t done = 99;
	int fd = -1;

	tap_is(rumpuser_open("none", RUMPUSER_OPEN_RDONLY, &fd), 2, "a file that is missing: ENOENT");
	tap_ok(fd == -1, "no descriptor is given out");
	tap_is(rumpuser_open("new", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL, &fd), 0, "made");
	tap_ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "not handed on to programs that are executed");
	memcpy(a, "abc", 3);
	memcpy(b, "defgh", 5);
	tap_ok(!rumpuser_iovwrite(fd, iov, 2, 0, &done) && done == 8, "written at an offset");
	memset(a, 0, 8);
	memset(b, 0, 8);
	tap_ok(!rumpuser_iovread(fd, iov, 2, 2, &done) && done == 6 && !memcmp(a, "cde", 3) && !memcmp(b, "fgh", 4),
	       "a short read at the end: %zu bytes", done);
	tap_ok(!rumpuser_iovread(fd, iov, 2, 100, &done) && done == 0, "nothing behind the end");
	tap_ok(!rumpuser_iovread(fd, iov, 1, RUMPUSER_IOV_NOSEEK, &done) && done == 3 && !memcmp(a, "abc", 3),
	       "the position of the stream has not moved till now");
	tap_is(rumpuser_iovread(fd, iov, 2, -7, &done), 22, "a negative offset: EINVAL");
	tap_is(rumpuser_syncfd(fd, RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, 0, 0), 0, "synced");
	tap_is(rumpuser_syncfd(fd, RUMPUSER_SYNCFD_SYNC, 0, 0), 22, "synced in no direction: EINVAL");
	tap_is(rumpuser_syncfd(fd, 0x80, 0, 0), 22, "synced with an unknown flag: EINVAL");
	tap_is(rumpuser_close(fd), 0, "closed");
	tap_is(rumpuser_close(fd), 9, "closed twice: EBADF");
	tap_is(rumpuser_iovread(fd, iov, 1, 0, &done), 9, "read after that: EBADF");
	tap_is(rumpuser_open("new", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL, &fd), 17,
	       "made once more: EEXIST");
	tap_is(rumpuser_open("new", 3, &fd), 22, "an access mode that is none: EINVAL");
	tap_is(rumpuser_open("new", 0x20, &fd), 22, "an unknown flag: EINVAL");
}

static void check_info(void)
{
	uint64_t size = 0;
	int type = 99;

	tap_ok(!rumpuser_getfileinfo("new", &size, &type) && size == 8 && type == RUMPUSER_FT_REG, "info: a file");
	tap_ok(!rumpuser_getfileinfo(".", NULL, &type) && type == RUMPUSER_FT_DIR, "a directory");
	tap_ok(!rumpuser_getfileinfo("/dev/null", NULL, &type) && type == RUMPUSER_FT_CHR, "a character device");
	tap_is(rumpuser_getfileinfo("none", &size, &type), 2, "nothing: ENOENT");
	tap_ok(!rumpuser_getfileinfo("rumpus:mem,size=4M:", &size, &type) && size == 4 * MIB && type == RUMPUSER_FT_BLK,
	       "a device by specification");
	tap_is(rumpuser_getfileinfo("rumpus:nonsense:", &size, &type), 22, "by one that makes no sense: EINVAL");
}

/* Writes it all in 64 KiB transfers that are under way at one time, and reads it back. */
static void check_overlap(int fd, size_t size, const char *name)
{
	const size_t piece = 65536;
	unsigned char *data = malloc(size), *back = malloc(size);
	const int count = (int)(size / piece);
	int i;

	fill(data, size, 1);
	memset(&result.ended, 0, sizeof(result.ended));
	result.done = 0;
	result.error = result.held = 0;
	for (i = 0; i < count; i++)
		rumpuser_bio(fd, RUMPUSER_BIO_WRITE | (i % 8 ? 0 : RUMPUSER_BIO_SYNC), data + i * piece, piece,
			     (int64_t)(i * piece), biodone, &result);
	await(count);
	tap_ok(!result.error && result.done == size, "%s: %d writes at one time", name, count);
	tap_is(result.held, count, "%s: each reported with one virtual CPU held", name);
	result.ended = result.held = 0;
	result.done = 0;
	for (i = count - 1; i >= 0; i--)
		rumpuser_bio(fd, RUMPUSER_BIO_READ, back + i * piece, piece, (int64_t)(i * piece), biodone, &result);
	await(count);
	tap_ok(!result.error && result.done == size && !memcmp(data, back, size), "%s: and reads", name);
	tap_is(result.held, count, "%s: these, too", name);
	tap_is(held, 1, "%s: the caller has its virtual CPU as before", name);
	free(data);
	free(back);
}

static void check_ends(int fd, int64_t size)
{
	static unsigned char data[8192];

	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, data, 8192, size - 4096) && result.done == 4096,
	       "a read beyond the end is cut");
	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, data, 512, size) && result.done == 0, "at the end there is nothing");
	tap_ok(transfer(fd, RUMPUSER_BIO_WRITE, data, 8192, size - 4096) == 28 && !result.done,
	       "a write beyond the end: ENOSPC");
	tap_is(transfer(fd, RUMPUSER_BIO_READ, data, 512, -512), 22, "before the beginning: EINVAL");
	tap_is(transfer(fd, RUMPUSER_BIO_READ | RUMPUSER_BIO_WRITE, data, 512, 0), 22, "both ways: EINVAL");
	tap_is(transfer(fd + 5, RUMPUSER_BIO_READ, data, 512, 0), 9, "another descriptor: EBADF");
}

static void check_pieces(int fd)
{
	unsigned char a[700], b[900], c[700], d[900];
	struct rumpuser_iovec out[] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct rumpuser_iovec in[] = { { c, sizeof(c) }, { d, sizeof(d) } };
	size_t done = 0;

	fill(a, sizeof(a), 5);
	fill(b, sizeof(b), 9);
	tap_ok(!rumpuser_iovwrite(fd, out, 2, 333, &done) && done == 1600, "a disk is written in odd pieces");
	tap_ok(!rumpuser_iovread(fd, in, 2, 333, &done) && done == 1600 && !memcmp(a, c, sizeof(a)) &&
		       !memcmp(b, d, sizeof(b)),
	       "and read");
	tap_ok(!rumpuser_iovread(fd, in, 1, RUMPUSER_IOV_NOSEEK, &done) && done == 700 &&
		       !rumpuser_iovread(fd, in, 1, RUMPUSER_IOV_NOSEEK, &done) && done == 700 && !memcmp(c, d, 0),
	       "and as a stream");
}

static void check_image(void)
{
	int fd, second, third;

	make_image("image", 16 * MIB);
	tap_is(rumpuser_open("image", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 0, "an image");
	tap_ok(fd >= DISK_FD, "its descriptor is none of the host's");
	check_overlap(fd, 16 * MIB, "image");
	check_ends(fd, 16 * MIB);
	check_pieces(fd);
	tap_is(rumpuser_syncfd(fd, RUMPUSER_SYNCFD_BOTH | RUMPUSER_SYNCFD_BARRIER, 0, 0), 0, "image: synced");
	tap_is(rumpuser_open("./image", RUMPUSER_OPEN_RDONLY | RUMPUSER_OPEN_BIO, &second), 0, "opened once more");
	tap_is(transfer(second, RUMPUSER_BIO_WRITE, &result, 0, 0), 9, "but for reading: writes are refused");
	tap_is(rumpuser_close(fd), 0, "one of them closed");
	tap_is(transfer(second, RUMPUSER_BIO_READ, malloc(512), 512, 0), 0, "the other reads on");
	tap_is(rumpuser_open("image", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &third), 0, "and a third one");
	tap_ok(!rumpuser_close(second) && !rumpuser_close(third), "all closed");
	tap_is(rumpuser_close(third), 9, "closed twice: EBADF");
	tap_is(rumpuser_open("none", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 2, "no image: ENOENT");
	tap_is(rumpuser_open(".", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 21, "a directory: EISDIR");
	make_image("empty", 0);
	tap_is(rumpuser_open("empty", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 22, "an empty one: EINVAL");
}

static void check_specification(void)
{
	static unsigned char data[4096], back[4096];
	int fd;

	fill(data, sizeof(data), 3);
	tap_is(rumpuser_open("rumpus:mem,size=16M:", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 0,
	       "a disk of memory");
	check_overlap(fd, 16 * MIB, "memory");
	tap_is(transfer(fd, RUMPUSER_BIO_WRITE, data, sizeof(data), 8192), 0, "memory: written");
	rumpuser_close(fd);
	rumpuser_open("rumpus:mem,size=16M:", RUMPUSER_OPEN_RDONLY | RUMPUSER_OPEN_BIO, &fd);
	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, back, sizeof(back), 8192) && !memcmp(data, back, sizeof(data)),
	       "memory: closed and opened again, it is the same");
	rumpuser_close(fd);
	tap_is(rumpuser_open("rumpus:ro:file:image", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 30,
	       "for writing where nothing can be written: EROFS");
	tap_is(rumpuser_open("rumpus:mem,block=4096,size=16M:", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 0,
	       "a disk with blocks of 4096 bytes");
	tap_is(transfer(fd, RUMPUSER_BIO_WRITE, data, 512, 512), 0, "a part of a block is written");
	tap_is(transfer(fd, RUMPUSER_BIO_WRITE, data + 512, 1024, 1024), 0, "and the next");
	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, back, 1536, 512) && result.done == 1536 && !memcmp(data, back, 1536),
	       "both are there");
	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, back, 512, 0) && !back[0] && !back[511],
	       "and what was before them is, too");
	check_pieces(fd);
	rumpuser_close(fd);
	tap_is(rumpuser_open("rumpus:fault,write-error=2:mem,size=1M:", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 0,
	       "a disk that fails");
	tap_is(transfer(fd, RUMPUSER_BIO_WRITE, data, 4096, 0), 0, "the first write");
	tap_ok(transfer(fd, RUMPUSER_BIO_WRITE, data, 4096, 0) == 5 && !result.done, "the second fails: EIO");
	rumpuser_close(fd);
}

/* RUMPUSER_BLK stands before every path. */
static void check_prefix(void)
{
	unsigned char data[512], back[512] = { 0 };
	int fd, host;

	fill(data, sizeof(data), 77);
	setenv("RUMPUSER_BLK", "cow:file", 1);
	tap_is(rumpuser_open("image", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 0,
	       "an image that is not to change");
	tap_is(transfer(fd, RUMPUSER_BIO_WRITE | RUMPUSER_BIO_SYNC, data, 512, 4096), 0, "written to");
	tap_ok(!transfer(fd, RUMPUSER_BIO_READ, back, 512, 4096) && !memcmp(data, back, 512), "as one sees");
	host = open("image", O_RDONLY);
	tap_ok(pread(host, back, 512, 4096) == 512 && memcmp(data, back, 512), "but not in the file");
	close(host);
	rumpuser_close(fd);
	setenv("RUMPUSER_BLK", "nonsense", 1);
	tap_is(rumpuser_open("image", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &fd), 22,
	       "a prefix without sense: EINVAL");
	unsetenv("RUMPUSER_BLK");
}

int main(void)
{
	if (rumpuser_init(RUMPUSER_VERSION, &upcalls))
		tap_abort("rumpuser_init");
	schedule();
	rumpuser_mutex_init(&result.mtx, 0);
	rumpuser_cv_init(&result.cv);
	check_stream();
	check_info();
	check_image();
	check_specification();
	check_prefix();
	tap_ok(given_back > 0 && held == 1, "virtual CPUs were given back %d times, and all taken again", given_back);
	return tap_done();
}
