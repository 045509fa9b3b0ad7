// SPDX-License-Identifier: BSD-2-Clause
/* Wrapper "ro": any device for reading alone */
#include <stdio.h>

#include "blk.h"

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct blk_wrapper *ro = (struct blk_wrapper *)disk;
	struct blk_list done = { 0 }, down = { 0 };
	struct hyp_blk_req *next;

	for (; batch; batch = next) {
		int error = blk_check(&disk->info, batch);

		next = batch->next;
		if (error)
			blk_list_end(&done, batch, error);
		else
			blk_list_add(&down, batch);
	}
	blk_complete(&ro->device, done.head);
	blk_forward(ro->lower, &down);
}

static void complete(void *cookie, struct hyp_blk_req *done)
{
	struct blk_wrapper *ro = cookie;

	blk_complete(&ro->device, done);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct blk_wrapper *ro = (const struct blk_wrapper *)disk;
	char below[512];

	ro->lower->ops->describe(ro->lower, below, sizeof(below));
	return snprintf(buf, size, "read-only %s", below);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "ro",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.poll = blk_wrapper_poll,
	.describe = describe,
	.close = blk_wrapper_close,
	.claim = blk_wrapper_claim,
};

static int ro_open(struct io_spec *spec, struct hyp_blk **disk)
{
	struct blk_wrapper *ro;
	int error = blk_wrapper_open(spec, spec->flags | HYP_BLK_OPEN_READ_ONLY, sizeof(*ro), &ops, complete, &ro);

	if (error)
		return error;
	ro->device.disk.info.caps &= (uint32_t)HYP_BLK_CAP_ROTATIONAL;
	ro->device.disk.info.caps |= HYP_BLK_CAP_READ_ONLY;
	ro->device.disk.info.discard_granularity = 0;
	ro->device.disk.info.max_discard = 0;
	*disk = &ro->device.disk;
	return 0;
}

static const char *const keys[] = { NULL };

extern const struct blk_backend blk_backend_ro;
const struct blk_backend blk_backend_ro = {
	.about = { .name = "ro", .keys = keys, .help = "ro:SPEC" },
	.open = ro_open,
};
