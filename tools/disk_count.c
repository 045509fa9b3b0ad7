// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: a disk that counts the requests that go through it */
#include <stdlib.h>

#include <rumpus/hyp_blk.h>

#include "command.h"

/**
 * struct counted - the disk
 * @complete, @cookie: its user's; set by attach(), before there are requests
 */
struct counted {
	struct hyp_blk disk;
	struct hyp_blk *lower;
	hyp_blk_complete_fn *complete;
	void *cookie;
	struct disk_count *count;
};

static uint64_t length(const struct hyp_blk_req *list)
{
	uint64_t n = 0;

	for (; list; list = list->next)
		n++;
	return n;
}

static void complete(void *cookie, struct hyp_blk_req *done)
{
	const struct counted *counted = cookie;

	/* First: afterwards they are the user's. */
	atomic_fetch_add_explicit(&counted->count->done, length(done), memory_order_relaxed);
	counted->complete(counted->cookie, done);
}

static int attach(struct hyp_blk *disk, hyp_blk_complete_fn *user, void *cookie)
{
	struct counted *counted = (struct counted *)disk;

	counted->complete = user;
	counted->cookie = cookie;
	return counted->lower->ops->attach(counted->lower, complete, counted);
}

static void detach(struct hyp_blk *disk)
{
	const struct counted *counted = (const struct counted *)disk;

	counted->lower->ops->detach(counted->lower);
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	const struct counted *counted = (const struct counted *)disk;

	atomic_fetch_add_explicit(&counted->count->taken, length(batch), memory_order_relaxed);
	counted->lower->ops->submit(counted->lower, batch);
}

static uint32_t poll_disk(struct hyp_blk *disk)
{
	const struct counted *counted = (const struct counted *)disk;

	return counted->lower->ops->poll ? counted->lower->ops->poll(counted->lower) : 0;
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct counted *counted = (const struct counted *)disk;

	return counted->lower->ops->describe(counted->lower, buf, size);
}

static int claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	const struct counted *counted = (const struct counted *)disk;
	struct hyp_blk *lower = counted->lower;

	return lower->ops->claim ? lower->ops->claim(lower, offset, size, error, error_size) : 0;
}

static void close_disk(struct hyp_blk *disk)
{
	struct counted *counted = (struct counted *)disk;

	counted->lower->ops->close(counted->lower);
	free(counted);
}

struct hyp_blk *disk_counted(struct hyp_blk *lower, struct disk_count *count)
{
	static const struct hyp_blk_ops ops = {
		.version = HYP_BLK_VERSION,
		.size = sizeof(ops),
		.name = "counted",
		.attach = attach,
		.detach = detach,
		.submit = submit,
		.poll = poll_disk,
		.describe = describe,
		.close = close_disk,
		.claim = claim,
	};
	struct counted *counted = malloc(sizeof(*counted));

	if (!counted)
		return NULL;
	*counted = (struct counted){ .disk = { .ops = &ops, .info = lower->info }, .lower = lower, .count = count };
	return &counted->disk;
}
