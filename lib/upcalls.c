// SPDX-License-Identifier: BSD-2-Clause
/*
 * Upcalls of the platform, handed on to the image.
 *
 * The platform takes its upcalls when an instance is made, which is before the image can be loaded into the instance's
 * memory. No gate: fini() of the platform frees that memory, and does so when no upcall runs any more.
 */
#include "internal.h"

/* Also in signal handlers: one load. NULL until the image is loaded. */
static const struct hyp_upcalls *upcalls(void *cookie)
{
	const struct rumpus *kernel = cookie;
	const struct rumpus_image_ops *image = __atomic_load_n(&kernel->image.ops, __ATOMIC_ACQUIRE);

	return image ? &image->upcalls : NULL;
}

static void timer(void *cookie, uint32_t n)
{
	const struct hyp_upcalls *image = upcalls(cookie);

	if (image && image->timer)
		image->timer(NULL, n);
}

static void console(void *cookie)
{
	const struct hyp_upcalls *image = upcalls(cookie);

	if (image && image->console)
		image->console(NULL);
}

static void stop(void *cookie)
{
	const struct hyp_upcalls *image = upcalls(cookie);

	if (image && image->stop)
		image->stop(NULL);
}

static bool fault(void *cookie, struct hyp_fault *fault)
{
	const struct hyp_upcalls *image = upcalls(cookie);

	return image && image->fault && image->fault(NULL, fault);
}

const struct hyp_upcalls upcalls_of_kernel = {
	.timer = timer,
	.console = console,
	.stop = stop,
	.fault = fault,
};
