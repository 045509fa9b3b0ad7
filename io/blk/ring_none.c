// SPDX-License-Identifier: BSD-2-Clause
/* Built without liburing (URING=no): there is no ring, and the backend "file" has its threads. */
#include "ring.h"

int blk_ring_create(int fd, unsigned int depth, void (*finish)(void *owner, struct hyp_blk_req *req, int result),
		    void (*flush)(void *owner), void *owner, struct blk_ring **ring)
{
	return -HYP_ENOSYS;
}

/* Nothing is ever queued, for there is no ring to queue it on. */
void blk_ring_submit(struct blk_ring *ring, const struct blk_list *list)
{
}

void blk_ring_destroy(struct blk_ring *ring)
{
}
