// SPDX-License-Identifier: BSD-2-Clause
/* rumpuser_init(): the instance beneath us and the kernel's upcalls above */
#include "internal.h"

/* Before there is a kernel, there are no virtual CPUs to give back. */
static void none_schedule(void)
{
}

static void none_backend_unschedule(int nlocks, int *countp, void *interlock)
{
	*countp = nlocks;
}

static void none_backend_schedule(int nlocks, void *interlock)
{
}

struct rumpuser_hyperup ru_up = {
	.hyp_schedule = none_schedule,
	.hyp_unschedule = none_schedule,
	.hyp_backend_unschedule = none_backend_unschedule,
	.hyp_backend_schedule = none_backend_schedule,
};

void (*ru_before_sleep)(void);

const struct hyp_ops *ru_ops;
struct hyp *ru_hyp;
struct hyp_info ru_info;

static void console(void *owner, const char *text, size_t len)
{
	ru_host_write(text, len);
}

static int param(void *owner, const char *name, char *value, size_t size)
{
	return ru_host_param(name, value, size);
}

int ru_start(void)
{
	/* All memory is anonymous: of the object itself, none is needed; but of mappings, one for each MiB of a page
	 * cache. */
	static const struct hyp_config config = {
		.mem_bound = 1 << 20,
		.map_budget = 32768,
		.console = console,
		.param = param,
	};
	static const struct hyp_upcalls upcalls;
	const struct hyp_ops *ops = hyp_platform();
	int ret;

	if (ru_hyp)
		return 0;
	ret = ru_host_start();
	if (!ret)
		ret = ops->init(HYP_VERSION, &config, &upcalls, NULL, &ru_hyp, &ru_info);
	if (ret) {
		ru_warn("rumpuser_init: platform %s: %s", ops->name, ru_error_text(ru_error(ret)));
		return ru_error(ret);
	}
	ru_ops = ops;
	return 0;
}

int rumpuser_init(int version, const struct rumpuser_hyperup *upcalls)
{
	int error;

	if (version != RUMPUSER_VERSION) {
		ru_warn("rumpuser_init: the rump kernel wants revision %d of rumpuser(3), this library has revision %d; "
			"use libraries of NetBSD that match it",
			version, RUMPUSER_VERSION);
		return RU_EINVAL;
	}
	error = ru_start();
	if (error)
		return error;
	ru_up = *upcalls;
	return 0;
}
