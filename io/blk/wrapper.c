// SPDX-License-Identifier: BSD-2-Clause
/* What wrappers share: opening, attaching to, polling, claiming and closing the device that they stand on */
#include <stdlib.h>

#include "blk.h"

int blk_wrapper_open(struct io_spec *spec, uint32_t flags, size_t size, const struct hyp_blk_ops *ops,
		     hyp_blk_complete_fn *complete, struct blk_wrapper **wrapper)
{
	struct blk_wrapper *made;
	int error;

	if (!*spec->rest)
		return io_fail(spec, -HYP_EINVAL, "%s: names nothing to stand on; write %s", spec->name,
			       spec->backend->help);
	made = calloc(1, size);
	if (!made)
		return io_fail(spec, -HYP_ENOMEM, "%s: no memory", spec->name);
	error = hyp_blk_open(spec->rest, flags, &made->lower, spec->error, spec->error_size);
	if (error)
		goto free_wrapper;
	error = made->lower->ops->attach(made->lower, complete, made);
	if (error)
		goto close_lower;
	made->device.disk = (struct hyp_blk){ .ops = ops, .info = made->lower->info };
	*wrapper = made;
	return 0;

close_lower:
	made->lower->ops->close(made->lower);
free_wrapper:
	free(made);
	return error;
}

void blk_wrapper_close(struct hyp_blk *disk)
{
	struct blk_wrapper *wrapper = (struct blk_wrapper *)disk;

	wrapper->lower->ops->detach(wrapper->lower);
	wrapper->lower->ops->close(wrapper->lower);
	free(wrapper);
}

uint32_t blk_wrapper_poll(struct hyp_blk *disk)
{
	struct blk_wrapper *wrapper = (struct blk_wrapper *)disk;

	return wrapper->lower->ops->poll ? wrapper->lower->ops->poll(wrapper->lower) : 0;
}

int blk_wrapper_claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	struct blk_wrapper *wrapper = (struct blk_wrapper *)disk;
	int result = blk_check_claim(&disk->info, offset, size, error, error_size);

	return result ? result : blk_claim(wrapper->lower, offset, size, error, error_size);
}
