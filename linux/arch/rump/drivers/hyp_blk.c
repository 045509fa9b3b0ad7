// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices over hypercalls, the kernel half of rumpus/hyp_blk.h
 *
 * Requests go to the backend in the batches that the block layer makes. Completions come on any thread: they are put on
 * the disk's list, and an interrupt takes them from there, so that a virtual CPU never waits for the host.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include "../kernel/carry.h"
#include "tree.h"

#define DISK_MINORS 16
#define MAX_DISKS 4096
#define MAX_DEPTH 128
#define MAX_SEGMENTS 256

/**
 * struct disk - one attached device
 * @hyp:       host half
 * @gendisk:   block layer's half
 * @tags:      its requests
 * @done:      completed requests, newest first, linked by hyp_blk_req.next
 * @in_flight: requests that are with the backend
 * @cpu:       virtual CPU that takes the completions
 * @irq:       its interrupt there
 * @index:     in the name
 * @removing:  it is on its way out, for nobody to open or remove; under the gendisk's open_mutex
 * @link:      in the list of disks
 */
struct disk {
	struct hyp_blk *hyp;
	struct gendisk *gendisk;
	struct blk_mq_tag_set tags;
	struct hyp_blk_req *done;
	atomic_t in_flight;
	struct rump_cpu *cpu;
	int irq;
	int index;
	bool removing;
	struct list_head link;
};

/* What a request of the block layer carries for us. */
struct disk_request {
	struct hyp_blk_req hyp;
	struct hyp_iovec iov[];
};

static DEFINE_MUTEX(disks_lock); /* guards disks */
static LIST_HEAD(disks);
static int disk_major;
static DEFINE_IDA(disk_indexes);
static int disk_irq = -ENODEV; /* until disk_init() has succeeded */

/* ---- completion ---- */

/* The upcall: on any thread. */
static void complete_upcall(void *cookie, struct hyp_blk_req *list)
{
	struct disk *disk = cookie;
	int n = 0;

	while (list) {
		struct hyp_blk_req *req = list, *head = READ_ONCE(disk->done);

		list = req->next;
		n++;
		do {
			req->next = head;
		} while (!try_cmpxchg(&disk->done, &head, req));
	}
	atomic_sub(n, &disk->in_flight);
	rump_raise(disk->cpu, disk->irq);
}

static blk_status_t status_of(int error)
{
	return error ? errno_to_blk_status(error) : BLK_STS_OK;
}

static void complete_requests(struct disk *disk)
{
	struct hyp_blk_req *list = xchg(&disk->done, NULL), *oldest_first = NULL;

	while (list) {
		struct hyp_blk_req *req = list;

		list = req->next;
		req->next = oldest_first;
		oldest_first = req;
	}
	while (oldest_first) {
		struct hyp_blk_req *req = oldest_first;

		oldest_first = req->next;
		blk_mq_end_request(blk_mq_rq_from_pdu(container_of(req, struct disk_request, hyp)),
				   status_of(req->status));
	}
}

/* All disks share the interrupt: there are few bits, and few disks at a time. */
static irqreturn_t disk_interrupt(int irq, void *arg)
{
	struct disk *disk;

	rcu_read_lock();
	list_for_each_entry_rcu(disk, &disks, link)
		if (READ_ONCE(disk->done))
			complete_requests(disk);
	rcu_read_unlock();
	return IRQ_HANDLED;
}

/* ---- submission ---- */

static u32 gather(struct request *rq, struct hyp_iovec *iov)
{
	struct req_iterator iter;
	struct bio_vec bv;
	u32 n = 0;

	rq_for_each_segment(bv, rq, iter) {
		char *base = page_address(bv.bv_page) + bv.bv_offset;

		/* The linear map is one piece: what is next to each other in it needs no piece of its own. */
		if (n && (char *)iov[n - 1].base + iov[n - 1].len == base) {
			iov[n - 1].len += bv.bv_len;
			continue;
		}
		iov[n++] = (struct hyp_iovec){ .base = base, .len = bv.bv_len };
	}
	return n;
}

static blk_status_t prepare(struct request *rq)
{
	struct disk_request *req = blk_mq_rq_to_pdu(rq);

	req->hyp = (struct hyp_blk_req){ .offset = blk_rq_pos(rq) << SECTOR_SHIFT, .length = blk_rq_bytes(rq) };
	switch (req_op(rq)) {
	case REQ_OP_READ:
		req->hyp.op = HYP_BLK_READ;
		break;
	case REQ_OP_WRITE:
		req->hyp.op = HYP_BLK_WRITE;
		break;
	case REQ_OP_FLUSH:
		req->hyp.op = HYP_BLK_FLUSH;
		req->hyp.offset = 0;
		req->hyp.length = 0;
		break;
	case REQ_OP_DISCARD:
		req->hyp.op = HYP_BLK_DISCARD;
		break;
	case REQ_OP_WRITE_ZEROES:
		req->hyp.op = HYP_BLK_WRITE_ZEROES;
		if (rq->cmd_flags & REQ_NOUNMAP)
			req->hyp.flags |= HYP_BLK_NO_UNMAP;
		break;
	default:
		return BLK_STS_NOTSUPP;
	}
	if (rq->cmd_flags & REQ_FUA)
		req->hyp.flags |= HYP_BLK_FUA;
	if (req->hyp.op <= HYP_BLK_WRITE) {
		req->hyp.iov = req->iov;
		req->hyp.iovcnt = gather(rq, req->iov);
	}
	return BLK_STS_OK;
}

/* A backend may complete at once, in complete_upcall(): not to be cut off, for it holds locks of its own. */
static void submit(struct disk *disk, struct hyp_blk_req *batch)
{
	rump_host_begin();
	disk->hyp->ops->submit(disk->hyp, batch);
	rump_host_end();
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data)
{
	struct disk *disk = hctx->queue->queuedata;
	struct request *rq = data->rq;
	struct disk_request *req = blk_mq_rq_to_pdu(rq);
	blk_status_t status = prepare(rq);

	if (status)
		return status;
	blk_mq_start_request(rq);
	atomic_inc(&disk->in_flight);
	submit(disk, &req->hyp);
	return BLK_STS_OK;
}

/* A plug's worth of requests, perhaps for several disks: what cannot be taken goes back for queue_rq(). */
static void queue_rqs(tree_requests *list)
{
	tree_requests requeue = TREE_REQUESTS_NONE;

	while (tree_requests_peek(list)) {
		struct disk *disk = tree_requests_peek(list)->q->queuedata;
		struct hyp_blk_req *batch = NULL, **tail = &batch;
		int n = 0;

		while (tree_requests_peek(list) && tree_requests_peek(list)->q->queuedata == disk) {
			struct request *rq = tree_requests_pop(list);
			struct disk_request *req = blk_mq_rq_to_pdu(rq);

			if (prepare(rq)) {
				tree_requests_add(&requeue, rq);
				continue;
			}
			blk_mq_start_request(rq);
			n++;
			*tail = &req->hyp;
			tail = &req->hyp.next;
		}
		atomic_add(n, &disk->in_flight);
		if (batch)
			submit(disk, batch);
	}
	*list = requeue;
}

static const struct blk_mq_ops disk_mq_ops = {
	.queue_rq = queue_rq,
	.queue_rqs = queue_rqs,
};

/* ---- attaching ---- */

static int disk_open(tree_opened *opened, tree_open_mode mode)
{
	struct disk *disk = tree_disk_of(opened)->private_data;

	return disk->removing ? -ENXIO : 0;
}

static const struct block_device_operations disk_fops = { .owner = THIS_MODULE, .open = disk_open };

static struct queue_limits limits_of(const struct hyp_blk_info *info)
{
	struct queue_limits limits = {
		.logical_block_size = info->logical_block,
		.physical_block_size = info->physical_block,
		.io_opt = info->optimal_io,
		.max_hw_sectors = min_t(u64, info->max_length >> SECTOR_SHIFT, UINT_MAX),
		.max_segments = min_t(u32, info->max_iov, MAX_SEGMENTS),
		.max_segment_size = UINT_MAX,
		.dma_alignment = info->mem_align - 1,
	};

	if (info->caps & HYP_BLK_CAP_DISCARD) {
		limits.max_hw_discard_sectors = min_t(u64, info->max_discard >> SECTOR_SHIFT, UINT_MAX);
		limits.discard_granularity = info->discard_granularity;
	}
	if (info->caps & HYP_BLK_CAP_WRITE_ZEROES)
		limits.max_write_zeroes_sectors = min_t(u64, info->max_discard >> SECTOR_SHIFT, UINT_MAX);
	return limits;
}

static unsigned int features_of(const struct hyp_blk_info *info)
{
	return (info->caps & HYP_BLK_CAP_FLUSH ? TREE_DISK_WRITE_CACHE : 0) |
	       (info->caps & HYP_BLK_CAP_FUA ? TREE_DISK_FUA : 0) |
	       (info->caps & HYP_BLK_CAP_ROTATIONAL ? TREE_DISK_ROTATIONAL : 0);
}

static bool info_is_sound(const struct hyp_blk_info *info)
{
	return is_power_of_2(info->logical_block) && info->logical_block >= SECTOR_SIZE &&
	       info->logical_block <= PAGE_SIZE && info->physical_block >= info->logical_block &&
	       is_power_of_2(info->mem_align) && info->mem_align <= PAGE_SIZE && info->queue_depth && info->max_iov && info->size &&
	       IS_ALIGNED(info->size, info->logical_block) && info->max_length >= PAGE_SIZE;
}

static int alloc_tags(struct disk *disk)
{
	const struct hyp_blk_info *info = &disk->hyp->info;

	disk->tags.ops = &disk_mq_ops;
	disk->tags.nr_hw_queues = 1;
	disk->tags.queue_depth = min_t(u32, info->queue_depth, MAX_DEPTH);
	disk->tags.numa_node = NUMA_NO_NODE;
	disk->tags.flags = BLK_MQ_F_SHOULD_MERGE;
	disk->tags.cmd_size = sizeof(struct disk_request) + min_t(u32, info->max_iov, MAX_SEGMENTS) * sizeof(struct hyp_iovec);
	return blk_mq_alloc_tag_set(&disk->tags);
}

static int add_gendisk(struct disk *disk)
{
	struct queue_limits limits = limits_of(&disk->hyp->info);
	struct gendisk *gendisk;
	int err;

	gendisk = tree_alloc_disk(&disk->tags, &limits, features_of(&disk->hyp->info), disk);
	if (IS_ERR(gendisk))
		return PTR_ERR(gendisk);
	disk->gendisk = gendisk;
	gendisk->major = disk_major;
	gendisk->first_minor = disk->index * DISK_MINORS;
	gendisk->minors = DISK_MINORS;
	gendisk->fops = &disk_fops;
	gendisk->private_data = disk;
	snprintf(gendisk->disk_name, DISK_NAME_LEN, "disk%d", disk->index);
	set_capacity(gendisk, disk->hyp->info.size >> SECTOR_SHIFT);
	set_disk_ro(gendisk, disk->hyp->info.caps & HYP_BLK_CAP_READ_ONLY);
	err = add_disk(gendisk);
	if (err)
		put_disk(gendisk);
	return err;
}

static void unlink_disk(struct disk *disk)
{
	mutex_lock(&disks_lock);
	list_del_rcu(&disk->link);
	mutex_unlock(&disks_lock);
	synchronize_rcu_expedited();
}

static long disk_add(void *arg)
{
	struct hyp_blk *hyp = arg;
	struct disk *disk;
	int err;

	if (disk_irq < 0)
		return disk_irq;
	if (!info_is_sound(&hyp->info))
		return -EINVAL;
	disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	if (!disk)
		return -ENOMEM;
	disk->hyp = hyp;
	disk->cpu = &rump_cpus[smp_processor_id()];
	disk->irq = disk_irq;
	disk->index = ida_alloc_max(&disk_indexes, MAX_DISKS - 1, GFP_KERNEL);
	err = disk->index;
	if (err < 0)
		goto free_disk;
	rump_host_begin();
	err = hyp->ops->attach(hyp, complete_upcall, disk);
	rump_host_end();
	if (err)
		goto free_index;
	rump_memory_await();
	err = alloc_tags(disk);
	if (err)
		goto detach;
	mutex_lock(&disks_lock);
	list_add_rcu(&disk->link, &disks);
	mutex_unlock(&disks_lock);
	err = add_gendisk(disk);
	if (!err)
		return disk->index;
	unlink_disk(disk);
	blk_mq_free_tag_set(&disk->tags);
detach:
	rump_host_begin();
	hyp->ops->detach(hyp);
	rump_host_end();
free_index:
	ida_free(&disk_indexes, disk->index);
free_disk:
	kfree(disk);
	return err;
}

/* Of several that want to remove a disk, one gets it: afterwards nobody else opens or removes it. */
static int claim(const struct hyp_blk *hyp, struct disk **out)
{
	struct disk *disk;
	int err = -ENOENT;

	mutex_lock(&disks_lock);
	list_for_each_entry(disk, &disks, link) {
		if (disk->hyp != hyp)
			continue;
		mutex_lock(&disk->gendisk->open_mutex);
		if (disk_openers(disk->gendisk)) {
			err = -EBUSY;
		} else if (!disk->removing) {
			disk->removing = true;
			*out = disk;
			err = 0;
		}
		mutex_unlock(&disk->gendisk->open_mutex);
		break;
	}
	mutex_unlock(&disks_lock);
	return err;
}

static long disk_remove(void *arg)
{
	struct disk *disk;
	int err = claim(arg, &disk);

	if (err)
		return err;
	del_gendisk(disk->gendisk);
	unlink_disk(disk);
	put_disk(disk->gendisk);
	blk_mq_free_tag_set(&disk->tags);
	rump_host_begin();
	disk->hyp->ops->detach(disk->hyp);
	rump_host_end();
	ida_free(&disk_indexes, disk->index);
	kfree(disk);
	return 0;
}

static int __init disk_init(void)
{
	int irq = rump_irq_alloc(), err;

	if (irq < 0)
		return irq;
	disk_major = register_blkdev(0, "hyp_blk");
	if (disk_major < 0)
		return disk_major;
	err = request_irq(irq, disk_interrupt, IRQF_PERCPU, "hyp_blk", &disks);
	if (!err)
		disk_irq = irq;
	return err;
}
device_initcall(disk_init);

/* ---- host side ---- */

int rump_disk_add(struct rumpus_image_thread *thread, struct hyp_blk *hyp, char name[32])
{
	const long args[6] = { (long)disk_add, (long)hyp };
	long index = rump_caller_call(thread, RUMP_CALL_FUNCTION, args);

	if (index < 0)
		return index;
	snprintf(name, 32, "disk%ld", index);
	return 0;
}

int rump_disk_remove(struct rumpus_image_thread *thread, struct hyp_blk *hyp)
{
	const long args[6] = { (long)disk_remove, (long)hyp };

	return rump_caller_call(thread, RUMP_CALL_FUNCTION, args);
}

/**
 * rump_disks_quiesce() - the kernel has ended: wait for what backends still have of its memory, let go of them
 */
void rump_disks_quiesce(void)
{
	struct disk *disk;

	list_for_each_entry(disk, &disks, link) {
		while (atomic_read(&disk->in_flight)) {
			if (disk->hyp->ops->poll)
				disk->hyp->ops->poll(disk->hyp);
			rump_hyp->yield(rump_instance);
		}
		disk->hyp->ops->detach(disk->hyp);
	}
}
