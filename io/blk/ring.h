/* SPDX-License-Identifier: BSD-2-Clause */
/* An io_uring with one thread of its own, for reads and writes of one file */
#ifndef IO_BLK_RING_H
#define IO_BLK_RING_H

#include "blk.h"

struct blk_ring;

/**
 * blk_ring_create() - make a ring for a file and start its thread
 * @fd:     the file; stays open until blk_ring_destroy()
 * @depth:  requests under way at most
 * @finish: called on the ring's thread for each ended request with what preadv(2) returned, or a negative errno
 * @flush:  called on the ring's thread after a series of @finish
 * @owner:  first argument of both
 *
 * The ring is restricted to reads and writes of open files before anything is submitted, and uses no system call but
 * io_uring_enter(2), and write(2) to its event descriptor, from then on. So it can be kept in a sandbox, whose filter
 * cannot see what goes through a ring.
 * Return: 0, -HYP_ENOSYS when the host has no io_uring that is good enough, or does not permit it
 */
int blk_ring_create(int fd, unsigned int depth, void (*finish)(void *owner, struct hyp_blk_req *req, int result),
		    void (*flush)(void *owner), void *owner, struct blk_ring **ring);

/** blk_ring_submit() - queue a list of reads and writes; any thread; nothing when it is empty */
void blk_ring_submit(struct blk_ring *ring, const struct blk_list *list);

/** blk_ring_destroy() - end the thread and free the ring; nothing is under way; blocks */
void blk_ring_destroy(struct blk_ring *ring);

#endif
