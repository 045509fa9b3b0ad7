// SPDX-License-Identifier: BSD-2-Clause
/* What network wrappers share: opening and closing the device that they stand on */
#include <stdlib.h>

#include "net.h"

int net_wrapper_open(struct io_spec *spec, size_t size, const struct hyp_net_ops *ops, struct net_wrapper **wrapper)
{
	struct net_wrapper *made;
	int error;

	if (!*spec->rest)
		return io_fail(spec, -HYP_EINVAL, "%s: names nothing to stand on; write %s", spec->name,
			       spec->backend->help);
	made = calloc(1, size);
	if (!made)
		return io_fail(spec, -HYP_ENOMEM, "%s: no memory", spec->name);
	error = hyp_net_open(spec->rest, spec->flags, &made->lower, spec->error, spec->error_size);
	if (error) {
		free(made);
		return error;
	}
	made->device.net = (struct hyp_net){ .ops = ops, .info = made->lower->info };
	*wrapper = made;
	return 0;
}

void net_wrapper_close(struct hyp_net *net)
{
	struct net_wrapper *wrapper = (struct net_wrapper *)net;

	wrapper->lower->ops->close(wrapper->lower);
	free(wrapper);
}

bool net_wrapper_link(struct hyp_net *net)
{
	struct net_wrapper *wrapper = (struct net_wrapper *)net;

	return wrapper->lower->ops->link(wrapper->lower);
}
