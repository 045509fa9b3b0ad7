// SPDX-License-Identifier: BSD-2-Clause
/* Mistakes in memory, files and block I/O */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mistakes.h"

enum { SECTOR = 512, BIO_SYNC = RUMPUSER_BIO_SYNC };

static int malloc_crooked(size_t size, int align, void **memory)
{
	int error = sound.malloc(size + 8, align, memory);

	if (!error)
		*memory = (char *)*memory + 8;
	return error;
}

static void free_crooked(void *memory, size_t size)
{
	sound.free((char *)memory - 8, size + 8);
}

static int malloc_stingy(size_t size, int align, void **memory)
{
	return sound.malloc(size < 64 ? size : size / 2, align, memory);
}

static int malloc_never_fails(size_t size, int align, void **memory)
{
	return sound.malloc(size, align, memory) ? 0 : 0;
}

static void free_nothing(void *memory, size_t size)
{
}

static int map_dirty(void *preferred, size_t size, int bit, int exec, void **memory)
{
	int error = sound.anonmmap(preferred, size, bit, exec, memory);

	if (!error)
		*((char *)*memory + size - 1) = 1;
	return error;
}

static int map_unaligned(void *preferred, size_t size, int bit, int exec, void **memory)
{
	int error = sound.anonmmap(preferred, size + 2048, bit, exec, memory);

	if (!error)
		*memory = (char *)*memory + 2048;
	return error;
}

static int map_data(void *preferred, size_t size, int bit, int exec, void **memory)
{
	return sound.anonmmap(preferred, size, bit, 0, memory);
}

static int map_code(void *preferred, size_t size, int bit, int exec, void **memory)
{
	return sound.anonmmap(preferred, size, bit, 1, memory);
}

static int map_fixed(void *preferred, size_t size, int bit, int exec, void **memory)
{
	if (!preferred)
		return sound.anonmmap(preferred, size, bit, exec, memory);
	*memory = mmap(preferred, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return 0;
}

static void unmap_nothing(void *memory, size_t size)
{
}

static int open_shared(const char *path, int flags, int *fd)
{
	return sound.open(path, flags & ~RUMPUSER_OPEN_EXCL, fd);
}

static int open_creates_not(const char *path, int flags, int *fd)
{
	return sound.open(path, flags & ~(RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL), fd);
}

static int open_always_rdwr(const char *path, int flags, int *fd)
{
	return sound.open(path, (flags & ~RUMPUSER_OPEN_ACCMODE) | RUMPUSER_OPEN_RDWR, fd);
}

static int open_host_errno(const char *path, int flags, int *fd)
{
	int error = sound.open(path, flags, fd);

	return error == NB_ENAMETOOLONG ? 36 : error;
}

static int open_keeps(const char *path, int flags, int *fd)
{
	int error;

	twist = KEEPS;
	error = sound.open(path, flags, fd);
	twist = UPRIGHT;
	return error;
}

static int info_all_regular(const char *path, uint64_t *size, int *type)
{
	int error = sound.getfileinfo(path, size, type);

	if (!error && type)
		*type = RUMPUSER_FT_REG;
	return error;
}

static int info_size_and_type(const char *path, uint64_t *size, int *type)
{
	uint64_t no_size;
	int no_type, error = sound.getfileinfo(path, size ? size : &no_size, type ? type : &no_type);

	if (!error && !size != !type)
		abort(); /* as a store to NULL */
	return error;
}

static int read_anywhere(int fd, struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	return sound.iovread(fd, iov, n, RUMPUSER_IOV_NOSEEK, done);
}

static int read_start(int fd, struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	return sound.iovread(fd, iov, n, offset == RUMPUSER_IOV_NOSEEK ? 0 : offset, done);
}

static int read_all_done(int fd, struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	int error = sound.iovread(fd, iov, n, offset, done);
	size_t i;

	for (*done = 0, i = 0; i < n; i++)
		*done += iov[i].iov_len;
	return error;
}

static int read_keeps(int fd, struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	int error;

	twist = KEEPS;
	error = sound.iovread(fd, iov, n, offset, done);
	twist = UPRIGHT;
	return error;
}

static int write_first(int fd, const struct rumpuser_iovec *iov, size_t n, int64_t offset, size_t *done)
{
	return sound.iovwrite(fd, iov, 1, offset, done);
}

/**
 * struct wrong_bio - a transfer with a wrong end
 */
struct wrong_bio {
	rump_biodone_fn done;
	void *arg;
	void (*end)(struct wrong_bio *w, size_t done, int error);
};

static void wrong_end(void *arg, size_t done, int error)
{
	struct wrong_bio *w = arg;

	w->end(w, done, error);
	free(w);
}

static void begin(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg,
		  void (*end)(struct wrong_bio *w, size_t done, int error))
{
	struct wrong_bio *w = malloc(sizeof(*w));

	*w = (struct wrong_bio){ done, arg, end };
	sound.bio(fd, op, data, size, offset, wrong_end, w);
}

static void end_outside(struct wrong_bio *w, size_t done, int error)
{
	int n = 0;

	up.hyp_backend_unschedule(0, &n, NULL);
	w->done(w->arg, done, error);
	up.hyp_backend_schedule(n, NULL);
}

static void bio_outside(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op, data, size, offset, done, arg, end_outside);
}

static void end_twice(struct wrong_bio *w, size_t done, int error)
{
	w->done(w->arg, done, error);
	w->done(w->arg, done, error);
}

static void bio_twice(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op, data, size, offset, done, arg, end_twice);
}

static void end_seldom(struct wrong_bio *w, size_t done, int error)
{
	if (!every(100))
		w->done(w->arg, done, error);
}

static void bio_seldom(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op, data, size, offset, done, arg, end_seldom);
}

static void end_fine(struct wrong_bio *w, size_t done, int error)
{
	w->done(w->arg, done, 0);
}

static void bio_fine(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op, data, size, offset, done, arg, end_fine);
}

static void end_empty(struct wrong_bio *w, size_t done, int error)
{
	w->done(w->arg, 0, error);
}

static void bio_empty(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op, data, size, offset, done, arg, end_empty);
}

static void end_of_nothing(void *arg, size_t done, int error)
{
}

/* Says that it is done when it has only begun. */
static void bio_early(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	done(arg, size, 0);
	sound.bio(fd, op, data, size, offset, end_of_nothing, NULL);
}

static void bio_elsewhere(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	sound.bio(fd, op, data, size, offset ^ SECTOR, done, arg);
}

static void bio_cached(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	sound.bio(fd, op & ~BIO_SYNC, data, size, offset, done, arg);
}

/* Flushes, but does not wait for it. */
static void end_flushed(struct wrong_bio *w, size_t done, int error)
{
	w->done(w->arg, done, error);
}

static void bio_flushed_later(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn done, void *arg)
{
	begin(fd, op & ~BIO_SYNC, data, size, offset, done, arg, end_flushed);
	if (op & BIO_SYNC)
		sound.bio(fd, op, data, size, offset, end_of_nothing, NULL);
}

static int sync_nothing(int fd, int flags, uint64_t start, uint64_t size)
{
	return 0;
}

static int newlwp_nothing(pid_t pid)
{
	return 0;
}

static int init_without_lwp(int version, const struct rumpuser_hyperup *upcalls)
{
	struct rumpuser_hyperup table = *upcalls;

	table.hyp_lwproc_newlwp = newlwp_nothing;
	return sound.init(version, &table);
}

const struct mistake io_mistakes[] = {
	{ "malloc: not aligned", "memory", { .malloc = malloc_crooked, .free = free_crooked } },
	{ "malloc: less than was asked for", "memory", { .malloc = malloc_stingy } },
	{ "malloc: never fails", "memory", { .malloc = malloc_never_fails } },
	{ "free: nothing", "memory", { .free = free_nothing } },
	{ "anonmmap: not zero", "memory", { .anonmmap = map_dirty } },
	{ "anonmmap: not aligned to a page", "memory", { .anonmmap = map_unaligned } },
	{ "anonmmap: never executable", "memory", { .anonmmap = map_data } },
	{ "anonmmap: always executable", "memory", { .anonmmap = map_code } },
	{ "anonmmap: a wish replaces what is there", "memory", { .anonmmap = map_fixed } },
	{ "unmap: nothing", "memory", { .unmap = unmap_nothing } },
	{ "open: EXCL does nothing", "file", { .open = open_shared } },
	{ "open: CREATE does nothing", "file", { .open = open_creates_not } },
	{ "open: always for both", "file", { .open = open_always_rdwr } },
	{ "open: the host's errno", "file", { .open = open_host_errno } },
	{ "open: keeps the virtual CPU", "file", { .open = open_keeps } },
	{ "getfileinfo: all is regular", "file", { .getfileinfo = info_all_regular } },
	{ "getfileinfo: stores where it must not", "file", { .getfileinfo = info_size_and_type } },
	{ "iovread: ignores the offset", "file", { .iovread = read_anywhere } },
	{ "iovread: a stream does not go on", "file", { .iovread = read_start } },
	{ "iovread: a short read is not told", "file", { .iovread = read_all_done } },
	{ "iovread: keeps the virtual CPU", "file", { .iovread = read_keeps } },
	{ "iovwrite: the first piece alone", "file", { .iovwrite = write_first } },
	{ "bio: the callback has no virtual CPU", "bio", { .bio = bio_outside } },
	{ "bio: the callback has no lwp", "bio", { .init = init_without_lwp } },
	{ "bio: ends twice", "bio", { .bio = bio_twice } },
	{ "bio: does not end now and then", "bio-load", { .bio = bio_seldom } },
	{ "bio: errors are not told", "bio", { .bio = bio_fine } },
	{ "bio: the bytes are not counted", "bio", { .bio = bio_empty } },
	{ "bio: ends when it begins", "bio-load", { .bio = bio_early } },
	{ "bio: elsewhere on the disk", "bio", { .bio = bio_elsewhere } },
	{ "bio: SYNC does nothing", "sync", { .bio = bio_cached } },
	{ "bio: SYNC is not waited for", "sync", { .bio = bio_flushed_later } },
	{ "syncfd: nothing", "sync", { .syncfd = sync_nothing } },
	{ "bio: ends when it begins", "load", { .bio = bio_early } },
	{ NULL, NULL, { NULL } },
};
