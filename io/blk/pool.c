// SPDX-License-Identifier: BSD-2-Clause
/* Threads that run requests which may block */
#include <stdlib.h>

#include "../thread.h"
#include "pool.h"

/**
 * struct lane - a queue and its threads
 * @pool:    that it belongs to
 * @lock:    guards all below
 * @work:    signalled when there is something in @queue and someone @idle, or at the end
 * @queue:   requests that nobody has taken yet
 * @idle:    threads that wait for @work
 * @stop:    the threads end
 * @count:   of @threads; constant once they run
 * @threads: to join
 */
struct lane {
	struct blk_pool *pool;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct blk_list queue;
	unsigned int idle;
	bool stop;
	unsigned int count;
	pthread_t *threads;
};

/**
 * struct blk_pool - the threads
 * @run:   executes a request
 * @owner: its first argument
 */
struct blk_pool {
	void (*run)(void *owner, struct hyp_blk_req *req);
	void *owner;
	struct lane lanes[BLK_POOL_LANES];
};

static void *work(void *arg)
{
	struct lane *lane = arg;
	struct hyp_blk_req *req;

	pthread_mutex_lock(&lane->lock);
	for (;;) {
		req = blk_list_take(&lane->queue);
		if (!req) {
			if (lane->stop)
				break;
			lane->idle++;
			pthread_cond_wait(&lane->work, &lane->lock);
			lane->idle--;
			continue;
		}
		pthread_mutex_unlock(&lane->lock);
		lane->pool->run(lane->pool->owner, req);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

void blk_pool_submit(struct blk_pool *pool, unsigned int index, const struct blk_list *list)
{
	struct lane *lane = &pool->lanes[index];
	struct hyp_blk_req *req, *next;
	unsigned int added = 0, wake;

	if (!list->head)
		return;
	pthread_mutex_lock(&lane->lock);
	for (req = list->head; req; req = next) {
		next = req->next;
		blk_list_add(&lane->queue, req);
		added++;
	}
	wake = added < lane->idle ? added : lane->idle;
	pthread_mutex_unlock(&lane->lock);
	while (wake--)
		pthread_cond_signal(&lane->work);
}

static void stop_lane(struct lane *lane)
{
	unsigned int i;

	pthread_mutex_lock(&lane->lock);
	lane->stop = true;
	pthread_cond_broadcast(&lane->work);
	pthread_mutex_unlock(&lane->lock);
	for (i = 0; i < lane->count; i++)
		pthread_join(lane->threads[i], NULL);
	free(lane->threads);
	pthread_cond_destroy(&lane->work);
	pthread_mutex_destroy(&lane->lock);
}

void blk_pool_destroy(struct blk_pool *pool)
{
	unsigned int i;

	for (i = 0; i < BLK_POOL_LANES; i++)
		stop_lane(&pool->lanes[i]);
	free(pool);
}

static int start_lane(struct lane *lane, unsigned int threads)
{
	int error = 0;

	if (!threads)
		return 0;
	lane->threads = calloc(threads, sizeof(*lane->threads));
	if (!lane->threads)
		return -HYP_ENOMEM;
	while (!error && lane->count < threads) {
		error = io_thread_create(&lane->threads[lane->count], "rumpus-blk", work, lane);
		lane->count += !error;
	}
	return error;
}

int blk_pool_create(const unsigned int threads[BLK_POOL_LANES], void (*run)(void *owner, struct hyp_blk_req *req),
		    void *owner, struct blk_pool **pool)
{
	struct blk_pool *made = calloc(1, sizeof(*made));
	unsigned int i;
	int error = 0;

	if (!made)
		return -HYP_ENOMEM;
	made->run = run;
	made->owner = owner;
	for (i = 0; i < BLK_POOL_LANES; i++) {
		made->lanes[i].pool = made;
		pthread_mutex_init(&made->lanes[i].lock, NULL);
		pthread_cond_init(&made->lanes[i].work, NULL);
	}
	for (i = 0; i < BLK_POOL_LANES && !error; i++)
		error = start_lane(&made->lanes[i], threads[i]);
	if (error) {
		blk_pool_destroy(made);
		return error;
	}
	*pool = made;
	return 0;
}
