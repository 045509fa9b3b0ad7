// SPDX-License-Identifier: BSD-2-Clause
/* Using a block device from a test */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

static void complete(void *cookie, struct hyp_blk_req *done)
{
	struct user *user = cookie;
	struct hyp_blk_req *next;

	pthread_mutex_lock(&user->lock);
	for (; done; done = next) {
		struct io *io = (struct io *)done;

		next = done->next;
		user->strays += ++io->ended > io->submitted;
		user->under_way--;
	}
	pthread_cond_broadcast(&user->ended);
	pthread_mutex_unlock(&user->lock);
}

void user_attach(struct user *user, struct hyp_blk *disk)
{
	memset(user, 0, sizeof(*user));
	user->disk = disk;
	pthread_mutex_init(&user->lock, NULL);
	pthread_cond_init(&user->ended, NULL);
	if (disk->ops->attach(disk, complete, user))
		tap_abort("a fresh device cannot be attached to");
}

void user_open(struct user *user, const char *spec, uint32_t flags)
{
	struct hyp_blk *disk;
	char error[512];

	if (hyp_blk_open(spec, flags, &disk, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
	user_attach(user, disk);
}

void user_close(struct user *user)
{
	user->disk->ops->detach(user->disk);
	user->disk->ops->close(user->disk);
	pthread_cond_destroy(&user->ended);
	pthread_mutex_destroy(&user->lock);
}

void user_submit(struct user *user, struct io *batch)
{
	struct hyp_blk_req *req;

	pthread_mutex_lock(&user->lock);
	for (req = &batch->req; req; req = req->next) {
		((struct io *)req)->submitted++;
		user->under_way++;
	}
	pthread_mutex_unlock(&user->lock);
	user->disk->ops->submit(user->disk, &batch->req);
}

/* Wait for one more completion, under the lock. Return: false when none came in 30 seconds */
static bool wait_one(struct user *user)
{
	unsigned int before = user->under_way;
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 30;
	return pthread_cond_timedwait(&user->ended, &user->lock, &limit) != ETIMEDOUT || user->under_way < before;
}

bool user_wait(struct user *user, unsigned int left)
{
	bool progress = true;

	pthread_mutex_lock(&user->lock);
	while (user->under_way > left && progress)
		progress = wait_one(user);
	pthread_mutex_unlock(&user->lock);
	return progress;
}

bool io_wait(struct user *user, struct io *io)
{
	bool progress = true;

	pthread_mutex_lock(&user->lock);
	while (io->ended < io->submitted && progress)
		progress = wait_one(user);
	pthread_mutex_unlock(&user->lock);
	return progress;
}

bool io_ended(struct user *user, struct io *io)
{
	bool ended;

	pthread_mutex_lock(&user->lock);
	ended = io->ended == io->submitted;
	pthread_mutex_unlock(&user->lock);
	return ended;
}

void io_prepare(struct io *io, uint16_t op, uint64_t offset, uint64_t length, void *memory, uint16_t flags)
{
	memset(io, 0, sizeof(*io));
	io->req.op = op;
	io->req.offset = offset;
	io->req.length = length;
	io->req.flags = flags;
	io->req.status = 1;
	if (!memory)
		return;
	io->iov[0].base = memory;
	io->iov[0].len = length;
	io->req.iov = io->iov;
	io->req.iovcnt = 1;
}

int user_run(struct user *user, uint16_t op, uint64_t offset, uint64_t length, void *memory, uint16_t flags)
{
	struct io io;

	io_prepare(&io, op, offset, length, memory, flags);
	user_submit(user, &io);
	if (!io_wait(user, &io))
		tap_abort("request %u at %llu never completes", op, (unsigned long long)offset);
	return io.req.status;
}

void *disk_memory(size_t size)
{
	void *memory = aligned_alloc(4096, (size + 4095) & ~4095UL);

	if (!memory)
		tap_abort("no memory");
	memset(memory, 0, size);
	return memory;
}

uint64_t test_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

void fill_pattern(void *memory, size_t size, uint64_t seed)
{
	uint64_t *words = memory;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = test_random(&seed);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static char directory[256];
static pid_t owner;

static void remove_all(void)
{
	if (getpid() == owner) /* not a forked child */
		nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_dir(void)
{
	const char *parent = getenv("TMPDIR");

	if (*directory)
		return directory;
	snprintf(directory, sizeof(directory), "%s/rumpus-test-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(directory))
		tap_abort("no scratch directory %s", directory);
	owner = getpid();
	atexit(remove_all);
	return directory;
}

void image_make(const char *path, size_t size, uint64_t seed)
{
	void *memory = disk_memory(size);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	fill_pattern(memory, size, seed);
	if (fd < 0 || write(fd, memory, size) != (ssize_t)size || close(fd))
		tap_abort("cannot write %s: %s", path, strerror(errno));
	free(memory);
}

void image_read(const char *path, void *memory, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, memory, size) != (ssize_t)size || close(fd))
		tap_abort("cannot read %s: %s", path, strerror(errno));
}

static bool image_direct(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

const char *spec_obstacle(const char *spec, const char *path)
{
	if (!BLK_URING && strstr(spec, "uring"))
		return "built without liburing";
	if (strstr(spec, "direct") && !image_direct(path))
		return "no direct I/O in the scratch directory";
	return NULL;
}
