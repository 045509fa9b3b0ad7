/* SPDX-License-Identifier: GPL-2.0-only */
/* The block layer as several versions of the tree have it: lists of requests, the limits of a queue, opening */
#ifndef _RUMP_DRIVERS_TREE_H
#define _RUMP_DRIVERS_TREE_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/version.h>

/** enum tree_disk_features - what limits do not say in every version */
enum tree_disk_features {
	TREE_DISK_WRITE_CACHE = 1,
	TREE_DISK_FUA = 2,
	TREE_DISK_ROTATIONAL = 4,
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)

typedef struct gendisk tree_opened;
typedef blk_mode_t tree_open_mode;

static inline struct gendisk *tree_disk_of(tree_opened *opened)
{
	return opened;
}

typedef struct rq_list tree_requests;

#define TREE_REQUESTS_NONE { }
#define tree_requests_peek rq_list_peek
#define tree_requests_pop rq_list_pop
#define tree_requests_add rq_list_add_tail

static inline struct gendisk *tree_alloc_disk(struct blk_mq_tag_set *tags, struct queue_limits *limits,
					      unsigned int features, void *data)
{
	limits->max_hw_sectors = min(limits->max_hw_sectors, BLK_DEF_MAX_SECTORS_CAP);
	if (features & TREE_DISK_WRITE_CACHE)
		limits->features |= BLK_FEAT_WRITE_CACHE;
	if (features & TREE_DISK_FUA)
		limits->features |= BLK_FEAT_FUA;
	if (features & TREE_DISK_ROTATIONAL)
		limits->features |= BLK_FEAT_ROTATIONAL;
	return blk_mq_alloc_disk(tags, limits, data);
}

#else

typedef struct block_device tree_opened;
typedef fmode_t tree_open_mode;

static inline struct gendisk *tree_disk_of(tree_opened *opened)
{
	return opened->bd_disk;
}

typedef struct request *tree_requests;

#define TREE_REQUESTS_NONE NULL

static inline struct request *tree_requests_peek(tree_requests *list)
{
	return *list;
}

static inline struct request *tree_requests_pop(tree_requests *list)
{
	struct request *rq = *list;

	*list = rq->rq_next;
	rq->rq_next = NULL;
	return rq;
}

static inline void tree_requests_add(tree_requests *list, struct request *rq)
{
	while (*list)
		list = &(*list)->rq_next;
	rq->rq_next = NULL;
	*list = rq;
}

static inline struct gendisk *tree_alloc_disk(struct blk_mq_tag_set *tags, struct queue_limits *limits,
					      unsigned int features, void *data)
{
	struct gendisk *disk = blk_mq_alloc_disk(tags, data);
	struct request_queue *q;

	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
	blk_queue_logical_block_size(q, limits->logical_block_size);
	blk_queue_physical_block_size(q, limits->physical_block_size);
	blk_queue_io_opt(q, limits->io_opt);
	blk_queue_max_hw_sectors(q, min(limits->max_hw_sectors, BLK_DEF_MAX_SECTORS));
	blk_queue_max_segments(q, limits->max_segments);
	blk_queue_max_segment_size(q, limits->max_segment_size);
	blk_queue_dma_alignment(q, limits->dma_alignment);
	if (limits->max_hw_discard_sectors) {
		q->limits.discard_granularity = limits->discard_granularity;
		blk_queue_max_discard_sectors(q, limits->max_hw_discard_sectors);
	}
	blk_queue_max_write_zeroes_sectors(q, limits->max_write_zeroes_sectors);
	blk_queue_write_cache(q, features & TREE_DISK_WRITE_CACHE, features & TREE_DISK_FUA);
	if (!(features & TREE_DISK_ROTATIONAL))
		blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	return disk;
}

#endif
#endif
