// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": flushes and FUA reach the host's kernel, shown by standing between the two (linked with --wrap) */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

#define IMAGE_SIZE (4U << 20)
#define BLOCK 4096U

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length);

static _Atomic unsigned int syncs, durable_writes, plain_writes;
static _Atomic int sync_errno; /* what fdatasync() is to fail with; 0: nothing */
static _Atomic bool hold_sync; /* it stops at @held until @go */
static _Atomic bool short_writes;
static _Atomic bool no_fallocate;
static _Atomic bool no_dsync;
static sem_t held, go;

int __wrap_fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	if (atomic_exchange(&hold_sync, false)) {
		sem_post(&held);
		sem_wait(&go);
	}
	if (sync_errno) {
		errno = sync_errno;
		return -1;
	}
	return __real_fdatasync(fd);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	if (no_dsync && flags & RWF_DSYNC) {
		errno = EOPNOTSUPP;
		return -1;
	}
	atomic_fetch_add(flags & RWF_DSYNC ? &durable_writes : &plain_writes, 1);
	if (short_writes && iov[0].iov_len > 512) {
		struct iovec part = { iov[0].iov_base, 512 };

		return __real_pwritev2(fd, &part, 1, offset, flags);
	}
	return __real_pwritev2(fd, iov, count, offset, flags);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (!no_fallocate)
		return __real_fallocate(fd, mode, offset, length);
	errno = EOPNOTSUPP;
	return -1;
}

static int write_block(struct user *user, unsigned int block, uint16_t flags)
{
	void *memory = disk_memory(BLOCK);
	int status;

	fill_pattern(memory, BLOCK, block);
	status = user_run(user, HYP_BLK_WRITE, (uint64_t)block * BLOCK, BLOCK, memory, flags);
	free(memory);
	return status;
}

static int flush(struct user *user)
{
	return user_run(user, HYP_BLK_FLUSH, 0, 0, NULL, 0);
}

static void check_flush(const char *spec)
{
	unsigned int before;
	struct user user;

	user_open(&user, spec, 0);
	before = syncs;
	tap_ok(!flush(&user) && syncs == before + 1, "%s: the first flush reaches the host", spec);
	tap_ok(!write_block(&user, 1, 0) && syncs == before + 1, "%s: a write does not", spec);
	tap_ok(!flush(&user) && syncs == before + 2, "%s: a flush after it does", spec);
	tap_ok(!flush(&user) && syncs == before + 2, "%s: one with nothing to flush need not", spec);
	tap_ok(!user_run(&user, HYP_BLK_WRITE_ZEROES, 0, BLOCK, NULL, 0) && !flush(&user) && syncs == before + 3,
	       "%s: one after write-zeroes does", spec);
	tap_ok(!user_run(&user, HYP_BLK_WRITE_ZEROES, 0, BLOCK, NULL, HYP_BLK_FUA) && syncs == before + 4,
	       "%s: write-zeroes with FUA reaches stable storage", spec);
	user_close(&user);
}

static void check_fua(const char *spec)
{
	unsigned int before;
	struct user user;

	user_open(&user, spec, 0);
	before = durable_writes;
	tap_ok(!write_block(&user, 1, HYP_BLK_FUA) && durable_writes == before + 1, "%s: FUA is RWF_DSYNC", spec);
	short_writes = true;
	tap_ok(!write_block(&user, 2, HYP_BLK_FUA) && durable_writes == before + 1 + BLOCK / 512,
	       "%s: and so for every piece of a write that the host cuts", spec);
	short_writes = false;
	user_close(&user);
}

/* A host without RWF_DSYNC: the device must not promise what it would have to refuse */
static void check_no_fua(const char *spec)
{
	struct user user;

	no_dsync = true;
	user_open(&user, spec, 0);
	tap_ok(!(user.disk->info.caps & HYP_BLK_CAP_FUA) && user.disk->info.caps & HYP_BLK_CAP_FLUSH,
	       "%s: without RWF_DSYNC there is no FUA", spec);
	tap_ok(!write_block(&user, 1, 0) && !flush(&user), "%s: but writes and flushes", spec);
	user_close(&user);
	no_dsync = false;
}

/* A flush must not take the word of one that began before its writes were there */
static void check_overlap(const char *spec)
{
	struct io first, second;
	unsigned int before;
	struct user user;

	user_open(&user, spec, 0);
	write_block(&user, 1, 0);
	before = syncs;
	io_prepare(&first, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	io_prepare(&second, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	hold_sync = true;
	user_submit(&user, &first);
	while (sem_wait(&held))
		;
	tap_is(write_block(&user, 2, 0), 0, "%s: a write goes on beside a flush", spec);
	user_submit(&user, &second);
	sem_post(&go);
	tap_ok(user_wait(&user, 0) && !first.req.status && !second.req.status, "%s: both flushes complete", spec);
	tap_is(syncs, before + 2, "%s: the second has a sync of its own", spec);

	write_block(&user, 3, 0);
	hold_sync = true;
	user_submit(&user, &first);
	while (sem_wait(&held))
		;
	write_block(&user, 4, 0);
	sem_post(&go);
	tap_ok(user_wait(&user, 0) && !flush(&user) && syncs == before + 4,
	       "%s: a flush does not count for a write that completed while it ran", spec);
	user_close(&user);
}

/* A host file system that can neither punch nor zero */
static void check_by_hand(const char *spec)
{
	unsigned char *memory = disk_memory(IMAGE_SIZE), *zeroes = disk_memory(IMAGE_SIZE);
	struct user user;

	no_fallocate = true;
	user_open(&user, spec, 0);
	tap_ok(!(user.disk->info.caps & HYP_BLK_CAP_DISCARD) &&
		       user_run(&user, HYP_BLK_DISCARD, 0, BLOCK, NULL, 0) == -HYP_EOPNOTSUPP,
	       "%s: no discard where the host has none", spec);
	fill_pattern(memory, IMAGE_SIZE, 9);
	tap_is(user_run(&user, HYP_BLK_WRITE, 0, IMAGE_SIZE, memory, 0), 0, "%s: write", spec);
	tap_is(user_run(&user, HYP_BLK_WRITE_ZEROES, BLOCK, IMAGE_SIZE - 2 * BLOCK, NULL, 0), 0,
	       "%s: write-zeroes all the same", spec);
	memcpy(zeroes, memory, BLOCK);
	memcpy(zeroes + IMAGE_SIZE - BLOCK, memory + IMAGE_SIZE - BLOCK, BLOCK);
	tap_ok(!user_run(&user, HYP_BLK_READ, 0, IMAGE_SIZE, memory, 0) && !memcmp(memory, zeroes, IMAGE_SIZE),
	       "%s: zeroes there and nowhere else", spec);
	user_close(&user);
	no_fallocate = false;
	free(memory);
	free(zeroes);
}

static void check_failure(const char *spec)
{
	struct user user;

	user_open(&user, spec, 0);
	write_block(&user, 1, 0);
	sync_errno = EIO;
	tap_is(flush(&user), -HYP_EIO, "%s: a failed sync fails the flush", spec);
	sync_errno = 0;
	tap_is(flush(&user), -HYP_EIO, "%s: and later ones, as what was lost is unknown", spec);
	user_close(&user);
	user_open(&user, spec, 0);
	write_block(&user, 1, 0);
	tap_is(flush(&user), 0, "%s: but not those of the next user", spec);
	user_close(&user);
}

int main(void)
{
	static const char *const specs[] = {
		"file,engine=uring:%s",
		"file,engine=threads:%s",
		"file,engine=uring,direct=1:%s",
		"window,size=4M:file:%s",
	};
	char image[300], spec[400];
	unsigned int i;

	sem_init(&held, 0, 0);
	sem_init(&go, 0, 0);
	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	image_make(image, IMAGE_SIZE, 1);
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		snprintf(spec, sizeof(spec), specs[i], image);
		if (spec_obstacle(spec, image)) {
			tap_skip(1, "%s: %s", spec, spec_obstacle(spec, image));
			continue;
		}
		check_flush(spec);
		check_fua(spec);
		check_no_fua(spec);
		check_overlap(spec);
		check_failure(spec);
		check_by_hand(spec);
	}
	return tap_done();
}
