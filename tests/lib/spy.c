// SPDX-License-Identifier: BSD-2-Clause
/* A disk that looks whether the memory of its requests is the program's own: whether somebody copied. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "spy.h"
#include "tap.h"

/**
 * struct spy - the device
 * @disk:  towards the kernel
 * @lower: what it stands on; the kernel attaches to that directly, as requests go down unchanged
 * @watched: memory of the program
 * @requests, @same: what was seen
 *
 * One thread makes calls, so that the kernel does not submit while the counts are read.
 */
struct spy {
	struct hyp_blk disk;
	struct hyp_blk *lower;
	volatile unsigned char *watched;
	unsigned int requests, same;
};

static int attach(struct hyp_blk *disk, hyp_blk_complete_fn *complete, void *cookie)
{
	struct spy *spy = (struct spy *)disk;

	return spy->lower->ops->attach(spy->lower, complete, cookie);
}

static void detach(struct hyp_blk *disk)
{
	struct spy *spy = (struct spy *)disk;

	spy->lower->ops->detach(spy->lower);
}

/* What changes in the one changes in the other. */
static bool is_same_memory(volatile unsigned char *a, volatile unsigned char *b)
{
	const unsigned char before = *a, other = before ^ 0xff;
	bool same = *b == before;

	*a = other;
	same &= *b == other;
	*a = before;
	return same;
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct spy *spy = (struct spy *)disk;
	const struct hyp_blk_req *req;

	for (req = batch; req && spy->watched; req = req->next)
		if (req->op == HYP_BLK_READ || req->op == HYP_BLK_WRITE) {
			spy->requests++;
			spy->same += is_same_memory(spy->watched, req->iov[0].base);
		}
	spy->lower->ops->submit(spy->lower, batch);
}

static uint32_t poll(struct hyp_blk *disk)
{
	struct spy *spy = (struct spy *)disk;

	return spy->lower->ops->poll ? spy->lower->ops->poll(spy->lower) : 0;
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	return snprintf(buf, size, "spy");
}

static void spy_close(struct hyp_blk *disk)
{
	struct spy *spy = (struct spy *)disk;

	spy->lower->ops->close(spy->lower);
	free(spy);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "spy",
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.poll = poll,
	.describe = describe,
	.close = spy_close,
};

struct hyp_blk *spy_open(unsigned long size)
{
	struct spy *spy = calloc(1, sizeof(*spy));
	char spec[64], error[256];

	snprintf(spec, sizeof(spec), "mem,size=%lu:", size);
	if (!spy || hyp_blk_open(spec, 0, &spy->lower, error, sizeof(error)) != 0)
		tap_abort("%s: %s", spec, spy ? error : "no memory");
	spy->disk = (struct hyp_blk){ .ops = &ops, .info = spy->lower->info };
	return &spy->disk;
}

void spy_watch(struct hyp_blk *disk, unsigned char *buffer)
{
	struct spy *spy = (struct spy *)disk;

	spy->watched = buffer;
	spy->requests = 0;
	spy->same = 0;
}

unsigned int spy_result(struct hyp_blk *disk, unsigned int *requests)
{
	const struct spy *spy = (const struct spy *)disk;

	*requests = spy->requests;
	return spy->same;
}
