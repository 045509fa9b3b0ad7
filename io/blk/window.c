// SPDX-License-Identifier: BSD-2-Clause
/* Wrapper "window": a part of any device, as a partition is */
#include <inttypes.h>
#include <stdio.h>

#include "blk.h"

/**
 * struct window - the wrapper
 * @base:   what it stands on
 * @offset: of its first byte there
 */
struct window {
	struct blk_wrapper base;
	uint64_t offset;
};

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct window *window = (struct window *)disk;
	struct blk_list done = { 0 }, down = { 0 };
	struct hyp_blk_req *next;

	for (; batch; batch = next) {
		int error = blk_check(&disk->info, batch);

		next = batch->next;
		if (error) {
			blk_list_end(&done, batch, error);
			continue;
		}
		/* The request is ours until it completes: it goes down as it is, and complete() shifts it back. */
		batch->offset += window->offset;
		blk_list_add(&down, batch);
	}
	blk_complete(&window->base.device, done.head);
	blk_forward(window->base.lower, &down);
}

static void complete(void *cookie, struct hyp_blk_req *done)
{
	struct window *window = cookie;
	struct hyp_blk_req *req;

	for (req = done; req; req = req->next)
		req->offset -= window->offset;
	blk_complete(&window->base.device, done);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct window *window = (const struct window *)disk;
	char below[512];

	window->base.lower->ops->describe(window->base.lower, below, sizeof(below));
	return snprintf(buf, size, "window of %" PRIu64 " bytes at %" PRIu64 " of %s", disk->info.size, window->offset,
			below);
}

static int claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	struct window *window = (struct window *)disk;
	int result = blk_check_claim(&disk->info, offset, size, error, error_size);

	return result ? result : blk_claim(window->base.lower, window->offset + offset, size, error, error_size);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "window",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.poll = blk_wrapper_poll,
	.describe = describe,
	.close = blk_wrapper_close,
	.claim = claim,
};

static int place(struct io_spec *spec, struct window *window)
{
	struct hyp_blk_info *info = &window->base.device.disk.info;
	uint64_t offset = 0, size, most = info->size;
	int error = io_option_size(spec, "offset", &offset);

	if (error)
		return error;
	if (offset >= most || offset & (info->logical_block - 1))
		return io_fail(spec, -HYP_EINVAL, "window: offset=%" PRIu64 ": give a multiple of %u below %" PRIu64,
			       offset, info->logical_block, most);
	size = most - offset;
	error = io_option_size(spec, "size", &size);
	if (error)
		return error;
	if (!size || size > most - offset || size & (info->logical_block - 1))
		return io_fail(spec, -HYP_EINVAL,
			       "window: size=%" PRIu64 ": give a multiple of %u up to %" PRIu64
			       ", which is what %s has from there on",
			       size, info->logical_block, most - offset, spec->rest);
	window->offset = offset;
	info->size = size;
	/* A window that begins within a physical block has torn and rewritten units only of what divides both. */
	while (info->physical_block > info->logical_block && offset & (info->physical_block - 1))
		info->physical_block >>= 1;
	while (info->discard_granularity > info->logical_block && offset % info->discard_granularity)
		info->discard_granularity >>= 1;
	return 0;
}

static int window_open(struct io_spec *spec, struct hyp_blk **disk)
{
	struct blk_wrapper *wrapper;
	/* Who opens it as a part says which by itself, later. */
	bool is_part = spec->flags & HYP_BLK_OPEN_PART;
	int error = blk_wrapper_open(spec, spec->flags | HYP_BLK_OPEN_PART, sizeof(struct window), &ops, complete,
				     &wrapper);

	if (error)
		return error;
	error = place(spec, (struct window *)wrapper);
	if (!error && !is_part)
		error = claim(&wrapper->device.disk, 0, wrapper->device.disk.info.size, spec->error, spec->error_size);
	if (error) {
		blk_wrapper_close(&wrapper->device.disk);
		return error;
	}
	*disk = &wrapper->device.disk;
	return 0;
}

static const char *const keys[] = { "offset", "size", NULL };

extern const struct blk_backend blk_backend_window;
const struct blk_backend blk_backend_window = {
	.about = { .name = "window", .keys = keys, .help = "window,offset=BYTES,size=BYTES:SPEC" },
	.open = window_open,
};
