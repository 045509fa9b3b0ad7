/* SPDX-License-Identifier: BSD-2-Clause */
/* Using a block device from a test: a user that counts completions, synchronous requests, image files */
#ifndef TESTS_BLK_DISK_H
#define TESTS_BLK_DISK_H

#include <pthread.h>
#include <stdatomic.h>

#include <rumpus/hyp_blk.h>

/**
 * struct user - attached to a device
 * @disk:  the device
 * @lock, @ended: guard and announce completions
 * @under_way: requests submitted and not completed
 * @strays: completions of requests that were not under way
 */
struct user {
	struct hyp_blk *disk;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned int under_way;
	unsigned int strays;
};

/**
 * struct io - one request of a test
 * @req:       first, so that a completion leads back to it
 * @iov:       its memory
 * @submitted: set by user_submit()
 * @ended:     completions; under the user's lock
 */
struct io {
	struct hyp_blk_req req;
	struct hyp_iovec iov[16];
	unsigned int submitted;
	unsigned int ended;
};

/** user_open() - open a specification and attach; ends the test when that fails */
void user_open(struct user *user, const char *spec, uint32_t flags);

/** user_attach() - attach to a device that is open */
void user_attach(struct user *user, struct hyp_blk *disk);

/** user_close() - detach and close */
void user_close(struct user *user);

/** user_submit() - submit a batch linked by @req.next */
void user_submit(struct user *user, struct io *batch);

/** user_wait() - until at most @left requests are under way; false after 30 seconds without a completion */
bool user_wait(struct user *user, unsigned int left);

/** io_wait() - until this request has completed; false after 30 seconds without any completion */
bool io_wait(struct user *user, struct io *io);

/** io_ended() - has this request completed? */
bool io_ended(struct user *user, struct io *io);

/** io_prepare() - fill in a request with one piece of memory */
void io_prepare(struct io *io, uint16_t op, uint64_t offset, uint64_t length, void *memory, uint16_t flags);

/** user_run() - one request, with one piece of memory. Return: its status */
int user_run(struct user *user, uint16_t op, uint64_t offset, uint64_t length, void *memory, uint16_t flags);

/** disk_memory() - zeroed memory that suits O_DIRECT; free(3) it */
void *disk_memory(size_t size);

/** fill_pattern() - bytes that depend on @seed and on the place of each 8 of them */
void fill_pattern(void *memory, size_t size, uint64_t seed);

/** test_random() - the next number of a sequence, from *@state */
uint64_t test_random(uint64_t *state);

/** scratch_dir() - a directory that is removed at the end of the program */
const char *scratch_dir(void);

/** image_make() - write a file of a pattern in the scratch directory. Return: its path, static for each @name */
void image_make(const char *path, size_t size, uint64_t seed);

/** image_read() - a file's first @size bytes */
void image_read(const char *path, void *memory, size_t size);

/** spec_obstacle() - why a device of @spec over the image @path cannot be tested here, or NULL when it can */
const char *spec_obstacle(const char *spec, const char *path);

/** liar_open() - wrap a device so that it claims to flush, or to serve FUA, and does not */
struct hyp_blk *liar_open(struct hyp_blk *lower, bool flush, bool fua);

#endif
