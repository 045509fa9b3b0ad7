/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that run requests which may block; all exist from blk_pool_create() on */
#ifndef IO_BLK_POOL_H
#define IO_BLK_POOL_H

#include <pthread.h>

#include "blk.h"

struct blk_pool;

/** BLK_POOL_LANES - separate queues, each with threads of its own */
#define BLK_POOL_LANES 2

/**
 * blk_pool_create() - start threads
 * @threads: how many for each lane
 * @run:     executes and completes one request
 * @owner:   its first argument
 * Return: 0, -HYP_ENOMEM, -HYP_EAGAIN
 */
int blk_pool_create(const unsigned int threads[BLK_POOL_LANES], void (*run)(void *owner, struct hyp_blk_req *req),
		    void *owner, struct blk_pool **pool);

/** blk_pool_submit() - queue a list on a lane, first come, first served; any thread; nothing when it is empty */
void blk_pool_submit(struct blk_pool *pool, unsigned int lane, const struct blk_list *list);

/** blk_pool_destroy() - end the threads; nothing is queued any more; blocks */
void blk_pool_destroy(struct blk_pool *pool);

#endif
