// SPDX-License-Identifier: BSD-2-Clause
/* Files as streams: open, vectors, positions, errors in NetBSD's numbers */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static char dir[256];

static const char *in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int open_file(const char *path, int flags, int *fd)
{
	int error;

	call_begin("open", MAY_LEAVE, NULL);
	error = ru.open(path, flags, fd);
	call_end();
	return error;
}

static void close_file(int fd)
{
	int error;

	call_begin("close", MAY_LEAVE, NULL);
	error = ru.close(fd);
	call_end();
	rule(!error, "close: error %d", error);
}

static int transfer(bool write, int fd, struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	int error;

	call_begin(write ? "iovwrite" : "iovread", MAY_LEAVE, NULL);
	error = write ? ru.iovwrite(fd, iov, n, offset, done) : ru.iovread(fd, iov, n, offset, done);
	call_end();
	return error;
}

static void make_file(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_abort("%s cannot be written", in_dir(name));
}

static void opens(const char *name, int flags, int expected)
{
	int fd = -7, error = open_file(in_dir(name), flags, &fd);

	tap_is(error, expected, "open %.20s, flags %#x", name, flags);
	if (!error)
		close_file(fd);
}

static void errors(void)
{
	char name[300];
	int fd = -1;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	make_file("file", "text");
	if (symlink(in_dir("loop"), in_dir("loop")) != 0)
		tap_abort("symlink");
	opens("missing", RUMPUSER_OPEN_RDONLY, NB_ENOENT);
	opens("missing", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_EXCL, NB_ENOENT);
	opens(name, RUMPUSER_OPEN_RDONLY, NB_ENAMETOOLONG);
	opens("loop", RUMPUSER_OPEN_RDONLY, NB_ELOOP);
	opens("", RUMPUSER_OPEN_RDWR, NB_EISDIR);
	opens("file", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL, NB_EEXIST);
	opens("file", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE, 0);
	opens("created", RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE, 0);
	opens("created2", RUMPUSER_OPEN_WRONLY | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL, 0);
	tap_ok(!access(in_dir("created"), R_OK) && !access(in_dir("created2"), W_OK), "files are created");
	tap_is(open_file("/dev/null", RUMPUSER_OPEN_RDWR, &fd), 0, "a device");
	close_file(fd);
}

static void info(const char *path, int type, int64_t size)
{
	uint64_t got_size = 12345678901;
	int got_type = -1, error = ru.getfileinfo(path, &got_size, &got_type);

	tap_is(error, 0, "information on %s", path);
	tap_is(got_type, type, "its type");
	if (size >= 0)
		tap_is(got_size, size, "its size");
	tap_ok(!ru.getfileinfo(path, NULL, &got_type) && !ru.getfileinfo(path, &got_size, NULL), "one of them alone");
}

static void infos(void)
{
	uint64_t size = 4242;
	int type = 42;

	make_file("seven", "seven..");
	info(in_dir("seven"), RUMPUSER_FT_REG, 7);
	info(dir, RUMPUSER_FT_DIR, -1);
	if (suite_ours())
		info("/dev/null", RUMPUSER_FT_CHR, -1);
	mkfifo(in_dir("fifo"), 0600);
	info(in_dir("fifo"), RUMPUSER_FT_OTHER, -1);
	tap_is(ru.getfileinfo(in_dir("none"), &size, &type), NB_ENOENT, "information on nothing");
	tap_ok(size == 4242 && type == 42, "leaves the results alone");
	tap_is(ru.getfileinfo(in_dir("loop"), &size, &type), NB_ELOOP, "and on a loop");
}

static void rights(void)
{
	struct rumpuser_iovec iov = { (char[4]){ "abc" }, 3 };
	size_t done = 77;
	int fd;

	open_file(in_dir("seven"), RUMPUSER_OPEN_RDONLY, &fd);
	tap_is(transfer(true, fd, &iov, 1, 0, &done), NB_EBADF, "write to what was opened for reading");
	close_file(fd);
	open_file(in_dir("seven"), RUMPUSER_OPEN_WRONLY, &fd);
	tap_is(transfer(false, fd, &iov, 1, 0, &done), NB_EBADF, "read from what was opened for writing");
	tap_is(transfer(true, fd, &iov, 1, 2, &done), 0, "write to it");
	tap_is(done, 3, "three bytes");
	close_file(fd);
	tap_is(transfer(false, 987, &iov, 1, 0, &done), NB_EBADF, "read from nothing");
	suite_better(ru.close(987) == NB_EBADF, "close nothing: EBADF");
}

static void vectors(void)
{
	char a[5] = "", b[3] = "", c[100] = "";
	struct rumpuser_iovec out[] = { { "hello", 5 }, { "", 0 }, { ", ", 2 }, { "world", 5 } };
	struct rumpuser_iovec in[] = { { a, 4 }, { b, 2 }, { c, sizeof(c) } };
	size_t done = 0;
	int fd;

	open_file(in_dir("vectors"), RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE, &fd);
	tap_is(transfer(true, fd, out, 4, 10, &done), 0, "write four pieces at 10");
	tap_is(done, 12, "all bytes");
	tap_is(transfer(false, fd, in, 3, 10, &done), 0, "read three pieces there");
	tap_is(done, 12, "a short read at the end of the file");
	tap_ok(!memcmp(a, "hell", 4) && !memcmp(b, "o,", 2) && !memcmp(c, " world", 6), "what was written");
	tap_is(transfer(false, fd, in, 3, 22, &done), 0, "read at the end");
	tap_is(done, 0, "nothing");
	tap_is(transfer(false, fd, in, 1, 0, &done), 0, "read in the hole");
	tap_ok(done == 4 && !memcmp(a, "\0\0\0\0", 4), "zeroes");
	close_file(fd);
}

/* Without offsets, each transfer goes on where the last ended; offsets do not move that point. */
static void stream(void)
{
	char c = 0;
	struct rumpuser_iovec in = { &c, 1 }, out = { "abcdef", 6 };
	size_t done;
	int fd;

	open_file(in_dir("stream"), RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE, &fd);
	tap_is(transfer(true, fd, &out, 1, RUMPUSER_IOV_NOSEEK, &done), 0, "write to a stream");
	tap_is(transfer(false, fd, &in, 1, RUMPUSER_IOV_NOSEEK, &done), 0, "read from it");
	tap_is(done, 0, "it is at its end");
	close_file(fd);
	open_file(in_dir("stream"), RUMPUSER_OPEN_RDONLY, &fd);
	transfer(false, fd, &in, 1, RUMPUSER_IOV_NOSEEK, &done);
	tap_is(c, 'a', "a stream begins at the beginning");
	transfer(false, fd, &in, 1, RUMPUSER_IOV_NOSEEK, &done);
	tap_is(c, 'b', "and goes on");
	close_file(fd);
}

static void sync_file(void)
{
	struct rumpuser_iovec out = { "abcdef", 6 };
	size_t done;
	int fd;

	open_file(in_dir("sync"), RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE, &fd);
	transfer(true, fd, &out, 1, 0, &done);
	call_begin("syncfd", MAY_LEAVE, NULL);
	tap_is(ru.syncfd(fd, RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, 0, 0), 0, "sync a file");
	tap_is(ru.syncfd(fd, RUMPUSER_SYNCFD_BOTH | RUMPUSER_SYNCFD_BARRIER, 0, 6), 0, "a barrier, both ways");
	tap_is(ru.syncfd(fd, RUMPUSER_SYNCFD_READ, 2, 2), 0, "for reading, a part");
	call_end();
	close_file(fd);
	suite_better(ru.syncfd(987, RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, 0, 0) == NB_EBADF,
		     "sync nothing: EBADF");
}

/**
 * struct reader - of a fifo
 */
struct reader {
	int fd, error;
	size_t done;
	char text[8];
};

static void read_fifo(void *arg)
{
	struct reader *r = arg;
	struct rumpuser_iovec iov = { r->text, sizeof(r->text) };

	r->error = transfer(false, r->fd, &iov, 1, RUMPUSER_IOV_NOSEEK, &r->done);
}

/* With one CPU, who writes could never come in, did the reader keep it. */
static void blocks(void)
{
	struct rumpuser_iovec iov = { "hello", 5 };
	struct reader r = { .fd = -1 };
	struct thread *t;
	size_t done;

	open_file(in_dir("fifo"), RUMPUSER_OPEN_RDWR, &r.fd);
	t = thread_start(read_fifo, &r, ANY_CPU);
	tap_ok(await_blocked(t, "iovread"), "a reader gives up its virtual CPU");
	transfer(true, r.fd, &iov, 1, RUMPUSER_IOV_NOSEEK, &done);
	thread_end(t);
	tap_ok(!r.error && r.done == 5 && !memcmp(r.text, "hello", 5), "and gets what is written then");
	close_file(r.fd);
}

static void opener(void *arg)
{
	open_file(in_dir("fifo"), RUMPUSER_OPEN_WRONLY, arg);
}

static void *host_opener(void *arg)
{
	return (void *)(intptr_t)open(arg, O_RDONLY | O_CLOEXEC);
}

static void open_blocks(void)
{
	char path[512];
	struct thread *t;
	pthread_t host;
	void *host_fd;
	int fd = -1;

	snprintf(path, sizeof(path), "%s", in_dir("fifo"));
	t = thread_start(opener, &fd, ANY_CPU);
	tap_ok(await_blocked(t, "open"), "who opens a fifo gives up its virtual CPU");
	pthread_create(&host, NULL, host_opener, path);
	thread_end(t);
	pthread_join(host, &host_fd);
	close((int)(intptr_t)host_fd);
	close_file(fd);
}

void test_file(void)
{
	suite_directory(dir, sizeof(dir));
	errors();
	infos();
	rights();
	vectors();
	stream();
	sync_file();
	blocks();
	open_blocks();
	suite_remove(dir);
}
