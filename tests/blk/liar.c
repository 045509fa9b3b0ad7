// SPDX-License-Identifier: BSD-2-Clause
/* A wrapper that lies: it claims to flush, or to serve FUA, and does not. Tests of durability must find out. */
#include <stdlib.h>

#include "disk.h"
#include "../tap.h"

/**
 * struct liar - the wrapper
 * @disk:  towards the user
 * @lower: what it stands on; attached to by the user directly, as the requests go down unchanged
 * @flush: lies about flushes
 * @fua:   lies about FUA
 * @complete, @cookie: the user's
 */
struct liar {
	struct hyp_blk disk;
	struct hyp_blk *lower;
	bool flush, fua;
	hyp_blk_complete_fn *complete;
	void *cookie;
};

static int attach(struct hyp_blk *disk, hyp_blk_complete_fn *complete, void *cookie)
{
	struct liar *liar = (struct liar *)disk;

	liar->complete = complete;
	liar->cookie = cookie;
	return liar->lower->ops->attach(liar->lower, complete, cookie);
}

static void detach(struct hyp_blk *disk)
{
	struct liar *liar = (struct liar *)disk;

	liar->lower->ops->detach(liar->lower);
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct liar *liar = (struct liar *)disk;
	struct hyp_blk_req *req, *next;

	for (req = batch; req; req = next) {
		next = req->next;
		req->next = NULL;
		if (liar->fua)
			req->flags &= (uint16_t)~HYP_BLK_FUA;
		if (liar->flush && req->op == HYP_BLK_FLUSH) {
			req->status = 0;
			liar->complete(liar->cookie, req);
		} else {
			liar->lower->ops->submit(liar->lower, req);
		}
	}
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct liar *liar = (const struct liar *)disk;

	return liar->lower->ops->describe(liar->lower, buf, size);
}

static void liar_close(struct hyp_blk *disk)
{
	struct liar *liar = (struct liar *)disk;

	liar->lower->ops->close(liar->lower);
	free(liar);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "liar",
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.describe = describe,
	.close = liar_close,
};

struct hyp_blk *liar_open(struct hyp_blk *lower, bool flush, bool fua)
{
	struct liar *liar = calloc(1, sizeof(*liar));

	if (!liar)
		tap_abort("no memory");
	*liar = (struct liar){
		.disk = { .ops = &ops, .info = lower->info }, .lower = lower, .flush = flush, .fua = fua
	};
	return &liar->disk;
}
